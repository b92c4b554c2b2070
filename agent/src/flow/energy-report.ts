import {
  type Amount,
  amount,
  compare,
  type EpochMs,
  epochMs,
  type IntervalRecord,
  type MeterId,
} from '@metergate/protocol'
import type { GroupEntry } from '../config/energy-schema.js'
import type { EnergyReport } from '../control/calls.js'
import type { Prices } from '../energy/cost.js'
import { convertEnergy, energyFactor, type FactorId } from '../energy/factors.js'
import type { RestDays } from '../energy/loads.js'
import { matchSpans, outputOf } from '../energy/match.js'
import { downToPerMille, meterFigures } from '../energy/meter-figures.js'
import { balanceGap } from '../energy/meter-group.js'
import type { IntervalMinutes, PlantZone, Slot } from '../energy/plant-time.js'
import type { ProductPlan } from '../energy/product-book.js'
import { slotEnergy, slotsOf, sum } from '../energy/spans.js'
import type { Tariff } from '../energy/tariff.js'
import { byWeight, UNIT_ENERGY_FORMULA, unitEnergy } from '../energy/unit-energy.js'
import { checkDuplicates, checkLoadFactor } from '../energy/vee.js'
import { type VeeLimits, veeCheck } from '../energy/vee-table.js'
import type { RecordStore } from '../store/record-store.js'
import { baselineOf } from './energy-baseline.js'
import { asCheck, checkDays, wholeDays } from './energy-checks.js'
import { groupRow } from './energy-groups.js'
import { type LedgerSpan, ledgerBetween } from './energy-ledger.js'
import { tariffRow } from './energy-tariff.js'

export interface ReportParts {
  readonly zone: PlantZone
  readonly minutes: IntervalMinutes
  readonly meters: readonly { readonly id: MeterId; readonly label: string; readonly hasEnergy: boolean }[]
  readonly products: readonly ReportProduct[]
  readonly groups?: readonly GroupEntry[]
  readonly tariff?: { readonly meter: MeterId; readonly tariff: Tariff; readonly prices: Prices } | undefined
  readonly co2?: FactorId
  readonly contractKw?: Amount | undefined
  /** The site's own limits of the checks. */
  readonly limits?: VeeLimits | undefined
  /** The plant's calendar of rest days; absent: none is configured. */
  readonly isRestDay?: RestDays | undefined
}

export interface ReportProduct {
  readonly plan: ProductPlan
  readonly label: string
  readonly weightKg?: Amount | undefined
  /** First and last day of the baseline. */
  readonly baseline?: Slot | undefined
}

const IMPORT = 'energy_active_import_total'
const DAY_MS = 86_400_000
const ZERO = amount(0, 0)

/** Everything known of a span from the stored ledger; null where nothing is known, never 0. */
export function energyReport(store: RecordStore, parts: ReportParts, period: Slot): EnergyReport {
  const { zone, minutes } = parts
  const ledger = ledgerBetween(store, period)
  const slots = slotsOf(period, zone, minutes)
  const electricity = parts.meters.filter(({ hasEnergy }) => hasEnergy)
  const groups = (parts.groups ?? []).map((group) => groupRow(group, slots, ledger.byMeter, parts.limits))
  const meters = electricity.map((meter) => meterRow(meter, parts, period, ledger))
  return {
    start: period.start,
    end: period.end,
    zone: zone.name,
    meters,
    groups,
    products: parts.products.map((product) => productRow(store, product, parts, period, ledger)),
    tariff: tariffRow(parts, meters, ledger.byMeter),
    checks: [...checksOf(parts, period, ledger), ...checksOfSpan(parts, meters, period, ledger)],
    events: ledger.events.map(({ at, event: { code, meter } }) => ({
      code,
      ...(meter ? { meter } : {}),
      at: epochMs(at),
    })),
    ...curveOf(parts, meters, ledger, period),
  }
}

type MeterRow = EnergyReport['meters'][number]
const NO_INTERVALS: ReadonlyMap<number, IntervalRecord> = new Map()

function meterRow(
  { id, label }: ReportParts['meters'][number],
  { zone, minutes, co2 = 'co2-zhejiang-2023', isRestDay }: ReportParts,
  period: Slot,
  { byMeter }: LedgerSpan,
): MeterRow {
  const figures = meterFigures(period, zone, minutes, byMeter.get(id) ?? NO_INTERVALS, isRestDay)
  const { total, run } = figures
  const isKnown = total.timeCoverage.n > 0
  const energy = isKnown ? total.total : null
  return {
    meter: id,
    label,
    energy,
    estimated: isKnown ? total.estimated : null,
    bridged: isKnown ? total.bridged : null,
    coverage: downToPerMille(total.timeCoverage),
    total_quality: total.totalQuality,
    intervals: {
      expected: total.expectedCount,
      measured: total.measuredCount,
      estimated: total.estimatedCount,
    },
    demand: figures.demandBlock,
    demand_sliding: figures.demandSliding,
    load_factor: figures.loadFactor,
    reactive: figures.reactive,
    power_factor_hundredths: figures.powerFactorHundredths,
    base_load: figures.baseLoad,
    rest_day_load: figures.restDayLoad,
    night_share: figures.nightShare,
    run: run && { threshold_kw: run.thresholdKw, idle_minutes: run.idle, run_minutes: run.run },
    coal: energy && convertEnergy(energy, energyFactor('kgce-gbt2589-2020')),
    co2: energy && convertEnergy(energy, energyFactor(co2)),
  }
}

function productRow(
  store: RecordStore,
  { plan, label, weightKg, baseline }: ReportProduct,
  { zone, minutes }: ReportParts,
  period: Slot,
  { intervals, production }: LedgerSpan,
): EnergyReport['products'][number] {
  const spanMinutes = period.end - period.start > DAY_MS / 2 ? 60 : minutes
  const { id: product, meters } = plan
  const spans = matchSpans({ period, zone, minutes, spanMinutes, product, meters, intervals, production })
  const figure = unitEnergy(spans)
  const made = outputOf(product, period, production)
  const isMatched = figure.matchedMs > 0
  return {
    product,
    label,
    unit: plan.unit,
    output: made?.output ?? null,
    energy: spans.some(({ energy }) => energy) ? figure.energyTotal : null,
    value: figure.value,
    ...(figure.reason ? { no_value: figure.reason } : {}),
    matched: figure.expectedMs > 0 ? Math.floor((figure.matchedMs * 1000) / figure.expectedMs) : 0,
    per_kg: weightKg ? unitEnergy(byWeight(spans, weightKg)).value : null,
    process: figure.processValue,
    idle_energy: isMatched ? figure.idleEnergy : null,
    idle_share: figure.idleShare,
    estimated: figure.estimated,
    formula: UNIT_ENERGY_FORMULA,
    baseline: baseline ? baselineOf(store, { product, baseline, period }) : null,
  }
}

/** The checks of every whole day of the span, meter by meter, and each main meter against its sub meters. */
function checksOf(
  { zone, minutes, meters, groups = [], contractKw, tariff, limits, isRestDay }: ReportParts,
  period: Slot,
  ledger: LedgerSpan,
) {
  const days = wholeDays(period, zone).map((day) => ({ day, slots: slotsOf(day, zone, minutes) }))
  const ofMeters = meters
    .filter(({ hasEnergy }) => hasEnergy)
    .flatMap(({ id }) => {
      const intervals = ledger.byMeter.get(id) ?? NO_INTERVALS
      const isWhole = id === tariff?.meter || groups.some((group) => group.kind === 'main_and_sub' && group.main === id)
      return checkDays(
        id,
        days.map((one) => ({ ...one, intervals })),
        { zone, limits, isRestDay, contractKw: isWhole ? contractKw : undefined },
      )
    })
  const ofGroups = groups.flatMap((group) =>
    days.flatMap(({ day, slots }): EnergyReport['checks'] => {
      if (group.kind !== 'main_and_sub') return []
      const line = (meter: MeterId) =>
        slots.map(({ start }) => slotEnergy(ledger.byMeter.get(meter)?.get(start), IMPORT))
      const { severity, limit } = veeCheck('energy_balance', limits)
      const { share, isBeyond } = balanceGap(line(group.main), group.meters.map(line), limit)
      if (!isBeyond || !share || !limit) return []
      return [
        { meter: group.id, check: 'energy_balance', severity, ...day, value: decimal(share), limit: decimal(limit) },
      ]
    }),
  )
  return [...ofMeters, ...ofGroups]
}

/** Checks of the span as a whole: intervals given twice, and the load factor of a month. */
function checksOfSpan(
  { zone, limits }: ReportParts,
  meters: readonly MeterRow[],
  period: Slot,
  { intervals }: LedgerSpan,
) {
  const month = zone.month(period.start)
  const isMonth = month.start === period.start && month.end === period.end
  return meters.flatMap(({ meter, load_factor: factor }) => {
    const own = intervals.flatMap((one) => (one.meter === meter ? [contentOf(one)] : []))
    const found = [...checkDuplicates(own), ...(isMonth && factor ? checkLoadFactor(factor, period, limits) : [])]
    return found.map((one) => asCheck(meter, one))
  })
}

/** Without the stamp, which tells only when it was written. */
function contentOf({ stamp: _, ...content }: IntervalRecord) {
  return content
}

const decimal = ({ n, exp }: Amount): string => (n * 10 ** exp).toFixed(Math.max(0, -exp))

/** kWh per hour or day of the first group's main meter, else of the meter with the most: a sum could count sub meters twice. */
function curveOf(
  { zone, meters, groups = [] }: ReportParts,
  rows: readonly MeterRow[],
  { byMeter }: LedgerSpan,
  { start, end }: Slot,
): Pick<EnergyReport, 'steps' | 'steps_of'> {
  const main = groups.flatMap((group) => (group.kind === 'main_and_sub' ? [group.main] : []))[0]
  const meter = main ?? largest(rows) ?? meters.find(({ hasEnergy }) => hasEnergy)?.id
  if (!meter) return { steps: [], steps_of: null }
  const intervals = byMeter.get(meter) ?? NO_INTERVALS
  const isDaily = end - start > 1.5 * DAY_MS
  const steps: EnergyReport['steps'] = []
  for (let at: number = start; at < end; ) {
    const slot = isDaily ? zone.day(epochMs(at)) : zone.slot(at, 60)
    const upTo = Math.min(slot.end, end)
    steps.push({ start: epochMs(at), end: epochMs(upTo), energy: energyIn(intervals, epochMs(at), upTo) })
    at = upTo
  }
  return { steps, steps_of: { kind: main ? 'main' : 'largest', meter } }
}

/** The meter with the most energy of the span; undefined when nothing is known of any. */
function largest(rows: readonly MeterRow[]): MeterId | undefined {
  let [found, most]: [MeterId | undefined, Amount] = [undefined, ZERO]
  for (const { meter, energy } of rows) {
    if (!energy || compare(energy, most) <= 0) continue
    found = meter
    most = energy
  }
  return found
}

/** What is known of a step; null when nothing is. */
function energyIn(intervals: ReadonlyMap<number, IntervalRecord>, from: EpochMs, to: number): Amount | null {
  const known: Amount[] = []
  for (const [start, one] of intervals) {
    if (start < from || one.end > to) continue
    const { energy } = slotEnergy(one, IMPORT)
    if (energy) known.push(energy)
  }
  return known.length > 0 ? sum(known) : null
}
