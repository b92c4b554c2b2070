import { type ReadingValue, toNumber } from '@metergate/protocol'
import type { Rollup } from './series-store.js'

export const EMPTY_ROLLUP: Rollup = { count: 0, min: 0, max: 0, sum: 0, last: 0, lastAt: 0, suspect: 0, absent: 0 }

/** One value as a rollup. Floats are good enough for a curve; energy never comes this way. */
export function rollupOf(value: ReadingValue, at: number): Rollup {
  if (!('value' in value)) return { ...EMPTY_ROLLUP, absent: 1 }
  if (value.suspect) return { ...EMPTY_ROLLUP, suspect: 1 }
  const figure = toNumber(value.value)
  return { count: 1, min: figure, max: figure, sum: figure, last: figure, lastAt: at, suspect: 0, absent: 0 }
}

/** Both together. */
export function mergeRollups(a: Rollup, b: Rollup): Rollup {
  const suspect = a.suspect + b.suspect
  const absent = a.absent + b.absent
  if (b.count === 0) return { ...a, suspect, absent }
  if (a.count === 0) return { ...b, suspect, absent }
  const newer = b.lastAt >= a.lastAt ? b : a
  return {
    count: a.count + b.count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    sum: a.sum + b.sum,
    last: newer.last,
    lastAt: newer.lastAt,
    suspect,
    absent,
  }
}
