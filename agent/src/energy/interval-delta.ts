import {
  type Amount,
  add,
  amount,
  epochMs,
  type IntervalDelta,
  type IntervalPart,
  multiply,
  type QuantityName,
  rescale,
} from '@metergate/protocol'
import type { BreakCause, SettledSlot, TrackPart } from './counter-track.js'

/** How register digits become an amount of energy. */
export interface DeltaScale {
  readonly quantity: QuantityName
  /** Where the register starts again at zero; undefined when it never does. */
  readonly modulus: Amount | undefined
  /** The factor in force over a stretch that ends at this instant. */
  multiplierUntil(end: number): Amount
}

/** The check that each cause of a broken segment raises (ids of the validation checks). */
export const CHECK_OF_CAUSE: Record<BreakCause, string> = {
  register_decrease: 'negative',
  register_jump: 'demand_limit',
  meter_exchange: 'meter_exchange',
  ratio_change: 'multiplier',
  clock_reset: 'time_tolerance',
  long_gap: 'missing',
}

/** A counter's settled slot as an interval shows it: register values, exact difference, flag. */
export function deltaOf(slot: SettledSlot, segment: number, scale: DeltaScale): IntervalDelta {
  const { quantity } = scale
  const { parts, cause } = slot
  const first = parts[0]
  if (first && !cause && isWhole(slot)) return wholeDelta(first, slot.estimated, segment, scale)
  const last = parts.at(-1)
  const whole = isWhole(slot)
  const checks = [...(cause ? [CHECK_OF_CAUSE[cause]] : []), ...(whole || parts.length === 0 ? [] : ['interval_size'])]
  const shared = {
    quantity,
    from: first?.start === slot.start ? shown(first.from, first.exp, scale) : null,
    to: last?.end === slot.end ? shown(last.to, last.exp, scale) : null,
    segment,
    ...(whole || parts.length === 0 ? {} : { parts: parts.map((part) => asPart(part, slot.end, scale)) }),
  }
  if (cause === 'register_decrease' || cause === 'register_jump') {
    // Nobody knows what flowed between the last good and the first new reading: the stretches stand, the total does not.
    return { ...shared, delta: null, flag: slot.seen ? 'suspect' : 'missing', checks }
  }
  if (parts.length === 0)
    return { ...shared, delta: null, flag: 'missing', checks: checks.length ? checks : ['missing'] }
  return {
    ...shared,
    delta: total(parts, scale),
    flag: slot.estimated ? 'estimated' : 'measured',
    ...(slot.estimated ? { method: 'register_prorate' } : {}),
    ...(checks.length ? { checks } : {}),
  }
}

/** The usual case: one segment fills the interval. */
function wholeDelta(part: TrackPart, isEstimated: boolean, segment: number, scale: DeltaScale): IntervalDelta {
  const delta: IntervalDelta = {
    quantity: scale.quantity,
    from: shown(part.from, part.exp, scale),
    to: shown(part.to, part.exp, scale),
    delta: energyOf(part, scale),
    flag: isEstimated ? 'estimated' : 'measured',
    segment,
  }
  if (isEstimated) delta.method = 'register_prorate'
  return delta
}

/** The delta of a counter that has told nothing about an interval. */
export function missingDelta(quantity: QuantityName): IntervalDelta {
  return { quantity, from: null, to: null, delta: null, flag: 'missing', checks: ['missing'] }
}

/** A delta that turns out to hold a change: the register values stay as evidence, the energy between them is not known. */
export function doubted({ method: _, ...delta }: IntervalDelta, check: string): IntervalDelta {
  if (delta.delta === null) return delta
  return { ...delta, delta: null, flag: 'suspect', checks: [...new Set([...(delta.checks ?? []), check])] }
}

function isWhole({ start, end, parts }: SettledSlot): boolean {
  return parts.length === 1 && parts[0]?.start === start && parts[0].end === end
}

/** The register as the meter shows it: rollovers taken off again. */
function shown(counted: number, exp: number, { modulus }: DeltaScale): Amount {
  const turn = modulus && (modulus.exp === exp ? modulus.n : rescale(modulus, exp)?.n)
  return amount(turn ? counted % turn : counted, exp)
}

function asPart(part: TrackPart, slotEnd: number, scale: DeltaScale): IntervalPart {
  const own = scale.multiplierUntil(part.end)
  const atEnd = scale.multiplierUntil(slotEnd)
  return {
    segment: part.segment,
    start: epochMs(part.start),
    end: epochMs(part.end),
    from: amount(part.from, part.exp),
    to: amount(part.to, part.exp),
    ...(own.n === atEnd.n && own.exp === atEnd.exp ? {} : { multiplier: own }),
  }
}

function total(parts: readonly TrackPart[], scale: DeltaScale): Amount {
  return parts.map((part) => energyOf(part, scale)).reduce(add)
}

function energyOf({ from, to, exp, end }: TrackPart, scale: DeltaScale): Amount {
  const rise = amount(to - from, exp)
  const factor = scale.multiplierUntil(end)
  return factor.n === 1 && factor.exp === 0 ? rise : multiply(rise, factor)
}
