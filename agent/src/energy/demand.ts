import { type Amount, amountFrom, type EpochMs, epochMs, invariant, ratio, scaledTo } from '@metergate/protocol'
import type { PlantZone } from './plant-time.js'
import { sum } from './spans.js'

/** Mean power of consecutive sub-periods of equal length; null where not known. */
export interface PowerLine {
  readonly start: EpochMs
  readonly stepMs: number
  readonly kw: readonly (Amount | null)[]
}

/**
 * A demand window (DLMS demand register: `period` × `number_of_periods`). `stepPeriods` is how far the window moves:
 * all its periods for a block (区间), one for a sliding window (滑差).
 */
export interface DemandWindow {
  readonly periods: number
  readonly stepPeriods: number
}

export const BLOCK_15: DemandWindow = { periods: 15, stepPeriods: 15 }
export const SLIDING_15: DemandWindow = { periods: 15, stepPeriods: 1 }

export interface DemandPeak {
  /** Mean over the window, kW at six decimals, half-even. */
  readonly kw: Amount
  readonly start: EpochMs
  /** The window's end is the demand's time stamp. */
  readonly end: EpochMs
}

const KW_EXP = -6

/**
 * The greatest demand: the first window with the greatest mean. Windows start on multiples of their step on the
 * plant's clock; one with any sub-period missing is not used. Null when no window is complete.
 * A sliding window needs sub-periods of a minute; quarter-hour data only ever give a block.
 */
export function maxDemand(line: PowerLine, window: DemandWindow, zone: PlantZone): DemandPeak | null {
  const exp = Math.min(0, ...line.kw.map((kw) => kw?.exp ?? 0))
  const digits = line.kw.map((kw) => (kw ? scaledTo(kw, exp) : null))
  const moveMs = window.stepPeriods * line.stepMs
  let best: { total: bigint; index: number } | undefined
  for (let index = 0; index + window.periods <= digits.length; index++) {
    const start = line.start + index * line.stepMs
    if ((start + zone.offsetMs(start)) % moveMs !== 0) continue
    const total = windowTotal(digits, index, window.periods)
    if (total !== null && (!best || total > best.total)) best = { total, index }
  }
  if (!best) return null
  const total = amountFrom(best.total, exp)
  const kw = total && ratio(total, { n: window.periods, exp: 0 }, KW_EXP)
  invariant(kw, 'a mean power lies in range')
  const start = line.start + best.index * line.stepMs
  return { kw, start: epochMs(start), end: epochMs(start + window.periods * line.stepMs) }
}

function windowTotal(digits: readonly (bigint | null)[], from: number, count: number): bigint | null {
  let total = 0n
  for (let index = from; index < from + count; index++) {
    const one = digits[index]
    if (one === null || one === undefined) return null
    total += one
  }
  return total
}

/** Mean of what is known, kW at six decimals; null when nothing is. */
export function meanPower({ kw }: PowerLine): Amount | null {
  const known = kw.filter((one) => one !== null)
  return ratio(sum(known), { n: known.length, exp: 0 }, KW_EXP) ?? null
}

/** Known sub-periods ÷ all, at six decimals. */
export function powerCoverage({ kw }: PowerLine): Amount | null {
  return ratio({ n: kw.filter((one) => one !== null).length, exp: 0 }, { n: kw.length, exp: 0 }, KW_EXP) ?? null
}

/** Mean power ÷ greatest demand, at six decimals; null when there was no demand. */
export function loadFactor(mean: Amount | null, demand: DemandPeak | null): Amount | null {
  return (mean && demand && ratio(mean, demand.kw, -6)) ?? null
}
