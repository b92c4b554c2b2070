import {
  type Amount,
  amount,
  compare,
  type EpochMs,
  epochMs,
  type IntervalRecord,
  type MeterId,
} from '@metergate/protocol'
import type { EnergyReport } from '../control/calls.js'
import { convertEnergy, energyFactor } from '../energy/factors.js'
import { matchSpans, outputOf } from '../energy/match.js'
import { downToPerMille, meterFigures } from '../energy/meter-figures.js'
import type { Slot } from '../energy/plant-time.js'
import { knownEnergy, slotsOf, sum } from '../energy/spans.js'
import { byWeight, UNIT_ENERGY_FORMULA, unitEnergy } from '../energy/unit-energy.js'
import type { RecordStore } from '../store/record-store.js'
import { baselineOf } from './energy-baseline.js'
import { groupRow } from './energy-groups.js'
import { type LedgerSpan, ledgerBetween } from './energy-ledger.js'
import { tariffRow } from './energy-tariff.js'
import { checksOf, checksOfSpan } from './report-checks.js'
import type { ReportParts, ReportProduct } from './report-parts.js'

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
    tariff: tariffRow(parts, meters, ledger.byMeter, period),
    checks: [...checksOf(store, parts, period, ledger), ...checksOfSpan(parts, meters, period, ledger)],
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
  { zone, minutes, products }: ReportParts,
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
    shares_energy_with: products.flatMap(({ plan: { id, meters: others } }) =>
      id !== product && others.some((meter) => meters.includes(meter)) ? [id] : [],
    ),
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
    const energy = knownEnergy(one, IMPORT)
    if (energy) known.push(energy)
  }
  return known.length > 0 ? sum(known) : null
}
