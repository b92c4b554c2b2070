import { z } from 'zod'
import { batchNumberSchema, seqSchema, sha256HexSchema, streamIdSchema } from '../ids.js'
import { epochMsSchema } from '../time.js'

// POST /v1/batches: signed; the body is a sealed batch, Content-Encoding br or gzip.

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
