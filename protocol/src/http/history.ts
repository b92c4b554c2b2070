import { z } from 'zod'
import { amountSchema } from '../amount.js'
import { gatewayIdSchema, meterIdSchema, seqSchema, streamIdSchema } from '../ids.js'
import { quantityNameSchema } from '../quantity/quantity.js'
import { CLOCK_QUALITIES, epochMsSchema } from '../time.js'
import {
  eventRecordSchema,
  intervalRecordSchema,
  productionRecordSchema,
  unitEnergyRecordSchema,
} from '../wire/records.js'

// What a reader token gets of values and of the ledger.

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
  /** Sum of the deltas known, and of the metered parts where a delta is not; null when there is neither. */
  energy: amountSchema.nullable(),
  /** Part of it that is estimated. */
  estimated: amountSchema.nullable(),
  /** Share of the step that was metered, per mille, rounded down: 1000 only when all of it was. */
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
