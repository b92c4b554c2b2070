import { type Amount, amountFrom, parseAmount, roundFloat, scaledTo } from '../amount.js'
import { decodeDlt645Value } from '../dlt645/data.js'
import { invariant } from '../invariant.js'
import { decodeRaw, integerRange, type RawValue } from '../modbus/words.js'
import { quantity } from '../quantity/quantity.js'
import type { Dlt645Item, ModbusItem, ModbusProfile } from './schema.js'

/** A value in the quantity's unit, or why there is none. */
export type DecodedValue =
  | { readonly ok: true; readonly value: Amount }
  | { readonly ok: false; readonly absent: 'not_available' | 'out_of_range' | 'bad_frame' }

/** Transformer ratios of one meter; `1` where there is no transformer. */
export interface Ratio {
  readonly ct: Amount
  readonly pt: Amount
}

type Item = ModbusItem | Dlt645Item
const ONE: Amount = { n: 1, exp: 0 }

/**
 * Decodes one Modbus item from its own bytes (2 per register as on the wire; for a bit one byte, lowest bit).
 * Integers are scaled exactly; floats are rounded half-even, once, to the item's exponent. With `ratio`, items
 * marked so are multiplied exactly. `scaleFactor` is SunSpec's power of ten; a needed one that is missing
 * (0x8000) means the value is not implemented.
 */
export function decodeModbusItem(
  item: ModbusItem,
  profile: Pick<ModbusProfile, 'word_order'>,
  bytes: Uint8Array,
  ratio?: Ratio,
  scaleFactor?: number,
): DecodedValue {
  const raw = decodeRaw(item.type, bytes, item.word_order ?? profile.word_order, item.not_available)
  if (!raw.ok) return { ok: false, absent: raw.fault }
  if (item.scale_factor_address === undefined) return scaleRaw(item, raw.value, ratio, 0)
  if (scaleFactor === undefined || !Number.isInteger(scaleFactor) || Math.abs(scaleFactor) > 10)
    return { ok: false, absent: 'not_available' }
  return scaleRaw(item, raw.value, ratio, scaleFactor)
}

/** Decodes one DL/T 645 item from a block's data (after the identifier, +33H removed): `offset` and `bytes` are its. */
export function decodeDlt645Item(item: Dlt645Item, data: Uint8Array, ratio?: Ratio): DecodedValue {
  const bytes = data.subarray(item.offset, item.offset + item.bytes)
  // A block may hold fewer items than the identifier could: one phase, two tariffs.
  if (bytes.length < item.bytes) return { ok: false, absent: 'not_available' }
  const raw = decodeDlt645Value(bytes, item.signed)
  if (!raw.ok) return { ok: false, absent: raw.fault }
  return scaleRaw(item, { kind: 'integer', n: raw.value }, ratio, 0)
}

function scaleRaw(item: Item, raw: RawValue, ratio: Ratio | undefined, power: number): DecodedValue {
  const scale = scaleOf(item)
  const exponent = ownExponent(item)
  const own =
    raw.kind === 'float' ? scaleFloat(raw.value, scale, power, exponent) : scaleInteger(raw.n, scale, power, exponent)
  const factor = factorOf(item, ratio)
  const value = own && times(own, factor)
  return value ? { ok: true, value } : { ok: false, absent: 'out_of_range' }
}

function times(value: Amount, factor: Amount): Amount | undefined {
  const exp = value.exp + factor.exp
  const quick = value.n * factor.n
  if (Number.isSafeInteger(quick)) return { n: quick, exp }
  return amountFrom(BigInt(value.n) * BigInt(factor.n), exp)
}

function scaleInteger(raw: bigint, scale: Amount, power: number, exponent: number): Amount | undefined {
  const n = raw * BigInt(scale.n)
  const shift = scale.exp + power - exponent
  if (shift === 0) return amountFrom(n, exponent)
  if (shift >= 0) return amountFrom(n * 10n ** BigInt(shift), exponent)
  const exact = amountFrom(n, 0)
  return exact && amountFrom(scaledTo({ n: exact.n, exp: shift }, 0), exponent)
}

/** A power-of-ten scale only moves the point, so the float is still rounded just once. */
function scaleFloat(raw: number, scale: Amount, power: number, exponent: number): Amount | undefined {
  const shift = powerOfTen(scale)
  invariant(shift !== undefined, `a float's scale must be a power of ten, not ${scale.n}e${scale.exp}`)
  const rounded = roundFloat(raw, exponent - shift - power)
  return rounded && amountFrom(BigInt(rounded.n), exponent)
}

/** The k of 10^k, or undefined when `scale` is no power of ten. */
export function powerOfTen(scale: Amount): number | undefined {
  const digits = /^1(0*)$/.exec(String(scale.n))
  return digits ? scale.exp + (digits[1] ?? '').length : undefined
}

/** Scales by their text: a poll decodes the same few thousands of times a second. */
const parsedScales = new Map<string, Amount>()

function scaleOf(item: Item): Amount {
  const known = parsedScales.get(item.scale)
  if (known) return known
  const scale = parseAmount(item.scale)
  invariant(scale, `not a scale: ${item.scale}`)
  parsedScales.set(item.scale, scale)
  return scale
}

/** Exponent of the value before any ratio. */
function ownExponent(item: Item): number {
  return item.exponent ?? scaleOf(item).exp
}

/** What `ratio` multiplies this item by; trailing zeros cut, so that 40.0 adds no digit. */
export function factorOf(item: Pick<Item, 'ratio'>, ratio: Ratio | undefined): Amount {
  if (!ratio) return ONE
  const { ct, pt } = { ct: trimmed(ratio.ct), pt: trimmed(ratio.pt) }
  switch (item.ratio) {
    case 'none':
      return ONE
    case 'ct':
      return ct
    case 'pt':
      return pt
    case 'ct_pt': {
      const product = amountFrom(BigInt(ct.n) * BigInt(pt.n), ct.exp + pt.exp)
      invariant(product, 'CT × PT is out of range')
      return trimmed(product)
    }
  }
}

function trimmed(value: Amount): Amount {
  let { n, exp } = value
  while (n !== 0 && n % 10 === 0 && exp < 0) {
    n /= 10
    exp += 1
  }
  while (exp > 0) {
    n *= 10
    exp -= 1
  }
  return { n, exp }
}

/** Exponent of the stored column: the item's own digits, finer by the decimals of the ratio it is multiplied by. */
export function columnExponent(item: Item, ratio?: Ratio): number {
  return ownExponent(item) + factorOf(item, ratio).exp
}

/**
 * The amount after which a counter starts again at zero, in the quantity's unit (times its ratio): declared, or
 * the type's own. Undefined for gauges, floats, signed types (no maker says how those wrap) and where it is
 * beyond ±(2^53-1) digits, which no meter reaches.
 */
export function itemModulus(item: Item, ratio?: Ratio): Amount | undefined {
  if (quantity(item.quantity).nature !== 'counter') return undefined
  const raw = item.modulus === undefined ? typeModulus(item) : BigInt(item.modulus)
  if (raw === undefined) return undefined
  const scale = scaleOf(item)
  const factor = factorOf(item, ratio)
  return shortest(raw * BigInt(scale.n) * BigInt(factor.n), scale.exp + factor.exp)
}

function typeModulus(item: Item): bigint | undefined {
  if ('di' in item) return item.signed ? undefined : 10n ** BigInt(2 * item.bytes)
  // A scale factor may change at run time, and with it the modulus.
  if (item.scale_factor_address !== undefined) return undefined
  switch (item.type) {
    case 'u16':
    case 'u32':
    case 'u64':
    case 'bcd16':
    case 'bcd32':
    case 'bcd64':
      return integerRange(item.type)[1] + 1n
    default:
      return undefined
  }
}

/** The amount with trailing zeros cut only as far as needed to fit, so that 10^16 × 0.01 still has a form. */
function shortest(n: bigint, exp: number): Amount | undefined {
  let [digits, power] = [n, exp]
  while (digits % 10n === 0n && amountFrom(digits, 0) === undefined && power < 12) {
    digits /= 10n
    power += 1
  }
  return amountFrom(digits, power)
}

/** How often an item is read: as the profile says, else counters with the energy cadence and gauges with the fast one. */
export function groupOf(item: Item): 'power' | 'energy' | 'rare' | 'identity' {
  return item.group ?? (quantity(item.quantity).nature === 'counter' ? 'energy' : 'power')
}
