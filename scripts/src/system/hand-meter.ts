import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { rootFolder } from '../root.js'

/**
 * A second simulated meter, written from the standards and from the profile's file alone: it shares neither the package's schema (its
 * defaults are spelt out here again) nor its codecs nor the simulator's. It knows no plant: each item holds a figure of its own, so that
 * a mix-up of registers, words, bytes, signs or scales always shows.
 */
const itemSchema = z.looseObject({
  quantity: z.string(),
  scale: z.string().default('1'),
  exponent: z.number().optional(),
  group: z.string().optional(),
  modulus: z.string().optional(),
  ratio: z.enum(['none', 'ct', 'pt', 'ct_pt']).default('none'),
  address: z.number().default(0),
  type: z.string().default(''),
  function: z.number().optional(),
  word_order: z.string().optional(),
  scale_factor_address: z.number().optional(),
  not_available: z.array(z.string()).default([]),
  alone: z.boolean().default(false),
  di: z.string().default(''),
  bytes: z.number().default(0),
  signed: z.boolean().default(false),
  offset: z.number().default(0),
})
export type WrittenItem = z.infer<typeof itemSchema>

const profileSchema = z.looseObject({
  protocol: z.enum(['modbus', 'dlt645']),
  edition: z.string().default('2007'),
  read_function: z.number().default(3),
  word_order: z.string().default('high_first'),
  sunspec: z.looseObject({ bases: z.array(z.number()), models: z.array(z.number()) }).optional(),
  items: z.array(itemSchema),
})
export type WrittenProfile = z.infer<typeof profileSchema>

export function writtenProfile(id: string): WrittenProfile {
  const path = join(rootFolder(), 'protocol/profiles', `${id}.json`)
  return profileSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
}

/** What stands in one item: a whole number of steps, each `10^exponent` of the register's own unit. */
export interface Figure {
  readonly item: WrittenItem
  readonly steps: bigint
  /** Stands in the registers instead of a number, high word first: a mark for "no value". */
  readonly pattern?: string
}

const fractionDigits = (decimalText: string): number => (decimalText.split('.')[1] ?? '').length

/** The power of ten a scale-factor register holds: such that one step of the register is one digit of the column. */
export const scaleFactorOf = ({ exponent = 0, scale }: WrittenItem): number => exponent + fractionDigits(scale)

/** A figure for each item, different everywhere, with its highest word or byte in use and every second signed one negative. */
export function figuresOf({ items, protocol }: WrittenProfile): Figure[] {
  return items.map((item, index) => ({
    item,
    steps: protocol === 'modbus' ? registerSteps(item, index) : decimalSteps(item, index),
  }))
}

const BASE: Readonly<Record<string, bigint>> = {
  bit: 1n,
  u16: 10_001n,
  i16: 10_001n,
  bcd16: 1_001n,
  u32: 131_073n * 7n,
  i32: 131_073n * 7n,
  bcd32: 12_340_001n,
  // Six digits: what a 32-bit float holds exactly.
  f32: 110_001n,
  u64: 2n ** 34n + 5n,
  i64: 2n ** 34n + 5n,
  bcd64: 12_345_000_001n,
  f64: 110_001n,
}

function registerSteps(item: WrittenItem, index: number): bigint {
  const base = BASE[item.type]
  if (base === undefined) throw new Error(`no figure for type ${item.type}`)
  if (item.type === 'bit') return BigInt(index % 2)
  const steps = base + 7n * BigInt(index)
  const bounded = item.modulus === undefined ? steps : steps % BigInt(item.modulus)
  return /^[if]/.test(item.type) && index % 2 === 1 ? -bounded : bounded
}

function decimalSteps({ bytes, signed }: WrittenItem, index: number): bigint {
  const steps = 12n * 10n ** BigInt(2 * bytes - 2) + BigInt(index)
  return signed && index % 2 === 1 ? -steps : steps
}

/** The words of a register value, each high byte first, by DataView and nothing else. */
export function registerWords({ item, steps, pattern }: Figure, order: string): number[] {
  const view = new DataView(new ArrayBuffer(8))
  const size = Number(/\d+$/.exec(item.type)?.[0] ?? 16) / 8
  if (pattern !== undefined)
    return inOrder(
      (pattern.match(/.{4}/g) ?? []).map((word) => Number.parseInt(word, 16)),
      order,
    )
  if (item.type === 'bit') return [Number(steps)]
  // A float carries the value itself: steps of the column's digit, divided by what the reader multiplies with.
  const float = (Number(steps) * 10 ** (item.exponent ?? 0)) / Number(item.scale)
  if (item.type === 'f32') view.setFloat32(0, float)
  else if (item.type === 'f64') view.setFloat64(0, float)
  else if (item.type.startsWith('bcd')) view.setBigUint64(0, BigInt(`0x${steps}`) << BigInt(64 - 8 * size))
  else if (size === 2) view.setInt16(0, Number(steps))
  else if (size === 4) view.setInt32(0, Number(steps))
  else view.setBigInt64(0, steps)
  const words = Array.from({ length: size / 2 }, (_, index) => view.getUint16(2 * index))
  return inOrder(words, order)
}

const inOrder = (words: number[], order: string): number[] => (order === 'low_first' ? words.reverse() : words)

/** The value a reader must get, as a plain decimal, by moving the point in text. `times`: CT × PT where the item leaves them out. */
export function expectedText({ item, steps }: Figure, times: bigint): string {
  const isFloat = item.type.startsWith('f')
  const [whole = '', fraction = ''] = (isFloat ? '1' : item.scale).split('.')
  const factor = item.scale_factor_address === undefined || isFloat ? 0 : scaleFactorOf(item)
  const exponent = isFloat ? (item.exponent ?? 0) : factor - fraction.length
  return decimal(steps * BigInt(whole + fraction) * times, exponent)
}

/** `n × 10^exponent` without trailing zeros behind the point. */
function decimal(n: bigint, exponent: number): string {
  if (exponent >= 0) return String(n * 10n ** BigInt(exponent))
  const digits = (n < 0n ? -n : n).toString().padStart(1 - exponent, '0')
  const text = `${digits.slice(0, exponent)}.${digits.slice(exponent)}`.replace(/\.?0+$/, '')
  return n < 0n ? `-${text}` : text
}
