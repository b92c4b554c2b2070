import {
  type Amount,
  add,
  amount,
  amountFrom,
  divideHalfEven,
  type QuantityName,
  ratio,
  rescale,
  scaledTo,
  subtract,
} from '@metergate/protocol'
import type { IntervalDraft } from './interval.js'
import type { IntervalMinutes, PlantZone, Slot } from './plant-time.js'
import { meteredEnergy, newestIntervals, partsEnergy, slotsOf, ZERO } from './spans.js'

/** One meter's energy over a window, and how much of it is known how. Energies in the quantity's unit. */
export interface WindowTotal {
  /** Everything the registers measured, the stretches of suspect intervals included, and what is `bridged`. */
  readonly total: Amount
  /** The part of it that no meter saw (estimates across an exchange or reset): without it, what the registers say. */
  readonly bridged: Amount
  /** The part of it whose place in time, or amount, is estimated. */
  readonly estimated: Amount
  readonly estimatedShare: Amount
  /** Intervals of the grid in the window, and how many are measured and estimated. */
  readonly expectedCount: number
  readonly measuredCount: number
  readonly estimatedCount: number
  /** measured ÷ expected at six decimals. */
  readonly completeness: Amount
  /** Metered time ÷ window, at six decimals; below 1 where a meter was missing or unknown. */
  readonly timeCoverage: Amount
  /**
   * `measured`: both ends are real register values of one unbroken segment, so the total is exact however its shape
   * was estimated. `mixed`: a segment broke or time is missing.
   */
  readonly totalQuality: 'measured' | 'mixed'
}

export interface WindowQuestion {
  readonly period: Slot
  readonly zone: PlantZone
  readonly minutes: IntervalMinutes
  /** Intervals of one meter; of several revisions the newest counts. */
  readonly intervals: Iterable<IntervalDraft>
  readonly quantity?: QuantityName
}

/** Adds a window up from one meter's intervals. Never subtracts register values of different segments. */
export function windowTotal(question: WindowQuestion): WindowTotal {
  const { period, zone, minutes, intervals, quantity = 'energy_active_import_total' } = question
  const slots = slotsOf(period, zone, minutes)
  const byStart = new Map([...newestIntervals(intervals).values()].flatMap((one) => [...one]))
  let [total, estimated, bridged] = [ZERO, ZERO, ZERO]
  let [measuredCount, estimatedCount, meteredMs, unbroken] = [0, 0, 0, 0]
  for (const slot of slots) {
    const interval = byStart.get(slot.start)
    const delta = interval?.deltas.find((one) => one.quantity === quantity)
    if (!interval || !delta) continue
    const energy = meteredEnergy(delta, interval.multiplier)
    total = add(total, energy)
    if (delta.flag === 'estimated') estimated = add(estimated, energy)
    if (delta.flag === 'measured' && delta.delta) measuredCount += 1
    if (delta.flag === 'estimated' || delta.flag === 'mixed') estimatedCount += 1
    if (delta.flag === 'mixed') {
      const unseen = subtract(energy, partsEnergy(delta, interval.multiplier))
      bridged = add(bridged, unseen)
      estimated = add(estimated, unseen)
    }
    if (delta.flag === 'mixed' && !delta.parts) continue
    if (delta.parts) meteredMs += delta.parts.reduce((ms, part) => ms + part.end - part.start, 0)
    else if (delta.delta) meteredMs += slot.end - slot.start
    if (delta.delta && !delta.parts) unbroken += 1
  }
  return {
    total,
    bridged,
    estimated,
    estimatedShare: ratio(estimated, total, -9) ?? amount(0, -9),
    expectedCount: slots.length,
    measuredCount,
    estimatedCount,
    completeness: part(measuredCount, slots.length),
    timeCoverage: part(meteredMs, period.end - period.start),
    totalQuality: unbroken === slots.length ? 'measured' : 'mixed',
  }
}

const part = (some: number, all: number): Amount => ratio({ n: some, exp: 0 }, { n: all, exp: 0 }, -6) ?? amount(0, -6)

/** Longest unmetered time that is bridged between two segments. */
export const BRIDGE_MOST_MS = 2 * 3_600_000

/**
 * What flowed while no meter was there (an exchange): the mean of both neighbours' mean powers × the time, kWh at
 * three decimals. Reported beside the measured total, never in it. Null beyond two hours.
 */
export function bridgeEnergy(
  before: { readonly energy: Amount; readonly ms: number },
  after: { readonly energy: Amount; readonly ms: number },
  gapMs: number,
): Amount | null {
  if (gapMs > BRIDGE_MOST_MS || before.ms <= 0 || after.ms <= 0) return null
  // (Eb ÷ Tb + Ea ÷ Ta) ÷ 2 × gap over one denominator, so that it is rounded once.
  const exp = Math.min(before.energy.exp, after.energy.exp, -3)
  const [eb, ea] = [scaledTo(before.energy, exp), scaledTo(after.energy, exp)]
  const [tb, ta] = [BigInt(before.ms), BigInt(after.ms)]
  const bridged = amountFrom(divideHalfEven((eb * ta + ea * tb) * BigInt(gapMs), 2n * ta * tb), exp)
  return bridged ? (rescale(bridged, -3) ?? null) : null
}
