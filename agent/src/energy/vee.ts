import { type Amount, add, compare, formatAmount, multiply, ratio, subtract } from '@metergate/protocol'
import { powerFactorHundredths } from './power-factor.js'
import { sum, ZERO } from './spans.js'
import { type VeeCheckId, type VeeLimits, veeCheck } from './vee-table.js'

/** One interval as validation sees it: energy in kWh (null: not known) and what stood beside it. */
export interface VeeInterval {
  readonly start: number
  readonly end: number
  readonly energy: Amount | null
  readonly estimated?: boolean
  readonly reactive?: Amount | null
  /** Whether voltage was seen, so that zero energy is no outage. */
  readonly hasVoltage?: boolean
  /** Milliseconds actually metered; absent: all. */
  readonly meteredMs?: number
}

/** What a check found, with the figures it judged by. Nothing is changed by it. */
export interface VeeFinding {
  readonly check: VeeCheckId
  readonly start: number
  readonly end: number
  readonly value: string
  readonly limit: string
}

/** What is known beside the intervals; checks without their input say nothing. */
export interface VeeContext {
  /** Register difference × multiplier over the same time, and one step of the register × multiplier. */
  readonly register?: { readonly difference: Amount; readonly step: Amount }
  readonly contractKw?: Amount
  /** Mean daily energy before. */
  readonly usualDay?: Amount
  readonly limits?: VeeLimits
}

/** Runs every check that looks at one meter's intervals of one day; findings in the order of the checks' table. */
export function validateDay(intervals: readonly VeeInterval[], context: VeeContext = {}): VeeFinding[] {
  return [
    ...missing(intervals),
    ...shortMetering(intervals),
    ...spike(intervals, context),
    ...sumCheck(intervals, context),
    ...highLow(intervals, context),
    ...zeroRuns(intervals, context),
    ...demand(intervals, context),
    ...demandSteps(intervals, context),
    ...reactive(intervals, context),
  ]
}

const limitOf = (id: VeeCheckId, { limits }: VeeContext): Amount | null => veeCheck(id, limits).limit

function finding(
  check: VeeCheckId,
  { start, end }: { start: number; end: number },
  value: Amount,
  limit: Amount,
): VeeFinding {
  return { check, start, end, value: formatAmount(value), limit: formatAmount(limit) }
}

function missing(intervals: readonly VeeInterval[]): VeeFinding[] {
  return intervals
    .filter(({ energy }) => energy === null)
    .map(({ start, end }) => ({ check: 'missing', start, end, value: 'none', limit: 'a value' }))
}

function shortMetering(intervals: readonly VeeInterval[]): VeeFinding[] {
  return intervals.flatMap((one) => {
    const length = one.end - one.start
    if (one.meteredMs === undefined || one.meteredMs >= length) return []
    return [finding('interval_size', one, { n: one.meteredMs, exp: -3 }, { n: length, exp: -3 })]
  })
}

/** (P1 − P3) ÷ P3 with P1 the highest and P3 the third highest known interval of the day. */
function spike(intervals: readonly VeeInterval[], context: VeeContext): VeeFinding[] {
  const known = intervals.filter(isKnown).sort((a, b) => compare(b.energy, a.energy))
  const [first, , third] = known
  const limit = limitOf('spike', context)
  if (!first || !third || !limit) return []
  const height = ratio(subtract(first.energy, third.energy), third.energy, -6)
  return height && compare(height, limit) > 0 ? [finding('spike', first, height, limit)] : []
}

/** Estimates count: they are part of what is published. */
function sumCheck(intervals: readonly VeeInterval[], context: VeeContext): VeeFinding[] {
  const share = limitOf('sum', context)
  const [first, last] = [intervals[0], intervals.at(-1)]
  if (!context.register || !share || !first || !last || !intervals.every(isKnown)) return []
  const { difference, step } = context.register
  const off = magnitude(subtract(sum(intervals.map(({ energy }) => energy ?? ZERO)), difference))
  const allowed = larger(magnitude(multiply(difference, share)), add(step, step))
  return compare(off, allowed) > 0 ? [finding('sum', { start: first.start, end: last.end }, off, allowed)] : []
}

function highLow(intervals: readonly VeeInterval[], context: VeeContext): VeeFinding[] {
  const factor = limitOf('high_low', context)
  const [first, last] = [intervals[0], intervals.at(-1)]
  if (!context.usualDay || !factor || !first || !last || !intervals.every(isKnown)) return []
  const day = { start: first.start, end: last.end }
  const used = sum(intervals.map(({ energy }) => energy ?? ZERO))
  const high = multiply(context.usualDay, factor)
  if (compare(used, high) > 0) return [finding('high_low', day, used, high)]
  return compare(multiply(used, factor), context.usualDay) < 0 ? [finding('high_low', day, used, context.usualDay)] : []
}

function zeroRuns(intervals: readonly VeeInterval[], context: VeeContext): VeeFinding[] {
  const limit = limitOf('zero_run', context)
  if (!limit) return []
  const findings: VeeFinding[] = []
  let run: VeeInterval[] = []
  const close = () => {
    const [first, last] = [run[0], run.at(-1)]
    const length = { n: run.length, exp: 0 }
    if (first && last && compare(length, limit) >= 0) {
      findings.push(finding('zero_run', { start: first.start, end: last.end }, length, limit))
    }
    run = []
  }
  for (const one of intervals) {
    if (one.energy?.n === 0 && one.hasVoltage !== false) run.push(one)
    else close()
  }
  close()
  return findings
}

function demand(intervals: readonly VeeInterval[], context: VeeContext): VeeFinding[] {
  const factor = limitOf('demand_limit', context)
  if (!context.contractKw || !factor) return []
  const limit = multiply(context.contractKw, factor)
  return intervals.filter(isKnown).flatMap((one) => {
    const kw = ratio(multiply(one.energy, HOUR_MS), { n: one.end - one.start, exp: 0 }, -3)
    return kw && compare(kw, limit) > 0 ? [finding('demand_limit', one, kw, limit)] : []
  })
}

function demandSteps(intervals: readonly VeeInterval[], context: VeeContext): VeeFinding[] {
  const limit = limitOf('demand_step', context)
  if (!limit) return []
  const known = intervals.filter(isKnown)
  return known.flatMap((one, index) => {
    const before = known[index - 1]
    const change = before && ratio(magnitude(subtract(one.energy, before.energy)), before.energy, -6)
    return change && compare(change, limit) > 0 ? [finding('demand_step', one, change, limit)] : []
  })
}

/** Over the whole day: in single intervals of an idle meter one step of the register would be all there is to judge. */
function reactive(intervals: readonly VeeInterval[], context: VeeContext): VeeFinding[] {
  const limit = limitOf('reactive', context)
  const known = intervals.filter(isKnown).filter(({ reactive: of }) => of)
  const [first, last] = [known[0], known.at(-1)]
  if (!limit || !first || !last) return []
  const lag = sum(known.map(({ reactive: of }) => of ?? ZERO))
  if (lag.n === 0) return []
  const hundredths = powerFactorHundredths(sum(known.map(({ energy }) => energy)), lag)
  const factor = { n: hundredths ?? 0, exp: -2 }
  return compare(factor, limit) < 0 ? [finding('reactive', { start: first.start, end: last.end }, factor, limit)] : []
}

type KnownInterval = VeeInterval & { readonly energy: Amount }
const isKnown = (one: VeeInterval): one is KnownInterval => one.energy !== null

const HOUR_MS: Amount = { n: 36, exp: 5 }
const magnitude = ({ n, exp }: Amount): Amount => ({ n: Math.abs(n), exp })
const larger = (a: Amount, b: Amount): Amount => (compare(a, b) >= 0 ? a : b)

/** Total register against its rate registers: beyond so many steps they tell different stories. */
export function checkRateSum(
  total: Amount,
  rates: readonly Amount[],
  step: Amount,
  day: { readonly start: number; readonly end: number },
  limits: VeeContext['limits'] = {},
): VeeFinding[] {
  const limit = veeCheck('tou_sum', limits).limit
  if (!limit) return []
  const off = magnitude(subtract(total, sum(rates)))
  const allowed = multiply(step, limit)
  return compare(off, allowed) > 0 ? [finding('tou_sum', day, off, allowed)] : []
}

/** What a day's spike is, by the register: a peak that was used, or an interval that is wrong. */
export const SPIKE_VERDICTS = ['real_use', 'corrupt', 'open'] as const
export type SpikeVerdict = (typeof SPIKE_VERDICTS)[number]

/**
 * Reading spike and sum of one day together: with the sum right the peak was used; with it wrong the interval is corrupt;
 * where no register could be set against the day, it stays open. `none` without a spike.
 */
export function verdictOnSpike(findings: readonly VeeFinding[], wasSumChecked: boolean): SpikeVerdict | 'none' {
  if (!findings.some(({ check }) => check === 'spike')) return 'none'
  if (!wasSumChecked) return 'open'
  return findings.some(({ check }) => check === 'sum') ? 'corrupt' : 'real_use'
}

/** Intervals given twice: the same start and revision with different contents is a conflict; equal ones are dropped. */
export function checkDuplicates<I extends { readonly start: number; readonly end: number; readonly revision: number }>(
  intervals: readonly I[],
): VeeFinding[] {
  const seen = new Map<string, I>()
  return intervals.flatMap((one) => {
    const key = `${one.start} ${one.revision}`
    const known = seen.get(key)
    seen.set(key, one)
    if (known === undefined || JSON.stringify(known) === JSON.stringify(one)) return []
    return [{ check: 'duplicate' as const, start: one.start, end: one.end, value: 'different contents', limit: 'once' }]
  })
}

/** Mean ÷ greatest power of a month: near 0 is a meter that hardly runs, near 1 one that never changes. */
export function checkLoadFactor(
  factor: Amount,
  month: { readonly start: number; readonly end: number },
  limits: VeeContext['limits'] = {},
): VeeFinding[] {
  const limit = veeCheck('load_factor', limits).limit
  if (!limit) return []
  const upper = subtract({ n: 1, exp: 0 }, limit)
  const isOdd = compare(factor, limit) < 0 || compare(factor, upper) > 0
  return isOdd ? [finding('load_factor', month, factor, compare(factor, limit) < 0 ? limit : upper)] : []
}
