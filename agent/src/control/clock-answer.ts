import { anchorRecordSchema, bootIdSchema, CLOCK_QUALITIES, epochMsSchema, monoMsSchema } from '@metergate/protocol'
import { z } from 'zod'

const sourceSchema = anchorRecordSchema.shape.source

/** What the gateway knows of its clock at this moment. */
export const clockAnswerSchema = z.object({
  boot: bootIdSchema,
  mono: monoMsSchema,
  /** What the box's clock shows. */
  wall: epochMsSchema,
  quality: z.enum(CLOCK_QUALITIES),
  /** Whose word counts, how old it is, how far off it can be by now, and the box's clock against it. */
  evidence: z
    .object({ source: sourceSchema, age_ms: z.number(), error_ms: z.number(), off_by_ms: z.number() })
    .nullable(),
  /** Two who differ by more than both can be wrong. */
  dispute: z.object({ source: sourceSchema, against: sourceSchema, by_ms: z.number() }).nullable(),
  /** Box minus cloud at the last exchange. */
  offset_ms: z.number().nullable(),
  /** Readings wait for the time, and energy with them. */
  waiting_for: z.literal('clock').optional(),
})
export type ClockAnswer = z.infer<typeof clockAnswerSchema>

/** "What it showed then was right": the instant as the gateway told it, and how well it was compared. */
export const clockConfirmSchema = z.strictObject({
  boot: bootIdSchema,
  mono: monoMsSchema,
  wall: epochMsSchema,
  error_ms: z.number().int().min(1_000).max(600_500),
})
export type ClockConfirmation = z.infer<typeof clockConfirmSchema>
