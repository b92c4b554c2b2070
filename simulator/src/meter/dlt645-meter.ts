import {
  type Amount,
  amountFrom,
  type Dlt645Item,
  type Dlt645Profile,
  invariant,
  parseAmount,
  type QuantityName,
} from '@metergate/protocol'
import type { MeterTruth, Plant } from '../plant/plant.js'
import type { MeterSpec } from '../plant/schema.js'
import { ratioOf } from './modbus-meter.js'
import { trueValue } from './quantity-truth.js'
import { fractionOf } from './register-value.js'
import type { SimulatedMeter } from './simulated-meter.js'
import { measuredBy, suppliedTo } from './wiring.js'

/** A simulated DL/T 645 meter: the data behind each identifier, from the plant's truth. */
export class Dlt645Meter implements SimulatedMeter {
  readonly spec: MeterSpec
  readonly profile: Dlt645Profile
  readonly name: string
  readonly #plant: Plant
  readonly #byDi = new Map<string, Dlt645Item[]>()

  constructor(spec: MeterSpec, profile: Dlt645Profile, plant: Plant) {
    invariant(spec.address !== undefined, `meter ${spec.id} speaks DL/T 645 and has no "address"`)
    this.spec = spec
    this.profile = profile
    this.name = spec.address
    this.#plant = plant
    for (const item of profile.items) this.#byDi.set(item.di, [...(this.#byDi.get(item.di) ?? []), item])
  }

  /** Data behind an identifier (eight hex digits DI3..DI0) as of `epochMs`, low byte first, without +33H; undefined: no such data. */
  data(di: string, epochMs: number): Uint8Array | undefined {
    const truth = this.#truth(epochMs)
    const items = this.#byDi.get(di)
    if (items) return this.#block(di, items, truth)
    return this.#part(di, truth) ?? this.#wholeOfParts(di, truth)
  }

  has(di: string): boolean {
    return this.data(di, this.#plant.spec.since) !== undefined
  }

  registerAmount(quantity: QuantityName, epochMs: number): Amount | undefined {
    const item = this.profile.items.find((candidate) => candidate.quantity === quantity)
    const raw = item && this.#raw(item, this.#truth(epochMs))
    const scale = item && parseAmount(item.scale)
    if (raw === undefined || !item || !scale) return undefined
    const exponent = Math.min(scale.exp, item.exponent ?? scale.exp)
    return amountFrom(raw * BigInt(scale.n) * 10n ** BigInt(scale.exp - exponent), exponent)
  }

  #truth(epochMs: number): MeterTruth {
    const at = this.#plant.registerInstant(this.spec, epochMs)
    return measuredBy(this.spec, suppliedTo(this.profile, this.#plant.truthAt(this.spec.id, at)))
  }

  #block(di: string, items: readonly Dlt645Item[], truth: MeterTruth): Uint8Array {
    const length = Math.max(...items.map((item) => item.offset + item.bytes))
    const data = new Uint8Array(length).fill(0xff)
    // A block of tariffs begins with the total, which the profile reads on its own.
    const first = this.#byDi.get(di.replace('ff', '00'))?.[0]
    if (first && !items.some((item) => item.offset === 0)) data.set(this.#encode(first, truth))
    for (const item of items) data.set(this.#encode(item, truth), item.offset)
    return data
  }

  /** One item of a block asked for alone: 02010200 is the second of 0201FF00; powers and factors count from 00. */
  #part(di: string, truth: MeterTruth): Uint8Array | undefined {
    const items = this.#byDi.get(`${di.slice(0, 4)}ff${di.slice(6)}`)
    const index = Number.parseInt(di.slice(4, 6), 16)
    const fromZero = /^020[3-6]/.test(di) || /^000[12]/.test(di)
    const first = items?.[0]
    const item = first && items.find(({ offset }) => offset === (fromZero ? index : index - 1) * first.bytes)
    return item && this.#encode(item, truth)
  }

  /** A block of items the profile lists one by one (2007: FF, 1997: F in the last digit). */
  #wholeOfParts(di: string, truth: MeterTruth): Uint8Array | undefined {
    const pattern = /^0000[0-9a-f]{3}f$/.test(di) ? /^(0000[0-9a-f]{3})f()$/ : /^([0-9a-f]{4})ff([0-9a-f]{2})$/
    const [, head, tail] = pattern.exec(di) ?? []
    if (head === undefined || tail === undefined) return undefined
    const parts = [...this.#byDi.keys()].filter((known) => known.startsWith(head) && known.endsWith(tail)).sort()
    const items = parts.flatMap((known) => this.#byDi.get(known) ?? [])
    return items.length > 0 ? Uint8Array.from(items.flatMap((item) => [...this.#encode(item, truth)])) : undefined
  }

  #raw(item: Dlt645Item, truth: MeterTruth): bigint | undefined {
    const value = trueValue(item.quantity, truth, (at) =>
      this.#plant.truthAt(this.spec.id, Math.max(at, this.#plant.spec.since)),
    )
    if (!value) return undefined
    const scale = fractionOf(item.scale)
    const ratio = ratioOf(item.ratio, this.spec)
    const modulus = item.modulus === undefined ? 10n ** BigInt(2 * item.bytes) : BigInt(item.modulus)
    if (value.kind === 'counter') {
      return ((value.numerator * scale.denominator) / (value.denominator * ratio * scale.numerator)) % modulus
    }
    const step = (Number(scale.numerator) / Number(scale.denominator)) * Number(ratio)
    return clampTo(BigInt(Math.round(value.value / step)), item)
  }

  #encode(item: Dlt645Item, truth: MeterTruth): Uint8Array {
    const raw = this.#raw(item, truth)
    return raw === undefined ? new Uint8Array(item.bytes).fill(0xff) : bcd(raw, item)
  }
}

/** The largest figure an item can show: the sign takes the top bit, so a signed one ends at 7999… */
function clampTo(raw: bigint, { bytes, signed }: Dlt645Item): bigint {
  const most = signed ? 8n * 10n ** BigInt(2 * bytes - 1) - 1n : 10n ** BigInt(2 * bytes) - 1n
  const least = signed ? -most : 0n
  return raw > most ? most : raw < least ? least : raw
}

/** Packed decimal, low byte first; the top bit of the last byte is the sign. */
function bcd(raw: bigint, { bytes }: Dlt645Item): Uint8Array {
  const digits = (raw < 0n ? -raw : raw).toString().padStart(2 * bytes, '0')
  const packed = Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)).reverse()
  if (raw < 0n) packed[bytes - 1] = (packed[bytes - 1] ?? 0) | 0x80
  return packed
}
