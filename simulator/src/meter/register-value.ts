import { invariant, type RegisterType } from '@metergate/protocol'
import type { TrueValue } from './quantity-truth.js'

/** A positive fraction: scales and ratios, exactly as written in the profile. */
export interface Fraction {
  readonly numerator: bigint
  readonly denominator: bigint
}

/** `"0.01"` → 1/100. */
export function fractionOf(decimal: string): Fraction {
  const [whole = '', digits = ''] = decimal.split('.')
  return { numerator: BigInt(whole + digits), denominator: 10n ** BigInt(digits.length) }
}

/** Exact product. */
export const times = (a: Fraction, b: Fraction): Fraction => ({
  numerator: a.numerator * b.numerator,
  denominator: a.denominator * b.denominator,
})
/** 10^exponent. */
export const power10 = (exponent: number): Fraction =>
  exponent >= 0
    ? { numerator: 10n ** BigInt(exponent), denominator: 1n }
    : { numerator: 1n, denominator: 10n ** BigInt(-exponent) }
const toFloat = ({ numerator, denominator }: Fraction): number => Number(numerator) / Number(denominator)

/** What a register's content depends on besides the value. */
export interface RegisterShape {
  readonly type: RegisterType
  /** Value in the quantity's unit = raw × scale. */
  readonly scale: Fraction
  /** Decimal exponent of the digit the meter works with. */
  readonly exponent: number
  /** CT, PT or both where the register holds secondary values; 1 otherwise. */
  readonly ratio: bigint
  readonly modulus: bigint | undefined
}

/** Content of a register: an integer, or a float as the meter computes it. */
export type RawRegister =
  | { readonly kind: 'integer'; readonly raw: bigint }
  | { readonly kind: 'float'; readonly raw: number }

/**
 * The raw content a real meter would hold: counters cut off at the last digit (a meter has not counted what is not yet
 * full) and wrapped, gauges rounded to it; secondary values divided by the ratio first.
 */
export function rawRegister(value: TrueValue, shape: RegisterShape): RawRegister {
  const isFloat = shape.type === 'f32' || shape.type === 'f64'
  if (value.kind === 'counter') return isFloat ? floatCounter(value, shape) : integerCounter(value, shape)
  const secondary = value.value / Number(shape.ratio)
  if (!isFloat) return { kind: 'integer', raw: clamp(BigInt(Math.round(secondary / toFloat(shape.scale))), shape.type) }
  const digits = Math.round(secondary / 10 ** shape.exponent)
  return floatOf(BigInt(digits), shape)
}

function integerCounter(value: Fraction, { scale, ratio, modulus, type }: RegisterShape): RawRegister {
  const raw = (value.numerator * scale.denominator) / (value.denominator * ratio * scale.numerator)
  return { kind: 'integer', raw: raw % (modulus ?? typeModulus(type)) }
}

function floatCounter(value: Fraction, shape: RegisterShape): RawRegister {
  const digit = power10(shape.exponent)
  const digits = (value.numerator * digit.denominator) / (value.denominator * shape.ratio * digit.numerator)
  if (shape.modulus === undefined) return floatOf(digits, shape)
  const limit = times({ numerator: shape.modulus, denominator: 1n }, shape.scale)
  const limitDigits = (limit.numerator * digit.denominator) / (limit.denominator * digit.numerator)
  return floatOf(limitDigits > 0n ? digits % limitDigits : digits, shape)
}

/** `digits` of the meter's last place as the float it sends: value ÷ scale. */
function floatOf(digits: bigint, { exponent, scale, type }: RegisterShape): RawRegister {
  const exact = times(power10(exponent), { numerator: scale.denominator, denominator: scale.numerator })
  const value = Number(digits * exact.numerator) / Number(exact.denominator)
  return { kind: 'float', raw: type === 'f32' ? Math.fround(value) : value }
}

const BITS: Readonly<Record<RegisterType, number>> = {
  bit: 1,
  u16: 16,
  i16: 16,
  bcd16: 16,
  u32: 32,
  i32: 32,
  f32: 32,
  bcd32: 32,
  u64: 64,
  i64: 64,
  f64: 64,
  bcd64: 64,
}

/** Registers (16 bits) a value takes; a bit counts as one. */
export function registersOf(type: RegisterType): number {
  return Math.max(1, BITS[type] / 16)
}

function typeModulus(type: RegisterType): bigint {
  if (type.startsWith('bcd')) return 10n ** BigInt(BITS[type] / 4)
  return 1n << BigInt(type.startsWith('i') ? BITS[type] - 1 : BITS[type])
}

function clamp(raw: bigint, type: RegisterType): bigint {
  const top = typeModulus(type) - 1n
  const bottom = type.startsWith('i') ? -top - 1n : 0n
  return raw < bottom ? bottom : raw > top ? top : raw
}

/** Packs raw content into registers as they stand on the wire (each register high byte first). */
export function packRegisters(
  content: RawRegister,
  type: RegisterType,
  wordOrder: 'high_first' | 'low_first',
): number[] {
  const words = content.kind === 'float' ? floatWords(content.raw, type) : integerWords(content.raw, type)
  return wordOrder === 'high_first' ? words : words.reverse()
}

/** Scratch space: one conversion at a time. */
const FLOAT_VIEW = new DataView(new ArrayBuffer(8))

function floatWords(value: number, type: RegisterType): number[] {
  invariant(type === 'f32' || type === 'f64', `not a float type: ${type}`)
  if (type === 'f32') FLOAT_VIEW.setFloat32(0, value)
  else FLOAT_VIEW.setFloat64(0, value)
  return Array.from({ length: BITS[type] / 16 }, (_, index) => FLOAT_VIEW.getUint16(2 * index))
}

function integerWords(raw: bigint, type: RegisterType): number[] {
  const bits = type.startsWith('bcd') ? BigInt(`0x${raw.toString()}`) : BigInt.asUintN(BITS[type], raw)
  const count = registersOf(type)
  return Array.from({ length: count }, (_, index) => Number((bits >> BigInt(16 * (count - 1 - index))) & 0xffffn))
}
