import {
  type Amount,
  add,
  type IntervalDelta,
  type IntervalRecord,
  type MeterId,
  multiply,
  type QuantityName,
  ratio,
  subtract,
} from '@metergate/protocol'
import type { IntervalDraft } from './interval.js'
import type { IntervalMinutes, PlantZone, Slot } from './plant-time.js'

export const ZERO: Amount = { n: 0, exp: 0 }

/** Energy and output of one stretch of time; null where not known. Amounts: kWh, pieces. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly energy: Amount | null
  readonly output: Amount | null
  /** How much of `energy` was estimated. */
  readonly estimated: Amount
}

/** What one interval says about one quantity. */
export interface SlotEnergy {
  readonly energy: Amount | null
  readonly estimated: boolean
}

/** Of several revisions of an interval the highest counts. Keyed by meter, then by start. */
export function newestIntervals<I extends IntervalDraft | IntervalRecord>(
  intervals: Iterable<I>,
): Map<MeterId, Map<number, I>> {
  const byMeter = new Map<MeterId, Map<number, I>>()
  for (const interval of intervals) {
    const byStart = byMeter.get(interval.meter) ?? new Map<number, I>()
    byMeter.set(interval.meter, byStart)
    const known = byStart.get(interval.start)
    if (!known || interval.revision >= known.revision) byStart.set(interval.start, interval)
  }
  return byMeter
}

/**
 * The energy of an interval for figures: a suspect or missing one has none, an estimate says so. Nor has one of which the
 * registers saw only a part: what five metered minutes took is not what the hour took, and set against the hour's output,
 * its length or another meter it would pass for a small hour. What they did see stays in the window's total.
 */
export function slotEnergy(interval: IntervalDraft | undefined, quantity: QuantityName): SlotEnergy {
  const delta = interval?.deltas.find((one) => one.quantity === quantity)
  const isOut = !interval || !delta || delta.flag === 'suspect' || delta.flag === 'missing'
  if (isOut || isPartial(delta, interval)) return { energy: null, estimated: false }
  return { energy: delta.delta, estimated: delta.flag === 'estimated' || delta.flag === 'mixed' }
}

/** Whether the delta is no more than its metered parts, and these leave time of the interval out. */
function isPartial({ flag, method, parts }: IntervalDelta, { start, end }: Pick<Span, 'start' | 'end'>): boolean {
  // A bridge or an estimate by another way than along the register speaks for the whole interval.
  const isCut = flag === 'measured' || (flag === 'estimated' && (!method || method === 'register_prorate'))
  if (!isCut || !parts) return false
  return parts.reduce((ms, part) => ms + part.end - part.start, 0) < end - start
}

/** All that is known of an interval's energy, be it of a part of its time; null when no register saw anything of it. */
export function knownEnergy(interval: IntervalDraft, quantity: QuantityName): Amount | null {
  const delta = interval.deltas.find((one) => one.quantity === quantity)
  return delta && (delta.delta || delta.parts) ? meteredEnergy(delta, interval.multiplier) : null
}

/** What the registers measured in an interval, suspect stretches included: the sum of its metered parts. */
export function meteredEnergy(delta: IntervalDelta, multiplier: Amount): Amount {
  return delta.delta ?? partsEnergy(delta, multiplier)
}

/** What the registers say of the metered stretches alone; zero without any. */
export function partsEnergy({ parts = [] }: IntervalDelta, multiplier: Amount): Amount {
  return sum(parts.map(({ from, to, multiplier: own }) => multiply(subtract(to, from), own ?? multiplier)))
}

/** Exact sum; zero for none. */
export function sum(amounts: Iterable<Amount>): Amount {
  let total = ZERO
  for (const one of amounts) total = add(total, one)
  return total
}

/** Exact sum, or null as soon as one is not known. */
export function sumKnown(amounts: readonly (Amount | null)[]): Amount | null {
  let total = ZERO
  for (const one of amounts) {
    if (!one) return null
    total = add(total, one)
  }
  return total
}

/** The grid's slots in [start, end). */
export function slotsOf(period: Slot, zone: PlantZone, minutes: IntervalMinutes): Slot[] {
  const slots: Slot[] = []
  for (let at: number = period.start; at < period.end; ) {
    const slot = zone.slot(at, minutes)
    slots.push(slot)
    at = slot.end
  }
  return slots
}

/** `part / whole` in whole per mille, half-even, held in [0, 1000]; 0 when the whole is zero. */
export function perMille(part: Amount, whole: Amount): number {
  const share = ratio(part, whole, -3)
  return share ? Math.min(1000, Math.max(0, share.n)) : 0
}
