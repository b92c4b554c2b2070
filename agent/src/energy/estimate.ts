import { type Amount, amountFrom, divideHalfEven, ratio, scaledTo } from '@metergate/protocol'
import type { IntervalDraft } from './interval.js'
import { sum } from './spans.js'

/** Longest gap filled by a straight line; a longer one takes the average of like days. */
export const LINEAR_MOST_MS = 2 * 3_600_000

/** An estimate and how it was made (method names after NEM12: 15 average like day, 17 linear). */
export interface Estimate {
  readonly start: number
  readonly energy: Amount
  readonly method: 'linear' | 'average_like_day'
}

export interface GapInterval {
  readonly start: number
  readonly end: number
  readonly energy: Amount | null
  /** A power failure: its neighbours may not carry a line, and its own zero is real. */
  readonly outage?: boolean
}

/**
 * Fills intervals whose energy no register can tell (across a reset, say): up to two hours on a line between the
 * neighbours, longer by the mean of the same interval on like days, newest three. Gaps that neither can fill stay.
 */
export function estimateGaps(
  intervals: readonly GapInterval[],
  likeDays: readonly (readonly (Amount | null)[])[] = [],
): Estimate[] {
  const estimates: Estimate[] = []
  for (let index = 0; index < intervals.length; index++) {
    if (intervals[index]?.energy !== null) continue
    let end = index
    while (end < intervals.length && intervals[end]?.energy === null) end++
    estimates.push(...fill(intervals, index, end, likeDays))
    index = end
  }
  return estimates
}

function fill(
  intervals: readonly GapInterval[],
  from: number,
  to: number,
  likeDays: readonly (readonly (Amount | null)[])[],
): Estimate[] {
  const gap = intervals.slice(from, to)
  const before = intervals[from - 1]
  const after = intervals[to]
  const length = (gap.at(-1)?.end ?? 0) - (gap[0]?.start ?? 0)
  if (length <= LINEAR_MOST_MS && before?.energy && after?.energy && !before.outage && !after.outage) {
    const line = { from: before.energy, to: after.energy, steps: gap.length + 1 }
    return gap.flatMap(({ start }, index) => {
      const energy = onLine(line, index + 1)
      return energy ? [{ start, energy, method: 'linear' as const }] : []
    })
  }
  return gap.flatMap(({ start }, index) => {
    const energy = meanOf(likeDays.map((day) => day[from + index] ?? null))
    return energy ? [{ start, energy, method: 'average_like_day' as const }] : []
  })
}

/** Half-even at the finer digit of both ends. */
function onLine(line: { from: Amount; to: Amount; steps: number }, step: number): Amount | undefined {
  const exp = Math.min(line.from.exp, line.to.exp)
  const start = scaledTo(line.from, exp)
  const rise = scaledTo(line.to, exp) - start
  return amountFrom(divideHalfEven(start * BigInt(line.steps) + rise * BigInt(step), BigInt(line.steps)), exp)
}

const LIKE_DAYS = 3

function meanOf(values: readonly (Amount | null)[]): Amount | undefined {
  const known = values.flatMap((value) => value ?? []).slice(0, LIKE_DAYS)
  const exp = Math.min(...known.map((value) => value.exp))
  return known.length ? ratio(sum(known), { n: known.length, exp: 0 }, exp) : undefined
}

/** The estimate as the interval's next revision: the register values stay as they are, the flag and method tell. */
export function estimatedRevision(interval: IntervalDraft, quantity: string, estimate: Estimate): IntervalDraft {
  return {
    ...interval,
    revision: interval.revision + 1,
    reason: `estimated: ${estimate.method}`,
    deltas: interval.deltas.map((delta) =>
      delta.quantity === quantity && delta.delta === null
        ? { ...delta, delta: estimate.energy, flag: 'estimated', method: estimate.method }
        : delta,
    ),
  }
}
