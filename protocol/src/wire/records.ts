import { z } from 'zod'
import { amountSchema } from '../amount.js'
import { meterIdSchema, productIdSchema, seqSchema, streamIdSchema, streamKindSchema } from '../ids.js'
import { quantityNameSchema } from '../quantity/quantity.js'
import { bootIdSchema, CLOCK_QUALITIES, epochMsSchema, monoMsSchema } from '../time.js'

/** Why a value could not be had. A value is absent with a reason, never 0 and never the last one. */
export const ABSENCE_REASONS = [
  'timeout',
  'crc',
  'bad_frame',
  'exception',
  'line_down',
  'not_polled',
  'not_available',
  'out_of_range',
] as const
export const absenceReasonSchema = z.enum(ABSENCE_REASONS)
export type AbsenceReason = z.infer<typeof absenceReasonSchema>

/**
 * The instant of a record as known when it was made; later dating is done with anchors and changes nothing here.
 * Make `mono` whole milliseconds: fractions are kept exactly but cost a tenth more on the wire.
 */
export const stampSchema = z.strictObject({
  boot: bootIdSchema,
  mono: monoMsSchema,
  wall: epochMsSchema,
  quality: z.enum(CLOCK_QUALITIES),
})

/** One value of a reading: an exact amount in the quantity's unit (perhaps suspect), or the reason it is absent. */
export const readingValueSchema = z.union([
  z.strictObject({
    quantity: quantityNameSchema,
    block: z.number().int().min(0),
    value: amountSchema,
    suspect: z.literal(true).optional(),
  }),
  z.strictObject({ quantity: quantityNameSchema, block: z.number().int().min(0), absent: absenceReasonSchema }),
])
export type ReadingValue = z.infer<typeof readingValueSchema>

/**
 * One poll of one group of one meter. The stamp is the instant of the first block's answer (or of the attempt);
 * `blocks[i]` is the whole number of milliseconds from there to the answer of block i, null when block i got none.
 */
export const readingRecordSchema = z.strictObject({
  kind: z.literal('reading'),
  stamp: stampSchema,
  meter: meterIdSchema,
  group: z.string().regex(/^[a-z0-9_-]{1,32}$/),
  blocks: z.array(z.number().int().min(0).nullable()),
  values: z.array(readingValueSchema),
})
export type ReadingRecord = z.infer<typeof readingRecordSchema>

/** How a figure came about (names of domain.md 2.3). */
export const QUALITY_FLAGS = ['measured', 'estimated', 'substituted', 'edited', 'suspect', 'missing', 'mixed'] as const
export const qualityFlagSchema = z.enum(QUALITY_FLAGS)
export type QualityFlag = z.infer<typeof qualityFlagSchema>

/**
 * A metered stretch of an interval, given when a segment began or ended inside it. `from` and `to` count on over a
 * rollover, so `(to - from) × multiplier` is the stretch's exact share.
 */
export const intervalPartSchema = z.strictObject({
  segment: z.number().int().min(0),
  start: epochMsSchema,
  end: epochMsSchema,
  from: amountSchema,
  to: amountSchema,
  /** Where it differs from the record's (a ratio change inside the interval). */
  multiplier: amountSchema.optional(),
})
export type IntervalPart = z.infer<typeof intervalPartSchema>

/** One counter's part of an interval: register values at both boundaries and their exact difference. */
export const intervalDeltaSchema = z.strictObject({
  quantity: quantityNameSchema,
  /** Register at the start and end, as the meter shows it (before `multiplier`); null when not known. */
  from: amountSchema.nullable(),
  to: amountSchema.nullable(),
  /** (to - from, rollover resolved) × multiplier in the quantity's unit; null when missing or suspect. */
  delta: amountSchema.nullable(),
  flag: qualityFlagSchema,
  /** How an estimate was made, e.g. `register_prorate`; absent when measured. */
  method: z.string().max(40).optional(),
  /** Ids of the checks that raised a flag (domain.md 2.1). */
  checks: z.array(z.string().max(40)).optional(),
  /** This counter's own segment at the interval's end, where it is not the record's. */
  segment: z.number().int().min(0).optional(),
  /** Only when a segment began or ended inside the interval; else from, to and delta say all. */
  parts: z.array(intervalPartSchema).optional(),
})
export type IntervalDelta = z.infer<typeof intervalDeltaSchema>

/** Counter differences of one meter between two instants of the plant's grid, [start, end). */
export const intervalRecordSchema = z.strictObject({
  kind: z.literal('interval'),
  stamp: stampSchema,
  meter: meterIdSchema,
  start: epochMsSchema,
  end: epochMsSchema,
  /** 0 at first; a correction is a new record with a higher revision and its reason. */
  revision: z.number().int().min(0),
  reason: z.string().max(200).optional(),
  /** Counts up at each reset, exchange or ratio change; differences are never taken across it. */
  segment: z.number().int().min(0),
  /**
   * The factor between `from`/`to` and `delta`: delta = (to - from) × multiplier. 1 for every meter whose CT and PT
   * ratios are already in its readings (they are applied once, at decoding, for profiles with secondary values).
   */
  multiplier: amountSchema,
  deltas: z.array(intervalDeltaSchema),
  /** Time-weighted mean and the extremes of total active power seen in the interval, W. */
  power: z.strictObject({ mean: amountSchema, min: amountSchema, max: amountSchema }).nullable().optional(),
  /** Good readings taken ÷ expected, per mille. */
  coverage: z.number().int().min(0).max(1000),
  formula: z.string().max(40),
})
export type IntervalRecord = z.infer<typeof intervalRecordSchema>

/** Where a product count comes from. */
export const PRODUCTION_SOURCES = ['counter', 'cycle_signal', 'declared'] as const
export const productionSourceSchema = z.enum(PRODUCTION_SOURCES)
export type ProductionSource = z.infer<typeof productionSourceSchema>

/** So many good pieces of one product between two instants. */
export const productionRecordSchema = z.strictObject({
  kind: z.literal('production'),
  stamp: stampSchema,
  /** Stays the same over revisions; `counter:<meter>:<start>` or `entry:<random>`. */
  entry: z.string().max(80),
  revision: z.number().int().min(0),
  reason: z.string().max(200).optional(),
  product: productIdSchema,
  source: productionSourceSchema,
  start: epochMsSchema,
  end: epochMsSchema,
  /** Good output; null withdraws the entry. */
  count: amountSchema.nullable(),
  /** Absent: measured. `estimated` when the counter's share of a gap was spread over intervals. */
  flag: qualityFlagSchema.optional(),
  unit: z.string().max(16),
  shift: z.string().max(16).optional(),
  note: z.string().max(200).optional(),
})
export type ProductionRecord = z.infer<typeof productionRecordSchema>

/** Why a ratio has no value (domain.md 6). */
export const NO_VALUE_REASONS = [
  'no_production',
  'no_activity',
  'missing_production',
  'insufficient_data',
  'not_configured',
] as const
export const noValueReasonSchema = z.enum(NO_VALUE_REASONS)

/** Energy per product over a period: a ratio of sums, or null with the reason. */
export const unitEnergyRecordSchema = z.strictObject({
  kind: z.literal('unit_energy'),
  stamp: stampSchema,
  product: productIdSchema,
  /** The meters whose energy is in it. */
  meters: z.array(meterIdSchema),
  period: z.enum(['interval', 'hour', 'shift', 'day', 'month']),
  start: epochMsSchema,
  end: epochMsSchema,
  revision: z.number().int().min(0),
  reason: z.string().max(200).optional(),
  /** Matched energy (kWh) and output (pieces): only spans where both are known. */
  energy: amountSchema.nullable(),
  output: amountSchema.nullable(),
  /** kWh per `unit` at six decimals. */
  value: amountSchema.nullable(),
  unit: z.string().max(16),
  no_value: noValueReasonSchema.optional(),
  matched: z.number().int().min(0).max(1000),
  estimated: z.number().int().min(0).max(1000),
  /** All energy of the period that is known, matched or not, kWh. */
  energy_total: amountSchema.optional(),
  /** Matched energy of spans with output above zero, and of spans with none, kWh. */
  energy_productive: amountSchema.optional(),
  energy_idle: amountSchema.optional(),
  formula: z.string().max(40),
})
export type UnitEnergyRecord = z.infer<typeof unitEnergyRecordSchema>

/** Something that happened: `code` from a closed list in the catalogue, facts as plain text or numbers. */
export const eventRecordSchema = z.strictObject({
  kind: z.literal('event'),
  stamp: stampSchema,
  code: z.string().regex(/^[a-z][a-z0-9_]{1,47}$/),
  meter: meterIdSchema.optional(),
  facts: z.record(z.string().max(40), z.union([z.string().max(500), z.number(), z.boolean(), z.null()])),
})
export type EventRecord = z.infer<typeof eventRecordSchema>

/** Ties a boot's monotonic clock to true time, so that records of that boot can be dated afterwards. */
export const anchorRecordSchema = z.strictObject({
  kind: z.literal('anchor'),
  stamp: stampSchema,
  boot: bootIdSchema,
  mono: monoMsSchema,
  /** True time at `mono`, and the bound of its error in milliseconds. */
  true_wall: epochMsSchema,
  error_ms: z.number().int().min(0),
  source: z.enum(['kernel', 'chrony', 'timesyncd', 'cloud', 'technician']),
})
export type AnchorRecord = z.infer<typeof anchorRecordSchema>

/** Names records that are gone for good, exactly, with the reason; it settles their numbers. */
export const gapRecordSchema = z.strictObject({
  kind: z.literal('gap'),
  stamp: stampSchema,
  stream: streamIdSchema,
  stream_kind: streamKindSchema,
  first: seqSchema,
  last: seqSchema,
  first_batch: z.number().int().min(1).optional(),
  last_batch: z.number().int().min(1).optional(),
  reason: z.enum(['storage_full', 'storage_cap', 'corrupt', 'refused', 'operator']),
})
export type GapRecord = z.infer<typeof gapRecordSchema>

export const ledgerRecordSchema = z.discriminatedUnion('kind', [
  intervalRecordSchema,
  productionRecordSchema,
  unitEnergyRecordSchema,
  eventRecordSchema,
  anchorRecordSchema,
  gapRecordSchema,
])
export type LedgerRecord = z.infer<typeof ledgerRecordSchema>

export const streamRecordSchema = z.discriminatedUnion('kind', [readingRecordSchema, ...ledgerRecordSchema.options])
export type StreamRecord = z.infer<typeof streamRecordSchema>

/** A record with the number its commit gave it. */
export interface Numbered<R extends StreamRecord = StreamRecord> {
  readonly seq: z.infer<typeof seqSchema>
  readonly record: R
}
