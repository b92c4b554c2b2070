import { z } from 'zod'
import { amountSchema } from '../amount.js'
import {
  batchNumberSchema,
  gatewayIdSchema,
  meterIdSchema,
  productIdSchema,
  seqSchema,
  sha256HexSchema,
  streamIdSchema,
  streamKindSchema,
} from '../ids.js'
import { quantityNameSchema } from '../quantity/quantity.js'
import { bootIdSchema, CLOCK_QUALITIES, epochMs, epochMsSchema, monoMsSchema } from '../time.js'
import {
  absenceReasonSchema,
  eventRecordSchema,
  intervalRecordSchema,
  productionRecordSchema,
  unitEnergyRecordSchema,
} from './records.js'

export type { Amount } from '../amount.js'

/**
 * Every HTTP body between gateway, cloud and dashboard. Instants are whole milliseconds since the epoch, amounts
 * are exact (`{n, exp}`); only the chart buckets of a series are plain numbers. Objects are open: a newer side may
 * send more than an older one knows, which is dropped and never refused.
 */

const shortText = z.string().max(80)
const label = z.string().min(1).max(80)

// ---- Errors -------------------------------------------------------------------------------------------------------

/** Why a request failed, for programs. A reader must take an unknown code as the plain HTTP status. */
export const PROBLEM_CODES = [
  'malformed_request',
  'unsupported_media_type',
  'body_too_large',
  'enrolment_code_unknown',
  'enrolment_code_used',
  'enrolment_code_expired',
  'key_already_enrolled',
  'signature_missing',
  'signature_invalid',
  'digest_mismatch',
  'gateway_unknown',
  'gateway_revoked',
  'wrong_gateway',
  'batch_unreadable',
  'batch_conflict',
  'token_missing',
  'token_invalid',
  'not_found',
  'too_many_requests',
  'busy',
  'store_unavailable',
  'internal',
] as const
export const problemCodeSchema = z.enum(PROBLEM_CODES)
export type ProblemCode = z.infer<typeof problemCodeSchema>

/** Problem details (RFC 9457, `application/problem+json`); every error carries the server's time. */
export const problemSchema = z.object({
  type: z.string().max(200),
  title: z.string().max(200),
  status: z.number().int().min(400).max(599),
  /** What failed, with which value, and what to do. */
  detail: z.string().max(2000),
  code: z.string().max(60),
  server_time: epochMsSchema,
  /** One entry per wrong field of the request. */
  errors: z.array(z.object({ path: z.string().max(300), message: z.string().max(500) })).optional(),
})
export type Problem = z.infer<typeof problemSchema>

// ---- Enrolment: POST /v1/enrol -----------------------------------------------------------------------------------

export const enrolRequestSchema = z.object({
  /** The one-time code of the invitation. */
  code: z.string().min(8).max(80),
  /** Raw 32-byte Ed25519 public key, base64. */
  public_key: z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'base64 of a raw 32-byte Ed25519 public key (44 characters)'),
  /** Wins over the invitation's name. */
  name: label.optional(),
  software: shortText,
})
export type EnrolRequest = z.infer<typeof enrolRequestSchema>

export const enrolAnswerSchema = z.object({ gateway_id: gatewayIdSchema, name: label, server_time: epochMsSchema })
export type EnrolAnswer = z.infer<typeof enrolAnswerSchema>

// ---- Batches: POST /v1/batches (signed; body = a sealed batch, Content-Encoding br or gzip) --------------------

export const committedBatchSchema = z.object({
  stream: streamIdSchema,
  number: batchNumberSchema,
  sha256: sha256HexSchema,
})
export type CommittedBatch = z.infer<typeof committedBatchSchema>

/** A record the cloud could not interpret: its bytes are kept with the batch, it is just not shown. */
export const rejectedRecordSchema = z.object({
  stream: streamIdSchema,
  number: batchNumberSchema,
  record: seqSchema,
  reason: z.string().max(300),
})
export type RejectedRecord = z.infer<typeof rejectedRecordSchema>

/** Highest number up to which every batch of the stream is settled (committed, void or named in a gap); 0: none. */
export const contiguousSchema = z.object({ stream: streamIdSchema, number: z.number().int().min(0) })

export const batchAnswerSchema = z.object({
  /** Durably committed: the agent may free exactly these, where the hash agrees with its own. */
  committed: z.array(committedBatchSchema),
  contiguous: z.array(contiguousSchema),
  rejected: z.array(rejectedRecordSchema),
  server_time: epochMsSchema,
})
export type BatchAnswer = z.infer<typeof batchAnswerSchema>

// ---- Heartbeat: POST /v1/heartbeat (signed, JSON) ------------------------------------------------------------

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

export const heartbeatMeterSchema = meterConfigSchema.extend({
  state: z.enum(METER_STATES),
  last: z.array(lastValueSchema).max(200),
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

// ---- Reading (bearer reader token) ----------------------------------------------------------------------------

/**
 * `online`: heard of within three of its own heartbeat periods, at least 3 minutes; `late`: within six of them, at least 15
 * minutes; `never`: enrolled but not heard of yet.
 */
export const GATEWAY_STATES = ['online', 'late', 'offline', 'never', 'revoked'] as const

export const gatewaySummarySchema = z.object({
  id: gatewayIdSchema,
  name: label,
  state: z.enum(GATEWAY_STATES),
  enrolled_at: epochMsSchema,
  revoked_at: epochMsSchema.nullable(),
  last_heartbeat_at: epochMsSchema.nullable(),
  last_batch_at: epochMsSchema.nullable(),
  software: shortText,
  meters: z.number().int().min(0),
  backlog_records: z.number().int().min(0).nullable(),
  clock_offset_ms: z.number().nullable(),
  /** What needs a look now, in words for a person. */
  warnings: z.array(z.string().max(300)),
})
export type GatewaySummary = z.infer<typeof gatewaySummarySchema>

/** GET /v1/gateways */
export const gatewaysAnswerSchema = z.object({
  gateways: z.array(gatewaySummarySchema),
  /** Of those enrolled and not revoked; the share at six decimals, null while there are none. */
  fleet: z.object({
    enrolled: z.number().int().min(0),
    online: z.number().int().min(0),
    online_share: z.number().nullable(),
  }),
  server_time: epochMsSchema,
})
export type GatewaysAnswer = z.infer<typeof gatewaysAnswerSchema>

/** GET /v1/gateways/:gateway */
export const gatewayAnswerSchema = z.object({
  gateway: gatewaySummarySchema,
  /** The last heartbeat as sent, null before the first. */
  heartbeat: heartbeatRequestSchema.nullable(),
  server_time: epochMsSchema,
})
export type GatewayAnswer = z.infer<typeof gatewayAnswerSchema>

/** One meter: configuration from the heartbeat where known, last values from heartbeat or batches, the newer one. */
export const meterSummarySchema = z.object({
  gateway: gatewayIdSchema,
  gateway_name: label,
  meter: meterIdSchema,
  label: shortText,
  profile: shortText.nullable(),
  unit: z.string().max(20).nullable(),
  ratios: z.object({ ct: amountSchema, pt: amountSchema }).nullable(),
  state: z.enum(METER_STATES),
  /** Newest instant of any value. */
  last_at: epochMsSchema.nullable(),
  last: z.array(lastValueSchema),
})
export type MeterSummary = z.infer<typeof meterSummarySchema>

/** GET /v1/meters?gateway= */
export const metersAnswerSchema = z.object({ meters: z.array(meterSummarySchema), server_time: epochMsSchema })
export type MetersAnswer = z.infer<typeof metersAnswerSchema>

/** One bucket of a chart; null where no good value fell into it: a gap stays visible as a gap. */
export const seriesBucketSchema = z.object({
  /** Start of the bucket. */
  at: epochMsSchema,
  /** How many good values fell into it. */
  count: z.number().int().min(0),
  min: z.number().nullable(),
  mean: z.number().nullable(),
  max: z.number().nullable(),
  /** The last good value in it (what a counter's curve wants). */
  last: z.number().nullable(),
})
export type SeriesBucket = z.infer<typeof seriesBucketSchema>

/** GET /v1/gateways/:gateway/meters/:meter/series?quantity=&from=&to=&points= */
export const seriesAnswerSchema = z.object({
  gateway: gatewayIdSchema,
  meter: meterIdSchema,
  quantity: quantityNameSchema,
  unit: z.string().max(8),
  nature: z.enum(['gauge', 'counter']),
  from: epochMsSchema,
  to: epochMsSchema,
  bucket_ms: z.number().int().min(1),
  buckets: z.array(seriesBucketSchema),
  /** Values left out because they were flagged suspect, and polls that gave none. */
  suspect: z.number().int().min(0),
  absent: z.number().int().min(0),
})
export type SeriesAnswer = z.infer<typeof seriesAnswerSchema>

/** A ledger record as read back: without the stamp, with its stream number. */
const readBack = {
  recorded_at: epochMsSchema,
  clock: z.enum(CLOCK_QUALITIES),
  stream: streamIdSchema,
  record: seqSchema,
}

/** GET /v1/gateways/:gateway/meters/:meter/intervals?from=&to=&format=json|csv — newest revision, by start */
export const intervalRowSchema = intervalRecordSchema.omit({ kind: true, stamp: true }).extend(readBack)
export type IntervalRow = z.infer<typeof intervalRowSchema>
export const intervalsAnswerSchema = z.object({
  gateway: gatewayIdSchema,
  meter: meterIdSchema,
  from: epochMsSchema,
  to: epochMsSchema,
  intervals: z.array(intervalRowSchema),
})
export type IntervalsAnswer = z.infer<typeof intervalsAnswerSchema>

/** Energy of one meter over one step, summed exactly from its newest interval records. */
export const energyStepSchema = z.object({
  start: epochMsSchema,
  end: epochMsSchema,
  /** Sum of the deltas known; null when none is. */
  energy: amountSchema.nullable(),
  /** Part of it that is estimated. */
  estimated: amountSchema.nullable(),
  /** Share of the step covered by intervals with a value, per mille. */
  coverage: z.number().int().min(0).max(1000),
})
export type EnergyStep = z.infer<typeof energyStepSchema>

/** GET /v1/gateways/:gateway/meters/:meter/energy?from=&to=&step=hour|day&zone=&quantity= — steps in the zone's civil time */
export const energyAnswerSchema = z.object({
  gateway: gatewayIdSchema,
  meter: meterIdSchema,
  quantity: quantityNameSchema,
  step: z.enum(['hour', 'day']),
  zone: z.string(),
  steps: z.array(energyStepSchema),
})
export type EnergyAnswer = z.infer<typeof energyAnswerSchema>

/** GET /v1/gateways/:gateway/unit-energy?period=&from=&to= — newest revision, by start */
export const unitEnergyRowSchema = unitEnergyRecordSchema.omit({ kind: true, stamp: true }).extend(readBack)
export type UnitEnergyRow = z.infer<typeof unitEnergyRowSchema>
export const unitEnergyAnswerSchema = z.object({ gateway: gatewayIdSchema, unit_energy: z.array(unitEnergyRowSchema) })
export type UnitEnergyAnswer = z.infer<typeof unitEnergyAnswerSchema>

/** GET /v1/gateways/:gateway/production?from=&to= — newest revision, withdrawn entries with `count: null` */
export const productionRowSchema = productionRecordSchema.omit({ kind: true, stamp: true }).extend(readBack)
export type ProductionRow = z.infer<typeof productionRowSchema>
export const productionAnswerSchema = z.object({ gateway: gatewayIdSchema, production: z.array(productionRowSchema) })
export type ProductionAnswer = z.infer<typeof productionAnswerSchema>

/** GET /v1/gateways/:gateway/events?from=&to=&limit= — newest first; the cloud's own alarms are among them */
export const eventRowSchema = eventRecordSchema.omit({ kind: true, stamp: true }).extend({
  at: epochMsSchema,
  /** `D`: made while the clock was unknown, dated afterwards by an anchor of its boot. */
  clock: z.enum([...CLOCK_QUALITIES, 'D']),
  /** `cloud`: raised by the server (a batch conflict, a broken chain). */
  source: z.enum(['gateway', 'cloud']),
  stream: streamIdSchema.nullable(),
  record: seqSchema.nullable(),
})
export type EventRow = z.infer<typeof eventRowSchema>
export const eventsAnswerSchema = z.object({ gateway: gatewayIdSchema, events: z.array(eventRowSchema) })
export type EventsAnswer = z.infer<typeof eventsAnswerSchema>

/** What the cloud holds of one stream. */
export const reconcileStreamSchema = z.object({
  stream: streamIdSchema,
  kind: streamKindSchema,
  batches: z.number().int().min(0),
  records: z.number().int().min(0),
  /** Of these, records held already under another stream (copied after a conflict) and counted there. */
  copied_records: z.number().int().min(0).optional(),
  first_record: z.number().int().min(0),
  last_record: z.number().int().min(0),
  last_batch: z.number().int().min(0),
  /** Every batch up to this number is settled. */
  contiguous: z.number().int().min(0),
  /** Settled without being here: void batches and numbers named by gap records. */
  void_batches: z.number().int().min(0),
  /** Records of this stream named as gone by gap records. */
  gap_records: z.number().int().min(0),
  /** Posts that brought a batch already held: acknowledged again, stored once. */
  duplicates_refused: z.number().int().min(0),
  conflicts: z.number().int().min(0),
  rejected_records: z.number().int().min(0),
  /** Batches whose predecessor is here and whose chain hash agrees, and those where it does not. */
  chain_verified: z.number().int().min(0),
  chain_broken: z.number().int().min(0),
})
export type ReconcileStream = z.infer<typeof reconcileStreamSchema>

/** The last committed good register value of one counter, and what the intervals of the meter add up to. */
export const reconcileRegisterSchema = z.object({
  quantity: quantityNameSchema,
  value: amountSchema,
  at: epochMsSchema,
  stream: streamIdSchema,
  record: seqSchema,
  /** Exact sum of the newest interval deltas that have a value, with the first and last register they cover. */
  intervals: z.number().int().min(0),
  intervals_sum: amountSchema.nullable(),
  intervals_from: amountSchema.nullable(),
  intervals_to: amountSchema.nullable(),
})
export type ReconcileRegister = z.infer<typeof reconcileRegisterSchema>

/** GET /v1/gateways/:gateway/reconcile: the cloud's column of "truth = device = cloud". */
export const reconcileAnswerSchema = z.object({
  gateway: gatewayIdSchema,
  server_time: epochMsSchema,
  streams: z.array(reconcileStreamSchema),
  meters: z.array(
    z.object({
      meter: meterIdSchema,
      readings: z.number().int().min(0),
      intervals: z.number().int().min(0),
      registers: z.array(reconcileRegisterSchema),
    }),
  ),
  rejected: z.array(rejectedRecordSchema),
})
export type ReconcileAnswer = z.infer<typeof reconcileAnswerSchema>

/** GET /healthz: 200 when the store answers, 503 when not. */
export const healthAnswerSchema = z.object({
  status: z.enum(['ok', 'unavailable']),
  store: z.enum(['sqlite', 'postgres']),
  version: shortText,
  server_time: epochMsSchema,
})
export type HealthAnswer = z.infer<typeof healthAnswerSchema>

// ---- Parameters --------------------------------------------------------------------------------------------------

/** An instant in a query: milliseconds since the epoch, or ISO 8601 with an offset (`2026-11-23T08:00:00+08:00`). */
export const instantParamSchema = z
  .string()
  .max(40)
  .transform((text, context) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : isoInstant(text)
    if (value !== undefined && Math.abs(value) <= 8.64e15) return epochMs(value)
    context.addIssue({ code: 'custom', message: `"${text}" is neither milliseconds nor 2026-11-23T08:00:00+08:00` })
    return z.NEVER
  })

/** Text without an offset is refused: whose midnight would it be? */
function isoInstant(text: string): number | undefined {
  const shape = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/
  const value = shape.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(value) ? undefined : value
}

export const gatewayParamsSchema = z.object({ gateway: gatewayIdSchema })
export const meterParamsSchema = z.object({ gateway: gatewayIdSchema, meter: meterIdSchema })
/** `to` defaults to now, `from` to 24 hours before `to`. */
export const rangeQuerySchema = z.object({ from: instantParamSchema.optional(), to: instantParamSchema.optional() })
export const metersQuerySchema = z.object({ gateway: gatewayIdSchema.optional() })
export const seriesQuerySchema = rangeQuerySchema.extend({
  quantity: quantityNameSchema,
  /** Most buckets wanted. */
  points: z.coerce.number().int().min(1).max(5000).default(300),
})
export const intervalsQuerySchema = rangeQuerySchema.extend({ format: z.enum(['json', 'csv']).default('json') })
export const energyQuerySchema = rangeQuerySchema.extend({
  step: z.enum(['hour', 'day']).default('hour'),
  /** IANA zone; by default the plant's from its heartbeat, else Asia/Shanghai. */
  zone: z.string().max(64).optional(),
  quantity: quantityNameSchema.default('energy_active_import_total'),
})
export const unitEnergyQuerySchema = rangeQuerySchema.extend({
  period: unitEnergyRecordSchema.shape.period.optional(),
})
export const eventsQuerySchema = rangeQuerySchema.extend({
  limit: z.coerce.number().int().min(1).max(1000).default(200),
})
