import { type Amount, add, compare, type EpochMs, multiply, ratio } from '@metergate/protocol'
import type { PlantZone } from './plant-time.js'
import { sum } from './spans.js'

/** Mean power of one interval, kW; `measured` false for estimates and worse. */
export interface IntervalPower {
  readonly start: EpochMs
  readonly end: EpochMs
  readonly kw: Amount | null
  readonly measured: boolean
}

/** A figure or why there is none. */
export type Figure =
  | { readonly value: Amount; readonly reason: null }
  | { readonly value: null; readonly reason: 'insufficient_data' | 'not_configured' | 'no_activity' | 'one_mode' }

const none = (reason: 'insufficient_data' | 'not_configured' | 'no_activity' | 'one_mode'): Figure => ({
  value: null,
  reason,
})
const figure = (value: Amount | undefined): Figure => (value ? { value, reason: null } : none('no_activity'))

/** Mean power of an interval from its energy (kWh), kW at six decimals. */
export function meanKw(energy: Amount, start: number, end: number): Amount | null {
  return ratio(multiply(energy, { n: 36, exp: 5 }), { n: end - start, exp: 0 }, -6) ?? null
}

/** The p-th percentile by nearest rank: the ⌈p·n⌉-th smallest. Undefined for none. */
export function nearestRank(values: readonly Amount[], percent: number): Amount | undefined {
  const sorted = [...values].sort(compare)
  return sorted[Math.max(1, Math.ceil((percent * sorted.length) / 100)) - 1]
}

/**
 * Base load: 10th percentile of interval mean power over the last 7 days, measured intervals only, when at least 90 %
 * of them are.
 */
export function baseLoad(intervals: readonly IntervalPower[]): Figure {
  const measured = intervals.flatMap(({ kw, measured: isMeasured }) => (kw && isMeasured ? [kw] : []))
  if (intervals.length === 0 || measured.length * 10 < intervals.length * 9) return none('insufficient_data')
  return figure(nearestRank(measured, 10))
}

/** Whether a civil date (`2026-02-17`, weekday 1 Monday … 7 Sunday) is a rest day of the plant. */
export type RestDays = (day: { readonly date: string; readonly weekday: number }) => boolean

/** Mean power on rest days by the plant's calendar; no calendar, no figure. */
export function restDayLoad(
  intervals: readonly IntervalPower[],
  isRestDay: RestDays | undefined,
  zone: PlantZone,
): Figure {
  if (!isRestDay) return none('not_configured')
  const known = intervals.flatMap(({ start, kw }) => (kw && isRestDay(zone.local(start)) ? [kw] : []))
  return known.length ? figure(ratio(sum(known), { n: known.length, exp: 0 }, -6)) : none('insufficient_data')
}

/** Share of the energy used from 22:00 to 06:00 on the plant's clock, at six decimals. */
export function nightShare(
  intervals: readonly { readonly start: EpochMs; readonly energy: Amount }[],
  zone: PlantZone,
): Figure {
  const isNight = (start: EpochMs) => {
    const { minuteOfDay } = zone.local(start)
    return minuteOfDay >= 22 * 60 || minuteOfDay < 6 * 60
  }
  const night = sum(intervals.filter(({ start }) => isNight(start)).map(({ energy }) => energy))
  return figure(ratio(night, sum(intervals.map(({ energy }) => energy)), -6))
}

/** Each mode holds at least this share of the intervals, or there is only one. */
const LEAST_MODE_PERCENT = 5

/**
 * Power between the two modes of a machine (idle, running): the midpoint of the means of the two groups that differ
 * most. None when the machine knows one mode only: the upper is not at least twice the lower.
 */
export function runThreshold(powers: readonly Amount[]): Figure {
  const sorted = [...powers].sort(compare)
  const least = Math.ceil((sorted.length * LEAST_MODE_PERCENT) / 100)
  const split = widestSplit(sorted.map(scoreOf))
  if (split < Math.max(1, least) || sorted.length - split < Math.max(1, least)) return none('one_mode')
  const idle = ratio(sum(sorted.slice(0, split)), { n: split, exp: 0 }, -6)
  const running = ratio(sum(sorted.slice(split)), { n: sorted.length - split, exp: 0 }, -6)
  if (!idle || !running || compare(running, add(idle, idle)) < 0) return none('one_mode')
  return figure(ratio(add(idle, running), { n: 2, exp: 0 }, -6))
}

/** For placing the split only: statistics, never added to energy. */
const scoreOf = ({ n, exp }: Amount): number => n * 10 ** exp

/** Where to cut sorted values so that the variance between the two groups is greatest (Otsu). */
function widestSplit(sorted: readonly number[]): number {
  const total = sorted.reduce((all, one) => all + one, 0)
  let [best, bestScore, below] = [0, 0, 0]
  sorted.forEach((value, index) => {
    const count = index + 1
    below += value
    if (count === sorted.length) return
    const difference = (total - below) / (sorted.length - count) - below / count
    const score = count * (sorted.length - count) * difference * difference
    if (score > bestScore) [best, bestScore] = [count, score]
  })
  return best
}

/** Minutes below and from the threshold on, of the known intervals. */
export function runMinutes(
  intervals: readonly IntervalPower[],
  threshold: Amount,
): { readonly idle: number; readonly run: number; readonly unknown: number } {
  const minutes = { idle: 0, run: 0, unknown: 0 }
  for (const { start, end, kw } of intervals) {
    const mode = !kw ? 'unknown' : compare(kw, threshold) < 0 ? 'idle' : 'run'
    minutes[mode] += (end - start) / 60_000
  }
  return minutes
}
