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

/** A meter's energy over a while, and how much of the time that has passed it is the energy of. */
export interface EnergyFigure {
  readonly kwh: number
  /** Metered ÷ passed time; 1 only when all of it was metered. */
  readonly known: number
}

const HOUR_MS = 3_600_000
/** An hour's last interval closes with a later reading and has its way to go. */
const ON_ITS_WAY_MS = 15 * 60_000

/** The energy of several steps; undefined when none of them has a value. */
export function energyOf(steps: readonly EnergyStep[], now: number): EnergyFigure | undefined {
  const values = steps.flatMap((step) => (step.energy ? [toNumber(step.energy)] : []))
  if (values.length === 0) return undefined
  return { kwh: values.reduce((sum, value) => sum + value, 0), known: knownShare(steps, now) }
}

/** The hour that is running says nothing yet: how long the intervals are in which its energy comes is not known here. */
function knownShare(steps: readonly EnergyStep[], now: number): number {
  let [coveredMs, passedMs] = [0, 0]
  for (const { start, end, coverage } of steps) {
    const hours = Math.floor((now - ON_ITS_WAY_MS - start) / HOUR_MS)
    const closedMs = Math.max(0, Math.min(end - start, hours * HOUR_MS))
    passedMs += closedMs
    coveredMs += Math.min(closedMs, ((end - start) * coverage) / 1000)
  }
  return passedMs > 0 ? coveredMs / passedMs : 1
}

/** What to say of a figure that is not of all its time: whole per cent, never 100; undefined when it is. */
export const percentKnown = (known: number): number | undefined => (known < 1 ? Math.floor(known * 100) : undefined)

/** Whether two meters' steps are of the same time, all of it known as far as it has passed: else one is no share of the other. */
export function areComparable(a: readonly EnergyStep[], b: readonly EnergyStep[], now: number): boolean {
  if (knownShare(a, now) < 1 || knownShare(b, now) < 1) return false
  const coverage = new Map(b.map((step) => [step.start, step.coverage]))
  return a.length === b.length && a.every((step) => coverage.get(step.start) === step.coverage)
}

export interface UnitEnergyFigure {
  readonly product: string
  readonly unit: string
  /** Both only of the time where both are known. */
  readonly energy: number
  readonly output: number
  /** That time ÷ all time of the rows. */
  readonly matched: number
  /** kWh per unit, or undefined with the reason. */
  readonly value: number | undefined
  readonly reason: TextKey | undefined
}

/** Below this share of matched time the box gives no ratio, and so does the page. */
const LEAST_MATCHED = 0.9

/** A row's figure is the box's own; of several rows the ratio of sums, by the rule of the box. */
export function unitEnergyOf(product: string, rows: readonly UnitEnergyRow[]): UnitEnergyFigure | undefined {
  const own = rows.filter((row) => row.product === product)
  const newest = own.at(-1)
  if (!newest) return undefined
  const sum = (part: (row: UnitEnergyRow) => number): number => own.reduce((all, row) => all + part(row), 0)
  const energy = sum((row) => (row.energy && row.output ? toNumber(row.energy) : 0))
  const output = sum((row) => (row.energy && row.output ? toNumber(row.output) : 0))
  // From end to end: a row that never came is time nobody knows of.
  const lengthMs = Math.max(...own.map(({ end }) => end)) - Math.min(...own.map(({ start }) => start))
  const matched = Math.min(1, sum(({ matched, start, end }) => (matched / 1000) * (end - start)) / lengthMs)
  const figure = { product, unit: newest.unit, energy, output, matched }
  if (own.length === 1) {
    const value = newest.value ? toNumber(newest.value) : undefined
    return { ...figure, value, reason: value === undefined ? newest.no_value : undefined }
  }
  const reason = whyNoRatio(own, figure)
  return { ...figure, value: reason ? undefined : energy / output, reason }
}

function whyNoRatio(
  rows: readonly UnitEnergyRow[],
  { energy, output, matched }: Pick<UnitEnergyFigure, 'energy' | 'output' | 'matched'>,
): TextKey | undefined {
  if (rows.every(({ no_value }) => no_value === 'missing_production')) return 'missing_production'
  if (matched < LEAST_MATCHED) return 'insufficient_data'
  if (output > 0) return undefined
  return energy === 0 ? 'no_activity' : 'no_production'
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
