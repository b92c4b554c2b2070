import { z } from 'zod'
import { quantityNameSchema } from '../quantity/quantity.js'

/** How a Modbus register value is laid out. `bcd32`: 8 BCD digits in two registers. `bit`: a coil or discrete input. */
export const REGISTER_TYPES = [
  'u16',
  'i16',
  'u32',
  'i32',
  'u64',
  'i64',
  'f32',
  'f64',
  'bcd16',
  'bcd32',
  'bcd64',
  'bit',
] as const
export const registerTypeSchema = z.enum(REGISTER_TYPES)
export type RegisterType = z.infer<typeof registerTypeSchema>

const decimalText = z.string().regex(/^-?\d+(\.\d+)?$/, 'a plain decimal in quotes, e.g. "0.01"')
const address = z.number().int().min(0).max(0xffff)
const localized = z.strictObject({ zh: z.string().min(1), en: z.string().min(1) })

/** Serial character format: data bits, parity, stop bits. */
export const serialFormatSchema = z.enum(['8N1', '8E1', '8O1', '8N2'])
export type SerialFormat = z.infer<typeof serialFormatSchema>
/** A format as a person writes it in YAML, where 8E1 without quotes is the number 80. */
export const writtenSerialFormatSchema = z.preprocess((value) => (value === 80 ? '8E1' : value), serialFormatSchema)
export const baudSchema = z.union([
  z.literal(300),
  z.literal(600),
  z.literal(1200),
  z.literal(2400),
  z.literal(4800),
  z.literal(9600),
  z.literal(19200),
  z.literal(38400),
  z.literal(57600),
  z.literal(115200),
])

/** Facts every register item has, whatever the protocol. */
const item = {
  quantity: quantityNameSchema,
  /** `value in the quantity's unit = raw × scale`, a decimal in quotes so that it is exact. */
  scale: decimalText.default('1'),
  /**
   * Decimal exponent of the stored column. Integers default to the scale's own digits; floats must say it,
   * because they are rounded half-even to it once.
   */
  exponent: z.number().int().min(-9).max(9).optional(),
  /** `energy` is polled by the energy cadence, `power` by the fast one, `rare` about once an hour, `identity` once a session. */
  group: z.enum(['power', 'energy', 'rare', 'identity']).optional(),
  /** A counter's raw modulus as decimal text ("100000000"), where it is not the type's own. */
  modulus: z.string().regex(/^\d+$/).optional(),
  /** Multiply by the meter's ratio: what the register leaves out of CT (current) and PT (voltage). */
  ratio: z.enum(['none', 'ct', 'pt', 'ct_pt']).default('none'),
  /** Present when no two independent sources agree, or they conflict: says why. */
  unverified: z.string().optional(),
  note: z.string().optional(),
}

/** One value in Modbus registers. `address` is the 0-based address on the wire. */
export const modbusItemSchema = z.strictObject({
  ...item,
  address,
  type: registerTypeSchema,
  /** Read function when it differs from the profile's: 1 coils, 2 discrete inputs, 3 holding, 4 input registers. */
  function: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]).optional(),
  /** Raw patterns (hex of the whole value, high word first) that mean "no value", besides NaN for floats. */
  not_available: z.array(z.string().regex(/^([0-9a-f]{4})+$/)).optional(),
  word_order: z.enum(['high_first', 'low_first']).optional(),
  /** SunSpec: quantity-independent scale-factor register (i16 power of ten) read in the same request. */
  scale_factor_address: address.optional(),
  /** Must be read on its own (some meters answer something else inside a block). */
  alone: z.boolean().optional(),
})
export type ModbusItem = z.infer<typeof modbusItemSchema>

/** One value by DL/T 645 data identifier. */
export const dlt645ItemSchema = z.strictObject({
  ...item,
  /** Eight hex digits DI3 DI2 DI1 DI0: `00010000`. */
  di: z.string().regex(/^[0-9a-f]{8}$/),
  /** BCD bytes of this value and whether the top bit is a sign. */
  bytes: z.number().int().min(1).max(8),
  signed: z.boolean().default(false),
  /** Byte offset inside the block's data when `di` is a block (DI with FF). */
  offset: z.number().int().min(0).default(0),
})
export type Dlt645Item = z.infer<typeof dlt645ItemSchema>

/** A register whose content tells this meter from others; used by scan and identify, never stored. */
const signatureSchema = z.strictObject({
  /** A quantity's name, or English words. */
  what: z.string(),
  /** The words in Chinese. */
  what_zh: z.string().optional(),
  function: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  address,
  count: z.number().int().min(1).max(125),
  /** Any of: exact hex, or an inclusive numeric range of the value as `type`; `exception` when it must refuse. */
  expect: z.union([
    z.strictObject({ hex: z.array(z.string().regex(/^[0-9a-f]+$/)) }),
    z.strictObject({ type: registerTypeSchema, min: z.number(), max: z.number() }),
    z.strictObject({ exception: z.literal(true) }),
  ]),
  weight: z.number().int().min(1).max(10).default(1),
})

const common = {
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{1,47}$/, 'lower-case letters, digits and dashes, e.g. eastron-sdm630'),
  manufacturer: z.string().min(1),
  models: z.array(z.string().min(1)).min(1),
  aliases: z.array(z.string()).default([]),
  /** What the technician calls it. */
  title: localized,
  category: z.enum(['electricity', 'counter']).default('electricity'),
  serial: z.strictObject({
    baud: baudSchema,
    format: writtenSerialFormatSchema,
    bauds: z.array(baudSchema).default([]),
    formats: z.array(writtenSerialFormatSchema).default([]),
    unit: z.number().int().min(0).max(255).optional(),
  }),
  /** `secondary`: the items marked with `ratio` must be multiplied by the configured (or read) CT and PT ratio. */
  values_are: z.enum(['primary', 'secondary']).default('primary'),
  /** Least silence before the next request to this model, beyond t3.5. */
  pause_ms: z.number().int().min(0).max(5000).default(0),
  /** What the meter takes to start answering, as the maker says; a start value, measured later. */
  turnaround_ms: z
    .strictObject({ typical: z.number().min(0), max: z.number().min(0) })
    .default({ typical: 40, max: 500 }),
  quirks: z.array(localized).default([]),
  /** Set while facts are thin: no two independent sources, no capture. */
  unverified: z.string().optional(),
  conflicts: z.array(z.strictObject({ what: z.string(), decided_by: z.string() })).default([]),
  sources: z.array(z.string()).min(1),
}

export const modbusProfileSchema = z.strictObject({
  ...common,
  protocol: z.literal('modbus'),
  transports: z.array(z.enum(['rtu', 'tcp'])).default(['rtu']),
  read_function: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  word_order: z.enum(['high_first', 'low_first']).default('high_first'),
  /** Most registers (or bits) one request may ask for. */
  max_registers: z.number().int().min(1).max(2000).default(125),
  /** `even`: requests must start at an even address and ask for an even count. */
  alignment: z.enum(['none', 'even']).default('none'),
  /** May a request run over registers nobody asked for? `documented`: only where the map has no hole. */
  read_through: z.enum(['yes', 'documented', 'no']).default('yes'),
  /** Ranges (inclusive) no request may touch. */
  forbidden: z.array(z.strictObject({ from: address, to: address, why: z.string() })).default([]),
  /** SunSpec: find the model by walking the map from these base addresses; item addresses are relative to the model. */
  sunspec: z.strictObject({ models: z.array(z.number().int()).min(1), bases: z.array(address).min(1) }).optional(),
  /** Registers that hold the meter's own ratios: a scan proposes them, the doctor compares them; values are never multiplied by them. */
  ratio_registers: z
    .strictObject({
      ct: modbusItemSchema.omit({ quantity: true }).optional(),
      pt: modbusItemSchema.omit({ quantity: true }).optional(),
    })
    .optional(),
  signature: z.array(signatureSchema).default([]),
  items: z.array(modbusItemSchema).min(1),
})
export type ModbusProfile = z.infer<typeof modbusProfileSchema>

/** An edition as a person writes it in YAML: without quotes it is a number. */
const writtenEditionSchema = z.preprocess(
  (value) => (typeof value === 'number' ? String(value) : value),
  z.enum(['2007', '1997']),
)

export const dlt645ProfileSchema = z.strictObject({
  ...common,
  protocol: z.literal('dlt645'),
  edition: writtenEditionSchema.default('2007'),
  items: z.array(dlt645ItemSchema).min(1),
})
export type Dlt645Profile = z.infer<typeof dlt645ProfileSchema>

/** A meter model as data: what it measures, where, and how it wants to be asked. */
export const meterProfileSchema = z.discriminatedUnion('protocol', [modbusProfileSchema, dlt645ProfileSchema])
export type MeterProfile = z.infer<typeof meterProfileSchema>
