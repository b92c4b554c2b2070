import { type Amount, amountFrom, invariant } from '@metergate/protocol'

/** Largest integer whose square is at most `value`. */
export function integerRoot(value: bigint): bigint {
  invariant(value >= 0n, `no real root of ${value}`)
  if (value < 2n) return value
  let low = 1n
  let high = 1n << BigInt(Math.ceil(value.toString(2).length / 2) + 1)
  while (high - low > 1n) {
    const middle = (low + high) / 2n
    if (middle * middle <= value) low = middle
    else high = middle
  }
  return low
}

/** √(numerator ÷ denominator) at `exp` (negative), cut off; undefined beyond ±(2^53-1). */
export function rootOfRatio(numerator: bigint, denominator: bigint, exp: number): Amount | undefined {
  return amountFrom(integerRoot((numerator * 10n ** BigInt(-2 * exp)) / denominator), exp)
}
