import type { EventRecord, IntervalRecord } from '@metergate/protocol'
import type { CounterSample } from './counter-delta.js'

/** An interval as computed; whoever stores it adds the stamp. */
export type IntervalDraft = Omit<IntervalRecord, 'stamp'>

/** An event as computed; `facts.at` is the instant (epoch ms) it is about. Whoever stores it adds the stamp. */
export type EventDraft = Omit<EventRecord, 'stamp'>

/** Names the rules by which a figure was made; changes whenever they do, so that the cloud can recompute. */
export const INTERVAL_FORMULA = 'interval/2'

/**
 * The register at `at`, between two readings of one segment: linear, cut off once to the register's digit, as the register
 * itself shows what it has counted. So two boundaries differ by what the meter would have shown at them, to one digit at most
 * (rounding to the nearest could make it two). Both intervals that meet at `at` use this one value, so cutting never makes or
 * loses energy.
 */
export function registerAt(before: CounterSample, after: CounterSample, at: number): number {
  if (at === before.at) return before.n
  if (at === after.at) return after.n
  const rise = BigInt(after.n - before.n) * BigInt(at - before.at)
  return before.n + Number(floorDivide(rise, BigInt(after.at - before.at)))
}

/** Towards minus infinity, also for a combined register below zero that trembles back. */
function floorDivide(numerator: bigint, positive: bigint): bigint {
  const quotient = numerator / positive
  return numerator % positive < 0n ? quotient - 1n : quotient
}
