import { invariant } from '../invariant.js'
import type { RegisterType } from '../profile/schema.js'
import { fail, ok, type Result } from '../result.js'

export type WordOrder = 'high_first' | 'low_first'

/** What stands in registers before any scale: an exact integer or a finite float. */
export type RawValue =
  | { readonly kind: 'integer'; readonly n: bigint }
  | { readonly kind: 'float'; readonly value: number }

/** `not_available`: the meter says it has no value. `bad_frame`: the bytes cannot be of this type. */
export type NoRawValue = 'not_available' | 'bad_frame'

const REGISTERS: Readonly<Record<RegisterType, number>> = {
  u16: 1,
  i16: 1,
  u32: 2,
  i32: 2,
  u64: 4,
  i64: 4,
  f32: 2,
  f64: 4,
  bcd16: 1,
  bcd32: 2,
  bcd64: 4,
  bit: 1,
}

/** Registers a value of `type` takes; 1 for a bit, which takes one address. */
export function registersOf(type: RegisterType): number {
  return REGISTERS[type]
}

/**
 * Reads the registers of one value (2 bytes each as on the wire; for `bit` one byte whose lowest bit counts).
 * Marks in `notAvailable` (hex, high word first) and NaN or infinity mean "no value" and are looked at before
 * anything else, so that 0xFFFF never becomes 6553.5 V.
 */
export function decodeRaw(
  type: RegisterType,
  bytes: Uint8Array,
  order: WordOrder,
  notAvailable: readonly string[] = [],
): Result<RawValue, NoRawValue> {
  if (type === 'bit')
    return bytes.length >= 1 ? ok({ kind: 'integer', n: BigInt((bytes.at(-1) ?? 0) & 1) }) : fail('bad_frame')
  if (bytes.length !== 2 * registersOf(type)) return fail('bad_frame')
  const straight = order === 'high_first' ? bytes : reverseWords(bytes)
  if (notAvailable.length > 0 && notAvailable.includes(toHex(straight))) return fail('not_available')
  const view = new DataView(straight.buffer, straight.byteOffset, straight.byteLength)
  switch (type) {
    case 'u16':
      return integer(BigInt(view.getUint16(0)))
    case 'i16':
      return integer(BigInt(view.getInt16(0)))
    case 'u32':
      return integer(BigInt(view.getUint32(0)))
    case 'i32':
      return integer(BigInt(view.getInt32(0)))
    case 'u64':
      return integer(view.getBigUint64(0))
    case 'i64':
      return integer(view.getBigInt64(0))
    case 'f32':
      return float(view.getFloat32(0))
    case 'f64':
      return float(view.getFloat64(0))
    default:
      return bcd(straight)
  }
}

const integer = (n: bigint): Result<RawValue, NoRawValue> => ok({ kind: 'integer', n })

const float = (value: number): Result<RawValue, NoRawValue> =>
  Number.isFinite(value) ? ok({ kind: 'float', value }) : fail('not_available')

function bcd(bytes: Uint8Array): Result<RawValue, NoRawValue> {
  const digits = toHex(bytes)
  return /^\d+$/.test(digits) ? integer(BigInt(digits)) : fail('bad_frame')
}

/**
 * The registers' bytes for a raw value, the reverse of {@link decodeRaw}; undefined when it does not fit the type.
 * Floats take any number (rounded to the type), integers and BCD whole numbers only. A bit is one byte.
 */
export function encodeRaw(type: RegisterType, raw: bigint | number, order: WordOrder): Uint8Array | undefined {
  const straight = type === 'f32' || type === 'f64' ? encodeFloat(type, Number(raw)) : encodeInteger(type, raw)
  if (straight === undefined || order === 'high_first' || type === 'bit') return straight
  return reverseWords(straight)
}

function encodeFloat(type: 'f32' | 'f64', value: number): Uint8Array {
  const bytes = new Uint8Array(2 * registersOf(type))
  const view = new DataView(bytes.buffer)
  if (type === 'f32') view.setFloat32(0, value)
  else view.setFloat64(0, value)
  return bytes
}

function encodeInteger(type: Exclude<RegisterType, 'f32' | 'f64'>, raw: bigint | number): Uint8Array | undefined {
  if (typeof raw === 'number' && !Number.isInteger(raw)) return undefined
  const n = BigInt(raw)
  const [least, most] = integerRange(type)
  if (n < least || n > most) return undefined
  if (type === 'bit') return Uint8Array.of(Number(n))
  const width = 4 * registersOf(type)
  const isBcd = type === 'bcd16' || type === 'bcd32' || type === 'bcd64'
  const hex = isBcd ? n.toString() : BigInt.asUintN(4 * width, n).toString(16)
  return fromHex(hex.padStart(width, '0'))
}

/** Least and greatest raw value of an integer type. */
export function integerRange(type: Exclude<RegisterType, 'f32' | 'f64'>): readonly [bigint, bigint] {
  const bits = BigInt(16 * registersOf(type))
  switch (type) {
    case 'bit':
      return [0n, 1n]
    case 'u16':
    case 'u32':
    case 'u64':
      return [0n, 2n ** bits - 1n]
    case 'i16':
    case 'i32':
    case 'i64':
      return [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
    default:
      return [0n, 10n ** (bits / 4n) - 1n]
  }
}

/** Registers in reverse, the two bytes inside each kept. */
function reverseWords(bytes: Uint8Array): Uint8Array {
  const reversed = new Uint8Array(bytes.length)
  for (let at = 0; at < bytes.length; at += 2) reversed.set(bytes.subarray(at, at + 2), bytes.length - at - 2)
  return reversed
}

/** Lower-case hex, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Bytes of an even number of hex digits. */
export function fromHex(hex: string): Uint8Array {
  invariant(/^([0-9a-fA-F]{2})*$/.test(hex), `not hex: ${hex}`)
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}
