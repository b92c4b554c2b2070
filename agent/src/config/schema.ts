import {
  baudSchema,
  type DurationMs,
  type MeterId,
  meterIdSchema,
  minutes,
  productIdSchema,
  quantityNameSchema,
  seconds,
  serialFormatSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import { INTERVAL_MINUTES, isZoneName } from '../energy/plant-time.js'
import type { ConfigHint } from '../i18n/config-texts.js'
import { parseCloudUrl } from '../sync/cloud-url.js'
import { baselineSchema, energyConfigSchema, groupSchema, tariffConfigSchema } from './energy-schema.js'
import { choice, list, read, readText, section, text, whole } from './fields.js'
import { parseDuration, parsePort, parsePositive, parseRatio, parseSize, parseTimeOfDay } from './parse.js'

/**
 * The configuration of one gateway, as its YAML file writes it. Keys are those of the file; after reading, a length
 * of time is in milliseconds, a size in bytes, a ratio or weight an exact amount.
 */

const MIB = 2 ** 20

const within = (least: DurationMs, most: DurationMs) => (raw: string) => {
  const value = parseDuration(raw)
  return value !== undefined && value >= least && value <= most ? value : undefined
}
const POLL = within(seconds(1), minutes(24 * 60))
const cadence = (byDefault: DurationMs) => readText('poll', POLL).default(byDefault)

const idPattern = /^[a-z0-9][a-z0-9_-]{0,31}$/
const id = z.string({ error: 'id' }).regex(idPattern, 'id')
const meterId = z
  .string({ error: 'meter' })
  .regex(idPattern, 'meter')
  .transform((name): MeterId => meterIdSchema.parse(name))
const baud = z.unknown().transform((raw, context): z.infer<typeof baudSchema> => {
  const parsed = baudSchema.safeParse(typeof raw === 'string' && /^\d+$/.test(raw) ? Number(raw) : raw)
  if (parsed.success) return parsed.data
  context.addIssue({ code: 'custom', message: 'baud', input: raw })
  return z.NEVER
})
/** YAML takes 8E1 without quotes for the number 80. */
const serialFormat = z.preprocess(
  (raw) => (raw === 80 ? '8E1' : raw),
  z.enum(serialFormatSchema.options, { error: 'format' satisfies ConfigHint }),
)

export const lineSchema = section({
  id: id,
  /** Where the line is: a serial device, a transparent serial server, or a Modbus TCP gateway. */
  port: readText('port', parsePort),
  baud: baud.prefault(9600),
  format: serialFormat.default('8N1'),
})
export type LineConfig = z.infer<typeof lineSchema>

export const meterSchema = section({
  id: id.transform((name): MeterId => meterIdSchema.parse(name)),
  /** What people call it; the id when left out. */
  label: text('label', 80).optional(),
  line: z.string({ error: 'line' }).regex(idPattern, 'line'),
  profile: text('profile', 80),
  /** Modbus unit id (从站地址). */
  unit: whole('unit', 1, 247).optional(),
  /** DL/T 645 address (表号), 12 digits. */
  address: z
    .string({ error: 'address' })
    .regex(/^\d{12}$/, 'address')
    .refine((digits) => digits !== '999999999999', { error: 'broadcast' satisfies ConfigHint })
    .optional(),
  ct: read('ratio', parseRatio).optional(),
  pt: read('ratio', parseRatio).optional(),
  poll: section({
    power: cadence(seconds(10)),
    energy: cadence(minutes(1)),
    rare: cadence(minutes(60)),
  }).prefault({}),
  /** Only where this meter's settings differ from its line's. */
  serial: section({ baud: baud.optional(), format: serialFormat.optional() }).optional(),
  /** The most this feed can carry, kW: a counter rising faster is not believed. */
  max_power_kw: read('power', parsePositive).optional(),
})
export type MeterEntry = z.infer<typeof meterSchema>

const counterShape = {
  quantity: quantityNameSchemaWithHint(),
  /** Pieces per pulse; 0.5 when two pulses make one. */
  pieces_per_pulse: read('pieces', parsePositive).optional(),
  /** Pieces per shot of a mould: the pulse is then a cycle signal. */
  cavities: whole('cavities', 1, 64).optional(),
}

export const productSchema = section({
  id: z
    .string({ error: 'id' })
    .regex(idPattern, 'id')
    .transform((name) => productIdSchema.parse(name)),
  label: text('label', 80).optional(),
  unit: text('product_unit', 16).default('pair'),
  counter: section({ meter: meterId, ...counterShape }).optional(),
  /** Counts rejects on the same meter as `counter`. */
  reject_counter: section(counterShape).optional(),
  weight_kg: read('weight', parsePositive).optional(),
  /** The meters whose energy makes this product. */
  energy: list(meterId).default([]),
  /** Days whose energy and output later days are set against. */
  baseline: baselineSchema.optional(),
})
export type ProductEntry = z.infer<typeof productSchema>

export const shiftSchema = section({
  id: text('id', 16),
  label: text('label', 80).optional(),
  /** Minutes after midnight in the plant's time; an end at or before the start is on the next day. */
  from: readText('time_of_day', parseTimeOfDay),
  to: readText('time_of_day', parseTimeOfDay),
})
export type ShiftConfig = z.infer<typeof shiftSchema>

const plantSchema = section({
  name: text('label', 80).default('metergate'),
  timezone: readText('timezone', (name) => (isZoneName(name) ? name : undefined)).default('Asia/Shanghai'),
  interval: readText('interval', (raw) => {
    const length = parseDuration(raw)
    return INTERVAL_MINUTES.find((count) => minutes(count) === length)
  })
    .transform((count) => minutes(count))
    .default(minutes(15)),
  shifts: list(shiftSchema).default([]),
})

const storeSchema = section({
  folder: text('folder', 1000).default('./data'),
  /** Bytes the history may take; beyond it the oldest acknowledged details go first. */
  cap: readText('size', atLeast(16 * MIB)).default(1024 * MIB),
  commit_window: readText('commit_window', within(seconds(1), seconds(60))).default(seconds(10)),
  /** Bytes kept in reserve, so that a full disk still lets the agent write its last words. */
  ballast: read('ballast', parseSize).default(8 * MIB),
})

const syncSchema = section({
  /** Base address of the cloud; left out: the gateway works alone. */
  cloud: readText('cloud', (url) => {
    const parsed = parseCloudUrl(url)
    return parsed.ok ? parsed.value : undefined
  }).optional(),
  data_plan: choice('data_plan', ['unlimited', 'metered']).default('unlimited'),
  /** How old the oldest unsent record gets; 60 s, or 15 min on a metered plan, when left out. */
  every: readText('every', within(seconds(1), minutes(60))).optional(),
  heartbeat: readText('every', within(seconds(1), minutes(60))).default(minutes(1)),
})

const logSchema = section({
  level: choice('log_level', ['debug', 'info', 'warn', 'error']).default('info'),
  format: choice('log_format', ['auto', 'json', 'pretty']).default('auto'),
})

export const gatewayConfigSchema = section({
  language: choice('language', ['zh', 'en']).optional(),
  plant: plantSchema.prefault({}),
  lines: list(lineSchema),
  meters: list(meterSchema),
  products: list(productSchema).default([]),
  groups: list(groupSchema).default([]),
  tariff: tariffConfigSchema.optional(),
  energy: energyConfigSchema.prefault({}),
  store: storeSchema.prefault({}),
  sync: syncSchema.prefault({}).transform((sync) => ({
    ...sync,
    every: sync.every ?? (sync.data_plan === 'metered' ? minutes(15) : minutes(1)),
  })),
  log: logSchema.prefault({}),
  /** Folder with the technician's own meter models (YAML or JSON). */
  profiles: text('folder', 1000).optional(),
})
export type GatewayConfig = z.infer<typeof gatewayConfigSchema>

function atLeast(least: number) {
  return (raw: string) => {
    const bytes = parseSize(raw)
    return bytes !== undefined && bytes >= least ? bytes : undefined
  }
}

function quantityNameSchemaWithHint() {
  return readText('quantity', (name) => quantityNameSchema.safeParse(name).data).prefault('pulse_count_1')
}
