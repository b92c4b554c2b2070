/**
 * Indicators that set a plant's energy beside its sales, output, land and peers. Statistics over declared figures, so plain
 * numbers; energies come exactly summed. The index stands in for the district's own, whose formula is not public.
 */
export const INDICATOR_FORMULA = 'indicators/1'

export interface PlantMonth {
  readonly id: string
  readonly kwh: number
  /** Good output, pairs. */
  readonly pairs: number
  /** Tax-exclusive, in 10 000 CNY. */
  readonly sales: number
  readonly tax: number
  /** Land used, 亩. */
  readonly land: number
  /** Measured ÷ expected intervals. */
  readonly completeness: number
  readonly kwhBefore: number
  readonly salesBefore: number
}

export interface IndicatorRules {
  readonly minCompleteness: number
  readonly kgcePerKwh: number
  readonly co2PerKwh: number
}

export type IndicatorReason = 'insufficient_data' | 'no_sales' | 'no_production' | 'no_activity'
export type Band = 'low' | 'normal' | 'elevated' | 'high'
export type IndicatorWarning =
  | 'data_incomplete'
  | 'electricity_down_sales_up'
  | 'electricity_without_sales'
  | 'sales_without_production'

export interface PlantIndicators {
  readonly id: string
  /** kWh per 10 000 CNY of sales (电销比), and its inverse, CNY per kWh. */
  readonly electricityPerSales: number | null
  readonly electricityPerSalesReason: IndicatorReason | null
  readonly salesPerKwh: number | null
  readonly unitEnergy: number | null
  readonly unitEnergyReason: IndicatorReason | null
  readonly bmiEs: number | null
  readonly bmiSec: number | null
  readonly bmi: number | null
  readonly bmiReason: IndicatorReason | null
  readonly bandEs: Band | null
  readonly bandSec: Band | null
  /** Of both components the worse: the composite alone hides opposite deviations. */
  readonly band: Band | null
  readonly robustZ: number | null
  readonly taxPerMu: number | null
  readonly kwhPerMu: number | null
  readonly kgce: number | null
  readonly co2Kg: number | null
  readonly kwhChange: number | null
  readonly salesChange: number | null
  readonly warnings: readonly IndicatorWarning[]
}

export interface DistrictIndicators {
  readonly electricityPerSalesReference: number | null
  readonly unitEnergyReference: number | null
  readonly electricityPerSalesMad: number | null
  readonly plants: readonly PlantIndicators[]
}

/** Works out a month of a district; a plant below the least completeness has no figures, only a warning. */
export function districtIndicators(plants: readonly PlantMonth[], rules: IndicatorRules): DistrictIndicators {
  const figures = plants.map((plant) => ({ plant, es: perSales(plant, rules), sec: perPair(plant, rules) }))
  const es = figures.flatMap((one) => one.es.value ?? [])
  const esReference = median(es)
  const secReference = median(figures.flatMap((one) => one.sec.value ?? []))
  const mad = esReference === null ? null : median(es.map((value) => Math.abs(value - esReference)))
  return {
    electricityPerSalesReference: esReference,
    unitEnergyReference: secReference,
    electricityPerSalesMad: mad,
    plants: figures.map((one) => indicatorsOf(one, rules, { esReference, secReference, mad })),
  }
}

interface Ratio {
  readonly value: number | null
  readonly reason: IndicatorReason | null
}
interface References {
  readonly esReference: number | null
  readonly secReference: number | null
  readonly mad: number | null
}
const isComplete = ({ completeness }: PlantMonth, { minCompleteness }: IndicatorRules) =>
  completeness >= minCompleteness

function perSales(plant: PlantMonth, rules: IndicatorRules): Ratio {
  if (!isComplete(plant, rules)) return { value: null, reason: 'insufficient_data' }
  return plant.sales > 0 ? { value: plant.kwh / plant.sales, reason: null } : { value: null, reason: 'no_sales' }
}

function perPair(plant: PlantMonth, rules: IndicatorRules): Ratio {
  if (!isComplete(plant, rules)) return { value: null, reason: 'insufficient_data' }
  if (plant.pairs > 0) return { value: plant.kwh / plant.pairs, reason: null }
  return { value: null, reason: plant.kwh > 0 ? 'no_production' : 'no_activity' }
}

function indicatorsOf(
  { plant, es, sec }: { readonly plant: PlantMonth; readonly es: Ratio; readonly sec: Ratio },
  rules: IndicatorRules,
  { esReference, secReference, mad }: References,
): PlantIndicators {
  const complete = isComplete(plant, rules)
  const bmiEs = es.value !== null && esReference ? (BMI_NORMAL * es.value) / esReference : null
  const bmiSec = sec.value !== null && secReference ? (BMI_NORMAL * sec.value) / secReference : null
  const hasBoth = bmiEs !== null && bmiSec !== null
  const [bandEs, bandSec] = hasBoth ? [bandOf(bmiEs), bandOf(bmiSec)] : [null, null]
  const kwhChange = complete ? change(plant.kwh, plant.kwhBefore) : null
  const salesChange = complete ? change(plant.sales, plant.salesBefore) : null
  return {
    id: plant.id,
    electricityPerSales: es.value,
    electricityPerSalesReason: es.reason,
    salesPerKwh: es.value !== null && plant.kwh > 0 ? (10_000 * plant.sales) / plant.kwh : null,
    unitEnergy: sec.value,
    unitEnergyReason: sec.reason,
    bmiEs: hasBoth ? bmiEs : null,
    bmiSec: hasBoth ? bmiSec : null,
    bmi: hasBoth ? Math.sqrt(bmiEs * bmiSec) : null,
    bmiReason: es.reason ?? sec.reason,
    bandEs,
    bandSec,
    band: bandEs && bandSec && (SEVERITY[bandSec] > SEVERITY[bandEs] ? bandSec : bandEs),
    robustZ: es.value !== null && esReference !== null && mad ? (es.value - esReference) / (1.4826 * mad) : null,
    taxPerMu: plant.land > 0 ? plant.tax / plant.land : null,
    kwhPerMu: complete && plant.land > 0 ? plant.kwh / plant.land : null,
    kgce: complete ? plant.kwh * rules.kgcePerKwh : null,
    co2Kg: complete ? plant.kwh * rules.co2PerKwh : null,
    kwhChange,
    salesChange,
    warnings: complete ? warningsOf(plant, kwhChange, salesChange) : ['data_incomplete'],
  }
}

/** The middle of the normal band of the body-health index it is modelled on. */
const BMI_NORMAL = 22
const SEVERITY: Readonly<Record<Band, number>> = { normal: 0, low: 1, elevated: 1, high: 2 }

export function bandOf(bmi: number): Band {
  if (bmi < 18.5) return 'low'
  if (bmi < 24) return 'normal'
  return bmi < 28 ? 'elevated' : 'high'
}

function warningsOf(plant: PlantMonth, kwhChange: number | null, salesChange: number | null): IndicatorWarning[] {
  const { kwh, sales, pairs } = plant
  const fellWhileSalesRose = kwhChange !== null && salesChange !== null && kwhChange <= -0.2 && salesChange >= 0.1
  return [
    ...(fellWhileSalesRose ? (['electricity_down_sales_up'] as const) : []),
    ...(kwh >= 1000 && sales === 0 ? (['electricity_without_sales'] as const) : []),
    ...(kwh >= 1000 && sales > 0 && pairs === 0 ? (['sales_without_production'] as const) : []),
  ]
}

const change = (now: number, before: number): number | null => (before > 0 ? now / before - 1 : null)

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low, high] = [sorted[sorted.length % 2 ? middle : middle - 1], sorted[middle]]
  return low === undefined || high === undefined ? null : (low + high) / 2
}
