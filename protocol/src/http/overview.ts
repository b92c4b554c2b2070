import { z } from 'zod'
import { amountSchema } from '../amount.js'
import { gatewayIdSchema, meterIdSchema } from '../ids.js'
import { epochMsSchema } from '../time.js'
import { label, shortText } from './common.js'
import { heartbeatRequestSchema, lastValueSchema, METER_STATES } from './heartbeat.js'

// What a reader token sees at a glance.

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
