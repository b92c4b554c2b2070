import { type Amount, type QuantityName, quantity, toNumber } from '@metergate/protocol'

/** Which check a single value failed; ids of the validation checks. A flagged value is kept, never changed. */
export type PlausibilityCheck = 'range' | 'demand_limit' | 'power_factor'

export interface PlausibilityLimits {
  /** Largest power the meter's supply can carry, W; absent when not configured. */
  readonly maxPowerW?: number
}

/** Ratings are rounded and motors start: 20 % above the rating is still believed. */
const POWER_TOLERANCE = 1.2

/**
 * Judges one value by itself: within the quantity's physical range, and powers within the supply's rating.
 * Undefined when nothing speaks against it. What only a series can tell (a fall, a jump) is judged in energy.
 */
export function implausibility(
  name: QuantityName,
  value: Amount,
  limits: PlausibilityLimits = {},
): PlausibilityCheck | undefined {
  const { range, unit } = quantity(name)
  // Comparing against a limit, not adding up: a double is exact enough here.
  const size = toNumber(value)
  if (size < range[0] || size > range[1]) return unit === '1' ? 'power_factor' : 'range'
  const isPower = unit === 'W' || unit === 'var' || unit === 'VA'
  if (isPower && limits.maxPowerW !== undefined && Math.abs(size) > limits.maxPowerW * POWER_TOLERANCE)
    return 'demand_limit'
  return undefined
}
