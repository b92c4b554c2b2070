import { deflateRawSync, inflateRawSync } from 'node:zlib'
import {
  bootIdSchema,
  canonicalJson,
  decodeRecord,
  encodeRecord,
  fail,
  ok,
  type Result,
  type StreamRecord,
  seqSchema,
  sha256Hex,
  streamIdSchema,
  streamKindSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import type { StoredRecord } from './record-store.js'

/** What a chunk says about itself, so that it can be salvaged from its bytes alone. */
const headSchema = z.object({
  stream: streamIdSchema,
  kind: streamKindSchema,
  first: seqSchema,
  /** When its first record was taken in: age counts on the monotonic clock, and only within this boot. */
  boot: bootIdSchema,
  mono: z.number(),
  /** Where the first record was before its stream was restarted; the others follow it. */
  origin: z.object({ stream: streamIdSchema, seq: seqSchema }).optional(),
})
export type ChunkHead = z.infer<typeof headSchema>

export interface Chunk {
  readonly head: ChunkHead
  readonly rows: readonly StoredRecord[]
}

export interface ChunkBytes {
  readonly body: Uint8Array
  readonly checksum: string
}

/** Head and records as JSON lines, deflated: eight meters' readings of one commit are alike and pack to a tenth. */
export function encodeChunk(head: ChunkHead, records: readonly StreamRecord[]): ChunkBytes {
  const lines = [canonicalJson(head), ...records.map(encodeRecord)]
  const body = deflateRawSync(lines.join('\n'), { level: 6 })
  return { body, checksum: checksumOf(body) }
}

/** Are these the bytes that were committed? A fiftieth of the cost of reading them. */
export const isIntact = ({ body, checksum }: ChunkBytes): boolean => checksumOf(body) === checksum

/** Reads a chunk back, or says why it must not be believed. */
export function decodeChunk({ body, checksum }: ChunkBytes): Result<Chunk, string> {
  if (!isIntact({ body, checksum })) return fail('its checksum does not agree with its bytes')
  try {
    const [first, ...lines] = inflateRawSync(body).toString('utf8').split('\n')
    const head = headSchema.parse(JSON.parse(first ?? ''))
    const rows: StoredRecord[] = []
    for (const [index, line] of lines.entries()) {
      const record = decodeRecord(line)
      if (!record.ok) return fail(`record ${head.first + index} cannot be read: ${record.fault.why}`)
      rows.push({ seq: plus(head.first, index), record: record.value, origin: originAt(head, index) })
    }
    return ok({ head, rows })
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

/** Head of a chunk and the wall time of its first record, without reading the records: what is asked every few seconds. */
export function peekChunk({ body, checksum }: ChunkBytes): { head: ChunkHead; wall: number } | undefined {
  if (!isIntact({ body, checksum })) return undefined
  try {
    const text = inflateRawSync(body).toString('utf8')
    const end = text.indexOf('\n')
    const next = text.indexOf('\n', end + 1)
    const head = headSchema.parse(JSON.parse(text.slice(0, end)))
    const first = stampedSchema.parse(JSON.parse(text.slice(end + 1, next < 0 ? text.length : next)))
    return { head, wall: first.stamp.wall }
  } catch {
    return undefined
  }
}

const stampedSchema = z.object({ stamp: z.object({ wall: z.number() }) })
const checksumOf = (body: Uint8Array): string => sha256Hex(body).slice(0, 32)
const plus = (seq: number, index: number) => seqSchema.parse(seq + index)
const originAt = ({ origin }: ChunkHead, index: number) =>
  origin && { stream: origin.stream, seq: plus(origin.seq, index) }
