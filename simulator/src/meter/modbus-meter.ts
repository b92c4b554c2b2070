import {
  type Amount,
  amountFrom,
  type ModbusItem,
  type ModbusProfile,
  parseAmount,
  type QuantityName,
  roundFloat,
} from '@metergate/protocol'
import type { MeterTruth, Plant } from '../plant/plant.js'
import type { MeterSpec } from '../plant/schema.js'
import { trueValue } from './quantity-truth.js'
import {
  fractionOf,
  packRegisters,
  power10,
  type RawRegister,
  type RegisterShape,
  rawRegister,
  registersOf,
  times,
} from './register-value.js'
import type { SimulatedMeter } from './simulated-meter.js'
import { scaleFactorOf, sunspecFrame, sunspecModelAddress } from './sunspec.js'
import { measuredBy, suppliedTo } from './wiring.js'

/** Modbus exception codes a meter answers with (application protocol V1.1b3, chapter 7). */
export const ILLEGAL_FUNCTION = 1
export const ILLEGAL_ADDRESS = 2
export const ILLEGAL_VALUE = 3

/** A read's data bytes as on the wire, or the exception code. */
export type ReadOutcome = { readonly data: Uint8Array } | { readonly exception: number }

type Place =
  | { readonly kind: 'item'; readonly item: ModbusItem; readonly word: number }
  | { readonly kind: 'fixed'; readonly value: number }

/** A simulated Modbus meter: what its profile says of the map, filled from the plant's truth at the instant of the answer. */
export class ModbusMeter implements SimulatedMeter {
  readonly spec: MeterSpec
  readonly profile: ModbusProfile
  readonly #plant: Plant
  /** Per read function, what stands at each address. */
  readonly #map = new Map<number, Map<number, Place>>()
  readonly #shapes = new Map<ModbusItem, RegisterShape>()

  constructor(spec: MeterSpec, profile: ModbusProfile, plant: Plant) {
    this.spec = spec
    this.profile = profile
    this.#plant = plant
    this.#layOut()
  }

  get name(): string {
    return String(this.unit)
  }

  get unit(): number {
    return this.spec.unit ?? -1
  }

  /** Answers a read of `count` registers (functions 3, 4) or bits (1, 2) with the registers as of `epochMs`. */
  read(fn: number, address: number, count: number, epochMs: number): ReadOutcome {
    const exception = this.refusal(fn, address, count)
    if (exception !== undefined) return { exception }
    const places = this.#map.get(fn)
    const image = new Image(this, this.#truth(epochMs), count)
    const words = Array.from({ length: count }, (_, index) => image.word(places?.get(address + index)))
    return { data: fn <= 2 ? packBits(words) : packWords(words) }
  }

  /** The exception code for a read of what the meter does not have; undefined when it is answered. */
  refusal(fn: number, address: number, count: number): number | undefined {
    const places = this.#map.get(fn)
    if (!places) return ILLEGAL_FUNCTION
    if (count < 1 || count > (fn <= 2 ? 2000 : 125)) return ILLEGAL_VALUE
    return this.#mayRead(places, address, count) ? undefined : ILLEGAL_ADDRESS
  }

  /**
   * What a faultless reader must get for a quantity at `epochMs`: the amount the register shows, before any ratio is
   * multiplied in. Undefined when the profile has no such item or the plant no such value.
   */
  registerAmount(quantity: QuantityName, epochMs: number): Amount | undefined {
    const item = this.profile.items.find((candidate) => candidate.quantity === quantity)
    const raw = item && this.content(item, this.#truth(epochMs))
    if (!item || !raw) return undefined
    const written = parseAmount(item.scale)
    if (!written) return undefined
    const scale = { n: written.n, exp: written.exp + scaleFactorOf(item) }
    const exponent = item.exponent ?? scale.exp
    if (raw.kind === 'integer') {
      const shift = scale.exp - exponent
      return shift >= 0
        ? amountFrom(raw.raw * BigInt(scale.n) * 10n ** BigInt(shift), exponent)
        : amountFrom(raw.raw * BigInt(scale.n), scale.exp)
    }
    // The scale of a float is a power of ten: rounding at the shifted digit keeps it to a single rounding.
    const power = Math.round(Math.log10(scale.n)) + scale.exp
    const rounded = roundFloat(raw.raw, exponent - power)
    return rounded && { n: rounded.n, exp: exponent }
  }

  /** Raw content of an item's registers, or undefined when the plant has no such value. */
  content(item: ModbusItem, truth: MeterTruth): RawRegister | undefined {
    const value = trueValue(item.quantity, truth, (at) =>
      this.#plant.truthAt(this.spec.id, Math.max(at, this.#plant.spec.since)),
    )
    return value && rawRegister(value, this.#shape(item))
  }

  #shape(item: ModbusItem): RegisterShape {
    const known = this.#shapes.get(item)
    if (known) return known
    const shape = shapeOf(item, this.spec)
    this.#shapes.set(item, shape)
    return shape
  }

  #truth(epochMs: number): MeterTruth {
    const at = this.#plant.registerInstant(this.spec, epochMs)
    return measuredBy(this.spec, suppliedTo(this.profile, this.#plant.truthAt(this.spec.id, at)))
  }

  #mayRead(places: Map<number, Place>, address: number, count: number): boolean {
    const { profile } = this
    const last = address + count - 1
    if (count > profile.max_registers || last > 0xffff) return false
    if (profile.alignment === 'even' && (address % 2 === 1 || count % 2 === 1)) return false
    if (profile.forbidden.some((range) => address <= range.to && last >= range.from)) return false
    const known = Array.from({ length: count }, (_, index) => places.has(address + index))
    return profile.read_through === 'yes' ? known.some(Boolean) : known.every(Boolean)
  }

  #layOut(): void {
    const { profile } = this
    for (const { function: fn, address, expect } of profile.signature) {
      signatureWords(expect, profile.word_order).forEach((value, index) => {
        this.#put(fn, address + index, { kind: 'fixed', value })
      })
    }
    this.#putRatio(profile.ratio_registers?.ct, this.spec.ct)
    this.#putRatio(profile.ratio_registers?.pt, this.spec.pt)
    for (const { address, value } of sunspecFrame(profile))
      this.#put(profile.read_function, address, { kind: 'fixed', value })
    const base = sunspecModelAddress(profile)
    for (const item of profile.items) {
      const fn = item.function ?? profile.read_function
      for (let word = 0; word < registersOf(item.type); word += 1) {
        this.#put(fn, base + item.address + word, { kind: 'item', item, word })
      }
      if (item.scale_factor_address === undefined) continue
      this.#put(fn, base + item.scale_factor_address, { kind: 'fixed', value: scaleFactorOf(item) & 0xffff })
    }
  }

  #putRatio(register: Omit<ModbusItem, 'quantity'> | undefined, ratio: number): void {
    if (!register) return
    const shape: RegisterShape = {
      type: register.type,
      scale: fractionOf(register.scale),
      exponent: register.exponent ?? 0,
      ratio: 1n,
      modulus: undefined,
    }
    const raw = rawRegister({ kind: 'counter', numerator: BigInt(ratio), denominator: 1n }, shape)
    const words = packRegisters(raw, register.type, register.word_order ?? this.profile.word_order)
    words.forEach((value, index) => {
      this.#put(register.function ?? this.profile.read_function, register.address + index, { kind: 'fixed', value })
    })
  }

  #put(fn: number, address: number, place: Place): void {
    const places = this.#map.get(fn) ?? new Map<number, Place>()
    places.set(address, place)
    this.#map.set(fn, places)
  }
}

/** What stands in a register that only identifies the meter; a real item at the same place wins. */
function signatureWords(
  expect: ModbusProfile['signature'][number]['expect'],
  order: 'high_first' | 'low_first',
): readonly number[] {
  if ('exception' in expect) return []
  if ('hex' in expect) return (expect.hex[0]?.match(/.{1,4}/g) ?? []).map((word) => Number.parseInt(word, 16))
  const { type } = expect
  const middle = (expect.min + expect.max) / 2
  const isFloat = type === 'f32' || type === 'f64'
  const raw: RawRegister = isFloat
    ? { kind: 'float', raw: middle }
    : { kind: 'integer', raw: BigInt(Math.floor(middle)) }
  return packRegisters(raw, type, order)
}

function shapeOf(item: ModbusItem, spec: MeterSpec): RegisterShape {
  const scale = parseAmount(item.scale)
  return {
    type: item.type,
    scale: times(fractionOf(item.scale), power10(scaleFactorOf(item))),
    exponent: item.exponent ?? scale?.exp ?? 0,
    ratio: ratioOf(item.ratio, spec),
    modulus: item.modulus === undefined ? undefined : BigInt(item.modulus),
  }
}

/** The factor by which an item's register is smaller than the primary value. */
export function ratioOf(ratio: ModbusItem['ratio'], { ct, pt }: Pick<MeterSpec, 'ct' | 'pt'>): bigint {
  switch (ratio) {
    case 'none':
      return 1n
    case 'ct':
      return BigInt(ct)
    case 'pt':
      return BigInt(pt)
    case 'ct_pt':
      return BigInt(ct * pt)
  }
}

/** The registers of one answer: each item is worked out once, from one instant. */
class Image {
  readonly #packed = new Map<ModbusItem, readonly number[]>()
  readonly #meter: ModbusMeter
  readonly #truth: MeterTruth
  readonly #count: number

  constructor(meter: ModbusMeter, truth: MeterTruth, count: number) {
    this.#meter = meter
    this.#truth = truth
    this.#count = count
  }

  /** One register; holes inside a block that may be read through hold zero. */
  word(place: Place | undefined): number {
    if (!place) return 0
    if (place.kind === 'fixed') return place.value
    return this.#words(place.item)[place.word] ?? 0
  }

  #words(item: ModbusItem): readonly number[] {
    const known = this.#packed.get(item)
    if (known) return known
    const words = this.#pack(item)
    this.#packed.set(item, words)
    return words
  }

  #pack(item: ModbusItem): readonly number[] {
    const size = registersOf(item.type)
    // Some registers show something else inside a block: a recognisable wrong pattern stands for it.
    if (item.alone && this.#count > size) return new Array<number>(size).fill(0x5a5a)
    const content = this.#meter.content(item, this.#truth)
    const order = item.word_order ?? this.#meter.profile.word_order
    if (!content) return absent(item, size, order)
    return packRegisters(content, item.type, order)
  }
}

/** "Not available" as the profile spells it (high word first), or zeros. */
function absent(item: ModbusItem, size: number, order: 'high_first' | 'low_first'): readonly number[] {
  const mark = item.not_available?.[0]?.match(/.{4}/g)?.map((word) => Number.parseInt(word, 16))
  if (!mark) return new Array<number>(size).fill(0)
  return order === 'high_first' ? mark : mark.reverse()
}

function packWords(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * words.length)
  words.forEach((word, index) => {
    bytes[2 * index] = word >>> 8
    bytes[2 * index + 1] = word & 0xff
  })
  return bytes
}

/** Coils and discrete inputs: eight to a byte, the first in the lowest bit. */
function packBits(bits: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8))
  bits.forEach((bit, index) => {
    if (bit) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7))
  })
  return bytes
}
