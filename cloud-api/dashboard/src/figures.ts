import type { Amount, EnergyStep, HeartbeatRequest, MeterSummary, UnitEnergyRow } from '@metergate/protocol/http'
import type { TextKey } from './texts'

/** An amount as a number for showing; the figures themselves are added up exactly, on the box. */
export const toNumber = ({ n, exp }: Amount): number => (exp >= 0 ? n * 10 ** exp : n / 10 ** -exp)

/** Digits fit for a person: three significant ones below 100, whole numbers with separators above. */
export function show(value: number | undefined, language: 'zh' | 'en', digits?: number): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  const fraction = digits ?? (Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : Math.abs(value) >= 1 ? 2 : 3)
  return value.toLocaleString(language === 'zh' ? 'zh-CN' : 'en-GB', {
    minimumFractionDigits: fraction,
    maximumFractionDigits: fraction,
  })
}

export function lastNumber(meter: MeterSummary, quantity: string): number | undefined {
  const found = meter.last.find((value) => value.quantity === quantity)
  return found?.value && !found.suspect ? toNumber(found.value) : undefined
}

/** Kilowatt-hours of several steps; undefined when none of them has a value. */
export function sumEnergy(steps: readonly EnergyStep[]): number | undefined {
  const known = steps.flatMap((step) => (step.energy ? [toNumber(step.energy)] : []))
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) : undefined
}

export interface UnitEnergyFigure {
  readonly product: string
  readonly unit: string
  /** Both only of the time where both are known. */
  readonly energy: number
  readonly output: number
  /** kWh per unit, or undefined with the reason. */
  readonly value: number | undefined
  readonly reason: TextKey | undefined
}

/** Ratio of sums over rows of one product, as on the box; the reason of the newest row when there is no ratio. */
export function unitEnergyOf(product: string, rows: readonly UnitEnergyRow[]): UnitEnergyFigure | undefined {
  const own = rows.filter((row) => row.product === product)
  const newest = own.at(-1)
  if (!newest) return undefined
  let energy = 0
  let output = 0
  for (const row of own) {
    if (!row.energy || !row.output) continue
    energy += toNumber(row.energy)
    output += toNumber(row.output)
  }
  const value = output > 0 ? energy / output : undefined
  return {
    product,
    unit: newest.unit,
    energy,
    output,
    value,
    reason: value === undefined ? newest.no_value : undefined,
  }
}

/**
 * The meter of the whole plant, where that is beyond doubt: the one the bill is made by, the main meter of a group, the one whose
 * id is `main`, or the only one labelled 总表 or 总进线.
 */
export function mainMeter(
  meters: readonly MeterSummary[],
  told: Pick<HeartbeatRequest, 'groups' | 'billing_meter'> = {},
): MeterSummary | undefined {
  const energy = meters.filter((meter) => !isCounter(meter))
  const byId = (id: string | undefined) => energy.find(({ meter }) => meter === id)
  const ofGroup = told.groups?.find((group) => group.kind === 'main_and_sub')
  const labelled = energy.filter(({ label }) => /^(总表|总电表|总进线)/.test(label))
  return (
    byId(told.billing_meter) ??
    byId(ofGroup?.kind === 'main_and_sub' ? ofGroup.main : undefined) ??
    byId('main') ??
    (labelled.length === 1 ? labelled[0] : undefined)
  )
}

export const isCounter = (meter: MeterSummary): boolean =>
  meter.last.length > 0 && meter.last.every((value) => value.quantity.startsWith('pulse_count'))
