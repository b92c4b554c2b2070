import { z } from 'zod'
import { amountSchema } from '../amount.js'
import { gatewayIdSchema, meterIdSchema, seqSchema, streamIdSchema, streamKindSchema } from '../ids.js'
import { quantityNameSchema } from '../quantity/quantity.js'
import { epochMsSchema } from '../time.js'
import { rejectedRecordSchema } from './batch-answer.js'

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
