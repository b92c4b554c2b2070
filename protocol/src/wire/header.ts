import { z } from 'zod'
import {
  batchNumberSchema,
  gatewayIdSchema,
  type Seq,
  type Sha256Hex,
  type StreamId,
  seqSchema,
  sha256HexSchema,
  streamIdSchema,
  streamKindSchema,
} from '../ids.js'
import { WIRE_LIMITS } from './limits.js'

/** What is written today. */
export const BATCH_FORMAT = 'metergate-batch/3'
/** What is read. Of 1: quantities by their names, no laws between columns; of 2: fewer laws (see derived.ts). */
export const BATCH_FORMATS = ['metergate-batch/1', 'metergate-batch/2', BATCH_FORMAT] as const
export type BatchFormat = (typeof BATCH_FORMATS)[number]

/**
 * `count` records from `first` on were copied from another stream, where they began at `was`: after a conflict
 * the agent goes on in a new stream, and the cloud can still see which records it may already have. A record copied more
 * than once names where it was first.
 */
export const originRunSchema = z.strictObject({
  first: seqSchema,
  count: z.number().int().min(1).max(WIRE_LIMITS.records),
  stream: streamIdSchema,
  was: seqSchema,
})
export type OriginRun = z.infer<typeof originRunSchema>

/** This number's batch was refused for good; its records come again, with their numbers, in the successors. */
export const voidSchema = z.strictObject({
  /** Of the bytes that were refused; the next batch's `previous` names them. */
  sha256: sha256HexSchema,
  reason: z.string().max(500),
  successors: z.array(batchNumberSchema).max(WIRE_LIMITS.records),
})
export type BatchVoid = z.infer<typeof voidSchema>

export const batchHeaderSchema = z
  .object({
    format: z.enum(BATCH_FORMATS),
    gateway: gatewayIdSchema,
    stream: streamIdSchema,
    stream_kind: streamKindSchema,
    number: batchNumberSchema,
    /** Numbers of the first and last record; those between are all in it. */
    first: seqSchema,
    last: seqSchema,
    /** SHA-256 of the decoded bytes of batch `number - 1` as sealed; null for the first of a stream. */
    previous: sha256HexSchema.nullable(),
    /** Version of the software that sealed it, e.g. `metergate/0.1.0`. */
    software: z.string().min(1).max(64),
    /** Version or hash of the configuration in force, so that a changed ratio shows. */
    config: z.string().min(1).max(80),
    origin: z.array(originRunSchema).max(WIRE_LIMITS.records).optional(),
    void: voidSchema.optional(),
  })
  .refine((header) => header.last >= header.first && header.last - header.first < WIRE_LIMITS.records, {
    message: `first..last must name 1 to ${WIRE_LIMITS.records} records`,
  })
export type BatchHeader = z.infer<typeof batchHeaderSchema>

/** Where a record of this batch was before it was copied, or undefined when it is at home here. */
export function originOf(header: BatchHeader, seq: Seq): { readonly stream: StreamId; readonly seq: Seq } | undefined {
  const run = header.origin?.find((each) => seq >= each.first && seq < each.first + each.count)
  return run && { stream: run.stream, seq: seqSchema.parse(run.was + (seq - run.first)) }
}

/** What is known of a batch's predecessor: the hash of its bytes and, if those void another batch, that one's hash. */
export interface KnownBatch {
  readonly number: number
  readonly sha256: Sha256Hex
  readonly voided?: Sha256Hex | undefined
}

/** `unknown`: the predecessor has not arrived yet (fresh batches come first), so it is verified when it does. */
export type ChainVerdict = 'intact' | 'broken' | 'unknown'

/** Checks that a batch follows its predecessor: nothing removed, inserted, changed or reordered between them. */
export function verifyChain(
  predecessor: KnownBatch | undefined,
  header: Pick<BatchHeader, 'number' | 'previous'>,
): ChainVerdict {
  if (header.number === 1) return header.previous === null ? 'intact' : 'broken'
  if (predecessor === undefined) return 'unknown'
  if (predecessor.number !== header.number - 1 || header.previous === null) return 'broken'
  return header.previous === predecessor.sha256 || header.previous === predecessor.voided ? 'intact' : 'broken'
}
