import type { RegisterType } from '../profile/schema.js'
import type { WordOrder } from './words.js'

/**
 * A second encoder for tests and simulated checks, written on purpose another way than words.ts: digits by
 * division, floats built from sign, exponent and fraction. A mistake in one does not hide in the other.
 */
export function encodeByHand(type: RegisterType, value: bigint | number, order: WordOrder): Uint8Array {
  const bytes = straightBytes(type, value)
  if (order === 'high_first' || type === 'bit') return Uint8Array.from(bytes)
  const words: number[][] = []
  for (let i = 0; i < bytes.length; i += 2) words.unshift(bytes.slice(i, i + 2))
  return Uint8Array.from(words.flat())
}

function straightBytes(type: RegisterType, value: bigint | number): number[] {
  switch (type) {
    case 'bit':
      return [Number(value) % 2]
    case 'f32':
      return floatBytes(Number(value), 8, 23)
    case 'f64':
      return floatBytes(Number(value), 11, 52)
    case 'bcd16':
      return digits(decimalAsHex(BigInt(value)), 2)
    case 'bcd32':
      return digits(decimalAsHex(BigInt(value)), 4)
    case 'bcd64':
      return digits(decimalAsHex(BigInt(value)), 8)
    default: {
      const width = Number(type.slice(1)) / 8
      const n = BigInt(value)
      return digits(n < 0n ? n + 256n ** BigInt(width) : n, width)
    }
  }
}

/** Base-256 digits of a whole number, highest first, by division. */
function digits(value: bigint, width: number): number[] {
  const result: number[] = []
  let rest = value
  for (let i = 0; i < width; i++) {
    result.unshift(Number(rest % 256n))
    rest /= 256n
  }
  return result
}

/** 1234 → 0x1234. */
function decimalAsHex(value: bigint): bigint {
  return value < 10n ? value : decimalAsHex(value / 10n) * 16n + (value % 10n)
}

/** IEEE 754 from its definition; `value` must be exactly of that width (zero, subnormal or normal). */
function floatBytes(value: number, exponentBits: number, fractionBits: number): number[] {
  const bias = 2 ** (exponentBits - 1) - 1
  const sign = value < 0 || Object.is(value, -0) ? 1n : 0n
  let size = Math.abs(value)
  let exponent = 0
  while (size >= 2) {
    size /= 2
    exponent += 1
  }
  while (size < 1 && exponent > 1 - bias) {
    size *= 2
    exponent -= 1
  }
  const normal = size >= 1
  const fraction = BigInt((normal ? size - 1 : size) * 2 ** fractionBits)
  const biased = BigInt(normal ? exponent + bias : 0)
  const whole = (sign << BigInt(exponentBits + fractionBits)) + (biased << BigInt(fractionBits)) + fraction
  return digits(whole, (1 + exponentBits + fractionBits) / 8)
}
