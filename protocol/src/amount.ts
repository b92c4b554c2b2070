import { z } from 'zod'
import { invariant } from './invariant.js'

/**
 * An exact amount: `n × 10^exp`, e.g. `{ n: 2305, exp: -1 }` = 230.5. `n` is an integer within ±(2^53-1).
 * No float is ever added up in energy; floats are rounded half-even to a column's exponent once, at decoding.
 */
export interface Amount {
  readonly n: number
  readonly exp: number
}

export const amountSchema = z.strictObject({
  n: z.number().int().min(Number.MIN_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER),
  exp: z.number().int().min(-12).max(12),
})

/** Makes an amount; throws unless `n` is a safe integer and `exp` an integer in [-12, 12]. */
export function amount(n: number, exp: number): Amount {
  invariant(Number.isSafeInteger(n) && Number.isInteger(exp) && Math.abs(exp) <= 12, `not an amount: ${n}e${exp}`)
  return { n: n === 0 ? 0 : n, exp }
}

/** Integer division rounding half to even; exact for any bigint. */
export function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  invariant(denominator !== 0n, 'division by zero')
  const negative = numerator < 0n !== denominator < 0n
  const a = numerator < 0n ? -numerator : numerator
  const b = denominator < 0n ? -denominator : denominator
  const quotient = a / b
  const twice = (a % b) * 2n
  const up = twice > b || (twice === b && quotient % 2n === 1n)
  const rounded = up ? quotient + 1n : quotient
  return negative ? -rounded : rounded
}

/** The integer of `value` at exponent `exp`, rounded half-even where digits are dropped. */
export function scaledTo(value: Amount, exp: number): bigint {
  const shift = value.exp - exp
  if (shift >= 0) return BigInt(value.n) * 10n ** BigInt(shift)
  return divideHalfEven(BigInt(value.n), 10n ** BigInt(-shift))
}

/** Brings a bigint at `exp` back into an amount, or undefined when it leaves ±(2^53-1). */
export function amountFrom(n: bigint, exp: number): Amount | undefined {
  const small = Number(n)
  return Number.isSafeInteger(small) && BigInt(small) === n ? amount(small, exp) : undefined
}

/** `value` at exponent `exp` (half-even), or undefined when it leaves ±(2^53-1). */
export function rescale(value: Amount, exp: number): Amount | undefined {
  return value.exp === exp ? value : amountFrom(scaledTo(value, exp), exp)
}

/** Exact sum at the finer exponent of the two; throws when it leaves ±(2^53-1). */
export function add(a: Amount, b: Amount): Amount {
  if (a.exp === b.exp && Number.isSafeInteger(a.n + b.n)) return amount(a.n + b.n, a.exp)
  const exp = Math.min(a.exp, b.exp)
  const sum = amountFrom(scaledTo(a, exp) + scaledTo(b, exp), exp)
  // The message is made only when it is needed: sums are taken by the million.
  if (!sum) invariant(false, `sum out of range: ${formatAmount(a)} + ${formatAmount(b)}`)
  return sum
}

/** Exact difference a - b at the finer exponent of the two; throws when it leaves ±(2^53-1). */
export function subtract(a: Amount, b: Amount): Amount {
  return add(a, { n: -b.n, exp: b.exp })
}

/** Exact product; throws when it leaves ±(2^53-1) or the exponent leaves [-12, 12]. */
export function multiply(a: Amount, b: Amount): Amount {
  const product = amountFrom(BigInt(a.n) * BigInt(b.n), a.exp + b.exp)
  if (!product) invariant(false, `product out of range: ${formatAmount(a)} × ${formatAmount(b)}`)
  return product
}

/** Negative, zero or positive as a is below, equal to or above b; exact across exponents. */
export function compare(a: Amount, b: Amount): number {
  const exp = Math.min(a.exp, b.exp)
  const difference = scaledTo(a, exp) - scaledTo(b, exp)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** a / b rounded half-even to `exp`; undefined when b is zero or the quotient leaves ±(2^53-1). */
export function ratio(a: Amount, b: Amount, exp: number): Amount | undefined {
  if (b.n === 0) return undefined
  const shift = a.exp - b.exp - exp
  const numerator = shift >= 0 ? BigInt(a.n) * 10n ** BigInt(shift) : BigInt(a.n)
  const denominator = shift >= 0 ? BigInt(b.n) : BigInt(b.n) * 10n ** BigInt(-shift)
  return amountFrom(divideHalfEven(numerator, denominator), exp)
}

/** Plain decimal text with every digit of the exponent kept: `{ 2300, -1 }` → `230.0`. */
export function formatAmount({ n, exp }: Amount): string {
  if (exp >= 0) return `${BigInt(n) * 10n ** BigInt(exp)}`
  const digits = Math.abs(n)
    .toString()
    .padStart(1 - exp, '0')
  return `${n < 0 ? '-' : ''}${digits.slice(0, exp)}.${digits.slice(exp)}`
}

/** Reads decimal text (`-12.50`) exactly; undefined when it is no plain decimal or too large. */
export function parseAmount(text: string): Amount | undefined {
  const match = /^([+-]?)(\d+)(?:\.(\d+))?$/.exec(text.trim())
  if (!match) return undefined
  const fraction = match[3] ?? ''
  if (fraction.length > 12) return undefined
  return amountFrom(BigInt(`${match[1] === '-' ? '-' : ''}${match[2]}${fraction}`), -fraction.length)
}

/**
 * A float rounded half-even to `exp`, once. Uses the float's exact binary value, so 0.125 at -2 is 0.12 and
 * not what a decimal printout suggests. Undefined for NaN, ±Infinity and beyond ±(2^53-1).
 */
export function roundFloat(value: number, exp: number): Amount | undefined {
  if (!Number.isFinite(value)) return undefined
  const { mantissa, power } = exactBinary(value)
  let numerator = mantissa
  let denominator = 1n
  if (power >= 0) numerator <<= BigInt(power)
  else denominator <<= BigInt(-power)
  if (exp <= 0) numerator *= 10n ** BigInt(-exp)
  else denominator *= 10n ** BigInt(exp)
  return amountFrom(divideHalfEven(numerator, denominator), exp)
}

/** value = mantissa × 2^power, exactly. */
function exactBinary(value: number): { mantissa: bigint; power: number } {
  let power = 0
  let scaled = value
  while (!Number.isInteger(scaled)) {
    scaled *= 2
    power -= 1
  }
  return { mantissa: BigInt(scaled), power }
}

/** For charts and comparisons only, never to add up. */
export function toNumber({ n, exp }: Amount): number {
  return exp >= 0 ? n * 10 ** exp : n / 10 ** -exp
}
