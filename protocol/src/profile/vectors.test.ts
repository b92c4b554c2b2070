import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { toNumber } from '../amount.js'
import { decodeDlt645Value } from '../dlt645/data.js'
import { cutDlt645Frame, encodeDlt645Read, encodeDlt645ReadAddress } from '../dlt645/frame.js'
import { type Dlt645Request, findDlt645Reply } from '../dlt645/reply.js'
import { findReply } from '../modbus/find-reply.js'
import { parseReply, type ReadRequest } from '../modbus/frame.js'
import { decodeRaw, fromHex, registersOf, toHex } from '../modbus/words.js'
import { quantity } from '../quantity/quantity.js'
import { columnExponent, type DecodedValue, decodeDlt645Item, decodeModbusItem } from './decode.js'
import { loadBuiltinProfiles } from './library.js'
import { type MeterProfile, registerTypeSchema } from './schema.js'

/** A bug in the field becomes a file in protocol/vectors; nothing else is needed for it to be tested for ever. */
const folder = (name: string): URL => new URL(`../../vectors/${name}/`, import.meta.url)
const load = <T>(name: string, schema: z.ZodType<T>): T[] =>
  readdirSync(folder(name))
    .sort()
    .map((file) => schema.parse(JSON.parse(readFileSync(new URL(file, folder(name)), 'utf8'))))

const profiles = new Map(loadBuiltinProfiles().map((profile) => [profile.id, profile]))
function profileOf(id: string | undefined): MeterProfile | undefined {
  if (id === undefined) return undefined
  const profile = profiles.get(id)
  if (!profile) throw new Error(`no profile ${id}; correct the vector's "profile"`)
  return profile
}

const KILO = new Map([
  ['kW', 1000],
  ['kvar', 1000],
  ['kVA', 1000],
])
const decimals = (value: number): number => (String(value).split('.')[1] ?? '').length

/** Within half a digit of the column (floats only) plus half a digit of the figure as the source prints it. */
function expectStated(
  decoded: DecodedValue,
  stated: number,
  unit: string | undefined,
  exponent: number,
  isFloat: boolean,
): void {
  const factor = KILO.get(unit ?? '') ?? 1
  const got = decoded.ok ? toNumber(decoded.value) : Number.NaN
  const printed = isFloat ? (0.5 * factor) / 10 ** decimals(stated) : 0
  const tolerance = 1e-9 * Math.abs(stated * factor) + 1e-9 + (isFloat ? 0.5 * 10 ** exponent : 0) + printed
  expect(decoded.ok, `no value, expected ${stated}`).toBe(true)
  expect(Math.abs(got - stated * factor), `${got}, expected ${stated * factor}`).toBeLessThanOrEqual(tolerance)
}

it('a stated value one digit off is noticed, and so is a missing one', () => {
  const decoded = { ok: true, value: { n: 2392, exp: -1 } } as const
  expectStated(decoded, 239.2, 'V', -1, false)
  expect(() => expectStated(decoded, 239.3, 'V', -1, false)).toThrow('expected 239.3')
  expect(() => expectStated({ ok: false, absent: 'bad_frame' }, 0, 'V', -1, true)).toThrow('no value')
})

const entrySchema = z.object({
  name: z.string(),
  value: z.union([z.number(), z.string(), z.array(z.number())]).optional(),
  unit: z.string().optional(),
  register: z.number().int().optional(),
  type: registerTypeSchema.optional(),
})
const readFunctionSchema = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)])
const modbusVectorSchema = z.object({
  id: z.string(),
  kind: z.enum(['read', 'stream', 'exception']),
  profile: z.string().optional(),
  request_hex: z.string().nullable(),
  request: z
    .object({ unit: z.number(), function: readFunctionSchema, address: z.number(), count: z.number() })
    .optional(),
  response_hex: z.string(),
  decoded: z.array(entrySchema),
})
type Entry = z.infer<typeof entrySchema>
type ModbusVector = z.infer<typeof modbusVectorSchema>

function requestOf(vector: ModbusVector): ReadRequest {
  if (vector.request) return vector.request
  const [unit, fn, a1, a0, c1, c0] = fromHex(vector.request_hex ?? '')
  const word = (high = 0, low = 0): number => high * 256 + low
  return { unit: unit ?? 0, function: readFunctionSchema.parse(fn), address: word(a1, a0), count: word(c1, c0) }
}

function expectModbusEntry(
  entry: Entry,
  data: Uint8Array,
  request: ReadRequest,
  profile: MeterProfile | undefined,
): 'profile' | 'raw' {
  if (entry.register === undefined || typeof entry.value === 'string' || entry.value === undefined)
    return expectText(entry, data)
  const from = 2 * (entry.register - request.address)
  const item =
    profile?.protocol === 'modbus' ? profile.items.find(({ address }) => address === entry.register) : undefined
  if (item && profile?.protocol === 'modbus' && typeof entry.value === 'number') {
    const size = 2 * registersOf(item.type)
    const decoded = decodeModbusItem(item, profile, data.subarray(from, from + size))
    if (/^(voltage|current|power|energy|frequency)_?/.test(entry.name)) expect(item.quantity).toBe(entry.name)
    expectStated(decoded, entry.value, entry.unit, columnExponent(item), item.type.startsWith('f'))
    return 'profile'
  }
  const stated = Array.isArray(entry.value) ? entry.value : [entry.value]
  const type = entry.type ?? 'u16'
  const size = 2 * registersOf(type)
  stated.forEach((value, i) => {
    const raw = decodeRaw(type, data.subarray(from + i * size, from + (i + 1) * size), 'high_first')
    expect(raw.ok).toBe(true)
    if (raw.ok && raw.value.kind === 'integer')
      expect(Number(raw.value.n)).toBe(Math.round(value * 10 ** decimals(value)))
    if (raw.ok && raw.value.kind === 'float') expect(raw.value.value).toBeCloseTo(value, decimals(value))
  })
  return 'raw'
}

/** Instants in registers are plain binary bytes; words about the event have no register of their own. */
function expectText(entry: Entry, data: Uint8Array): 'raw' {
  if (entry.name !== 'event_time') return 'raw'
  const [year, ...rest] = data
  const [month, day, hour, minute, second] = rest.slice(0, 5).map((byte) => String(byte).padStart(2, '0'))
  expect(`20${year}-${month}-${day}T${hour}:${minute}:${second}`).toBe(entry.value)
  return 'raw'
}

describe('Modbus vectors', () => {
  const vectors = load('modbus', modbusVectorSchema)

  it('has every public frame, and a profile for all but five that are of no meter here', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(23)
    expect(vectors.filter(({ profile }) => profile !== undefined).length).toBeGreaterThanOrEqual(18)
  })

  it.each(vectors.map((vector) => [vector.id, vector] as const))('%s decodes to its stated values', (_, vector) => {
    const request = requestOf(vector)
    const bytes = fromHex(vector.response_hex)
    const found = findReply(bytes, request)
    const noise = vector.decoded.find(({ name }) => name === 'leading_noise_bytes' || name === 'echo_prefix_bytes')
    if (vector.kind === 'exception') {
      expect(found).toMatchObject({ kind: 'exception', code: vector.decoded[0]?.value })
      return
    }
    expect(found).toMatchObject({ kind: 'reply', start: noise?.value ?? 0 })
    const reply = parseReply(bytes.subarray(found.kind === 'reply' ? found.start : 0), request)
    expect(reply.ok).toBe(true)
    if (!reply.ok) return
    const profile = profileOf(vector.profile)
    const ways = vector.decoded
      .filter(({ name }) => !name.endsWith('_bytes') && !(vector.id === 'echo-1' && name === 'register'))
      .map((entry) => expectModbusEntry(entry, reply.value, request, profile))
    const read = vector.decoded.some(({ name }) =>
      /^(voltage|current|power_(active|reactive|apparent)|energy|frequency)/.test(name),
    )
    if (profile && read) expect(ways).toContain('profile')
  })

  it('takes the word behind an echo, not the echo', () => {
    const echo = vectors.find(({ id }) => id === 'echo-1')
    const found = echo && findReply(fromHex(echo.response_hex), requestOf(echo))
    expect(found?.kind === 'reply' && toHex(found.data)).toBe('0e02')
  })
})

const dlt645VectorSchema = z.object({
  id: z.string(),
  profile: z.string().optional(),
  request_hex: z.string().nullable().optional(),
  request: z.object({ di: z.string().toLowerCase().optional() }).nullish(),
  response_hex: z.string(),
  decoded: z.object({
    expect: z.string().optional(),
    preamble: z.number().optional(),
    address: z.string().default(''),
    control: z.string().optional(),
    di: z.string().toLowerCase().optional(),
    unit: z.string().optional(),
    value: z.union([z.number(), z.string(), z.array(z.number().nullable())]).optional(),
    returned_address: z.string().optional(),
    error_byte: z.string().optional(),
    error: z.array(z.string()).optional(),
  }),
})
type Dlt645Vector = z.infer<typeof dlt645VectorSchema>

function askedBy({ decoded, request }: Dlt645Vector): Dlt645Request {
  if (decoded.returned_address !== undefined) return { kind: 'address', address: 'aaaaaaaaaaaa' }
  return { kind: 'read', address: decoded.address, di: decoded.di ?? request?.di ?? '00000000' }
}

function expectDlt645Data({ decoded, profile: id }: Dlt645Vector, data: Uint8Array): void {
  const stated = decoded.value
  const profile = profileOf(id)
  if (typeof stated === 'string' && !stated.startsWith('INVALID')) {
    expect(toHex(data.slice().reverse())).toBe(stated.replace(/^20(\d\d-)/, '$1').replace(/\D/g, ''))
    return
  }
  const items = profile?.protocol === 'dlt645' ? profile.items.filter(({ di }) => di === decoded.di) : []
  expect(items.length, `profile ${id} has no item for ${decoded.di}`).toBeGreaterThan(0)
  for (const item of items) {
    const value = Array.isArray(stated) ? stated[item.offset / item.bytes] : stated
    const got = decodeDlt645Item(item, data)
    if (value === null) expect(got).toEqual({ ok: false, absent: 'not_available' })
    else if (typeof value === 'number') expectStated(got, value, decoded.unit, columnExponent(item), false)
    else expect(got).toEqual({ ok: false, absent: 'bad_frame' })
    if (decoded.unit && !KILO.has(decoded.unit)) expect(quantity(item.quantity).unit).toBe(decoded.unit)
  }
  if (Array.isArray(stated)) {
    const size = data.length / stated.length
    expect(size).toBe(items[0]?.bytes)
    const first = decodeDlt645Value(data.subarray(0, size), false)
    expect(first.ok && Number(first.value)).toBe(Math.round((stated[0] ?? 0) / Number(items[0]?.scale)))
  }
}

describe('DL/T 645 vectors', () => {
  const vectors = load('dlt645', dlt645VectorSchema)

  it('has every public frame, and a profile for all but eleven that hold no measured value', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(43)
    expect(vectors.filter(({ profile }) => profile !== undefined).length).toBeGreaterThanOrEqual(32)
  })

  it.each(vectors.map((vector) => [vector.id, vector] as const))('%s decodes to its stated values', (_, vector) => {
    const { decoded } = vector
    const bytes = fromHex(vector.response_hex)
    if (decoded.expect === 'checksum error') {
      expect(cutDlt645Frame(bytes)).toEqual({ kind: 'none', badChecksums: 1 })
      return
    }
    const cut = cutDlt645Frame(bytes)
    expect(cut.kind === 'frame' && [cut.frame.start, cut.frame.address, cut.frame.control.toString(16)]).toEqual([
      decoded.preamble,
      decoded.address,
      decoded.control?.toLowerCase(),
    ])
    const found = findDlt645Reply(bytes, askedBy(vector))
    expect(found.kind).toBe('reply')
    if (found.kind !== 'reply') return
    if (found.reply.kind === 'data') expectDlt645Data(vector, found.reply.data)
    if (found.reply.kind === 'address') expect(found.reply.address).toBe(decoded.returned_address)
    if (found.reply.kind === 'refused') {
      expect(found.reply.byte.toString(16).padStart(2, '0')).toBe(decoded.error_byte?.toLowerCase())
      // The source names no reserved bit; we name it.
      expect(found.reply.errors.filter((error) => error !== 'reserved')).toHaveLength(decoded.error?.length ?? -1)
    }
  })

  it.each(vectors.filter(({ request_hex }) => request_hex).map((vector) => [vector.id, vector] as const))(
    '%s is asked as its source asked',
    (_, vector) => {
      const asked = askedBy(vector)
      const ours = asked.kind === 'read' ? encodeDlt645Read(asked.address, asked.di) : encodeDlt645ReadAddress()
      expect(toHex(ours).replace(/^(fe)*/, '')).toBe(vector.request_hex?.replace(/^(fe)*/, ''))
    },
  )
})
