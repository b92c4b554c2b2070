import { divideHalfEven, type EventRecord, type IntervalRecord } from '@metergate/protocol'
import type { CounterSample } from './counter-delta.js'

/** An interval as computed; whoever stores it adds the stamp. */
export type IntervalDraft = Omit<IntervalRecord, 'stamp'>

/** An event as computed; `facts.at` is the instant (epoch ms) it is about. Whoever stores it adds the stamp. */
export type EventDraft = Omit<EventRecord, 'stamp'>

/** Names the rules by which a figure was made; changes whenever they do, so that the cloud can recompute. */
export const INTERVAL_FORMULA = 'interval/1'

/**
 * The register at `at`, between two readings of one segment: linear, rounded half-even once to the register's
 * digit. Both intervals that meet at `at` use this one value, so rounding never makes or loses energy.
 */
export function registerAt(before: CounterSample, after: CounterSample, at: number): number {
  if (at === before.at) return before.n
  if (at === after.at) return after.n
  const span = BigInt(after.at - before.at)
  const weighted = BigInt(before.n) * span + BigInt(after.n - before.n) * BigInt(at - before.at)
  return Number(divideHalfEven(weighted, span))
}
