import { z } from 'zod'
import { amountSchema } from '../amount.js'
import { meterIdSchema, productIdSchema, streamIdSchema, streamKindSchema } from '../ids.js'
import { quantityNameSchema } from '../quantity/quantity.js'
import { bootIdSchema, CLOCK_QUALITIES, epochMsSchema, monoMsSchema } from '../time.js'
import { absenceReasonSchema } from '../wire/records.js'
import { shortText } from './common.js'

// POST /v1/heartbeat: signed JSON.

/** The last poll's answer for one quantity: an amount in the quantity's unit, or why there is none. */
export const lastValueSchema = z.object({
  quantity: quantityNameSchema,
  at: epochMsSchema,
  value: amountSchema.optional(),
  absent: absenceReasonSchema.optional(),
  suspect: z.boolean().optional(),
})
export type LastValue = z.infer<typeof lastValueSchema>

/** A meter as configured on the box. */
export const meterConfigSchema = z.object({
  id: meterIdSchema,
  label: shortText,
  profile: shortText,
  /** Modbus unit or DL/T 645 address, as text. */
  unit: z.string().max(20),
  bus: shortText.optional(),
  ratios: z.object({ ct: amountSchema, pt: amountSchema }).optional(),
})
export type MeterConfig = z.infer<typeof meterConfigSchema>

export const METER_STATES = ['ok', 'degraded', 'silent', 'unknown'] as const

/** The configuration has one ratio, the meter itself another. */
export const ratioDifferenceSchema = z.object({
  which: z.enum(['ct', 'pt']),
  configured: z.number(),
  meter: z.number(),
})
export type RatioDifference = z.infer<typeof ratioDifferenceSchema>

export const heartbeatMeterSchema = meterConfigSchema.extend({
  state: z.enum(METER_STATES),
  last: z.array(lastValueSchema).max(200),
  /** Absent: none differs, or the model keeps none. */
  ratio_differs: z.array(ratioDifferenceSchema).max(2).optional(),
})

export const productConfigSchema = z.object({
  id: productIdSchema,
  label: shortText,
  unit: z.string().max(16),
  meters: z.array(meterIdSchema).max(200),
  /** Of one unit, kg; absent: not configured, so there is no kWh/kg. */
  weight_kg: amountSchema.optional(),
})
export type ProductConfig = z.infer<typeof productConfigSchema>

const groupHead = { id: z.string().min(1).max(32), label: shortText }
/** Meters as they are added up on the box: all below a main meter, or some together less others. */
export const groupConfigSchema = z.discriminatedUnion('kind', [
  z.object({
    ...groupHead,
    kind: z.literal('main_and_sub'),
    main: meterIdSchema,
    meters: z.array(meterIdSchema).max(256),
  }),
  z.object({
    ...groupHead,
    kind: z.literal('sum'),
    meters: z.array(meterIdSchema).max(256),
    subtract: z.array(meterIdSchema).max(256),
    /** A tenant's part of it; absent: all. */
    share: amountSchema.optional(),
  }),
])
export type GroupConfig = z.infer<typeof groupConfigSchema>

/** How often a gateway reports that does not say it: all did so before they could. */
export const DEFAULT_HEARTBEAT_MS = 60_000

export const heartbeatRequestSchema = z.object({
  /** The box's own clock; the cloud files the heartbeat under its own time of receipt. */
  sent_at: epochMsSchema,
  boot: bootIdSchema,
  mono: monoMsSchema,
  /** How often this box reports, so that the cloud knows when it is late; absent: `DEFAULT_HEARTBEAT_MS`. */
  heartbeat_ms: z.number().int().min(1_000).max(3_600_000).optional(),
  /** Whose box it is and which zone its days are in (IANA name). */
  plant: z.object({ name: shortText, timezone: z.string().max(64) }).optional(),
  versions: z.object({ software: shortText, node: shortText.optional(), config: shortText.optional() }),
  clock: z.object({
    quality: z.enum(CLOCK_QUALITIES),
    /** Box minus cloud, measured at the last exchange; null: not measured yet. */
    offset_ms: z.number().nullable(),
    source: shortText.optional(),
  }),
  backlog: z.object({
    records: z.number().int().min(0),
    batches: z.number().int().min(0),
    oldest_at: epochMsSchema.nullable(),
  }),
  streams: z
    .array(
      z.object({
        kind: streamKindSchema,
        stream: streamIdSchema,
        last_record: z.number().int().min(0),
        last_batch: z.number().int().min(0),
        unacknowledged: z.number().int().min(0),
      }),
    )
    .max(20),
  store: z.object({
    size_bytes: z.number().int().min(0),
    cap_bytes: z.number().int().min(0),
    quarantined: z.number().int().min(0),
    evicted_records: z.number().int().min(0),
    degraded: z.string().max(300).nullable(),
  }),
  buses: z
    .array(
      z.object({
        name: shortText,
        state: z.enum(['up', 'down']),
        why: z.string().max(300).optional(),
        requests: z.number().int().min(0),
        faults: z.number().int().min(0),
      }),
    )
    .max(32),
  meters: z.array(heartbeatMeterSchema).max(256),
  products: z.array(productConfigSchema).max(256),
  /** Absent from boxes that do not tell them. */
  groups: z.array(groupConfigSchema).max(256).optional(),
  /** The meter the plant's bill is made by, where one is known. */
  billing_meter: meterIdSchema.optional(),
})
export type HeartbeatRequest = z.infer<typeof heartbeatRequestSchema>

export const heartbeatAnswerSchema = z.object({ server_time: epochMsSchema })
export type HeartbeatAnswer = z.infer<typeof heartbeatAnswerSchema>
