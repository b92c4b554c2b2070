import type { IntervalDraft } from './interval.js'
import { doubted } from './interval-delta.js'
import type { Slot } from './plant-time.js'

/** From the last moment of the old to the first that is known to be of the new: what was counted across it is no energy. */
export interface Crossing {
  readonly from: number
  readonly until: number
}

export const LATE_CHANGE = 'late_change'

/** Whether an interval holds a part of the crossing; one that ends where it begins does not, one that begins there does. */
export const isInCrossing = ({ start, end }: Pick<Slot, 'start' | 'end'>, { from, until }: Crossing): boolean =>
  start <= until && end > from

/**
 * The next revisions of closed intervals that hold a change told too late, with nothing known where energy had been. A
 * silence around it was spread over its neighbours as one rise, so estimated ones that join on are concerned too.
 */
export function doubtedIntervals(
  closed: readonly IntervalDraft[],
  crossing: Crossing,
  check: string,
): readonly IntervalDraft[] {
  const inTime = closed.toSorted((a, b) => a.start - b.start)
  const isHeld = inTime.map((interval) => isInCrossing(interval, crossing))
  const spreadFrom = (index: number, step: 1 | -1): void => {
    for (let at = index + step; inTime[at] && isEstimated(inTime[at]) && !isHeld[at]; at += step) isHeld[at] = true
  }
  const last = inTime.at(-1)
  if (isHeld.includes(true)) {
    spreadFrom(isHeld.indexOf(true), -1)
    spreadFrom(isHeld.lastIndexOf(true), 1)
  } else if (last && last.end <= crossing.from) spreadFrom(inTime.length, -1)
  return inTime.flatMap((interval, index) => {
    const isKnown = interval.deltas.some(({ delta }) => delta !== null)
    if (!isHeld[index] || !isKnown) return []
    const deltas = interval.deltas.map((delta) => doubted(delta, check))
    return [{ ...interval, revision: interval.revision + 1, reason: LATE_CHANGE, deltas }]
  })
}

const isEstimated = (interval: IntervalDraft | undefined): boolean =>
  interval?.deltas.some(({ flag, method }) => flag === 'estimated' && method === 'register_prorate') ?? false
