import {
  BATCH_FORMAT,
  type BatchHeader,
  type BatchNumber,
  type BatchVoid,
  cellsOf,
  encodeBatch,
  invariant,
  type OriginRun,
  type Seq,
  type Sha256Hex,
  type StreamId,
  type StreamKind,
  seqSchema,
  sha256Hex,
  WIRE_LIMITS,
} from '@metergate/protocol'
import { type Compression, compress } from './compression.js'
import { unsealedOf } from './open-sealed.js'
import type { SealedBatch, Sealer, StoredRecord } from './record-store.js'

/** The place in the chain that the next batch takes. */
export interface SealPlace {
  readonly streamKind: StreamKind
  readonly stream: StreamId
  readonly number: BatchNumber
  readonly previous: Sha256Hex | null
}

export interface Sealed {
  readonly batch: SealedBatch
  /** How many of the records are in it. */
  readonly count: number
}

/**
 * Seals the longest prefix of `rows` without a hole in its numbers that fits `maxDecodedBytes`, at least one record.
 * From here on the bytes never change.
 */
export function sealPrefix(
  place: SealPlace,
  sealer: Sealer,
  rows: readonly StoredRecord[],
  maxDecodedBytes: number,
  compression: Compression,
): Sealed {
  let count = contiguousPrefix(rows)
  for (;;) {
    const part = rows.slice(0, count)
    const bytes = encodeBatch(headerOf(place, sealer, part), part)
    if (bytes.length <= maxDecodedBytes || count === 1) {
      return { batch: finish(place, part, bytes, compression), count }
    }
    // Nearly linear in the records; the 0.9 leaves room for what a batch has only once.
    count = Math.max(1, Math.min(count - 1, Math.floor((count * maxDecodedBytes * 0.9) / bytes.length)))
  }
}

/** The batch that stands in for a refused one under its number. */
export function sealVoid(
  refused: SealedBatch,
  previous: Sha256Hex | null,
  sealer: Sealer,
  reason: string,
  successors: readonly BatchNumber[],
  compression: Compression,
): SealedBatch {
  const voided: BatchVoid = { sha256: refused.sha256, reason: reason.slice(0, 500), successors: [...successors] }
  const place = { ...refused, previous }
  // Without successors this is all the cloud will hear of the record, which may have been promised under another number.
  const origin = successors.length === 0 ? originRuns(unsealedOf(refused)) : []
  const bare = bareHeader(place, sealer, refused.first, refused.last)
  const header = { ...bare, ...(origin.length > 0 ? { origin } : {}), void: voided }
  const bytes = encodeBatch(header, [])
  return {
    ...refused,
    sha256: sha256Hex(bytes),
    encoding: compression.encoding,
    body: compress(bytes, compression),
    decodedSize: bytes.length,
  }
}

function contiguousPrefix(rows: readonly StoredRecord[]): number {
  const [first] = rows
  invariant(first, 'nothing to seal')
  let count = 1
  // Constant columns cost no bytes, so values are limited on their own.
  let cells = cellsOf(first.record)
  for (const { seq, record } of rows.slice(1, WIRE_LIMITS.records)) {
    cells += cellsOf(record)
    if (seq !== first.seq + count || cells > WIRE_LIMITS.cells) break
    count += 1
  }
  return count
}

function finish(
  place: SealPlace,
  rows: readonly StoredRecord[],
  bytes: Uint8Array,
  compression: Compression,
): SealedBatch {
  const [first, last] = ends(rows)
  const { streamKind, stream, number } = place
  return {
    streamKind,
    stream,
    number,
    first,
    last,
    sha256: sha256Hex(bytes),
    encoding: compression.encoding,
    body: compress(bytes, compression),
    decodedSize: bytes.length,
  }
}

function headerOf(place: SealPlace, sealer: Sealer, rows: readonly StoredRecord[]): BatchHeader {
  const [first, last] = ends(rows)
  const origin = originRuns(rows)
  return { ...bareHeader(place, sealer, first, last), ...(origin.length > 0 ? { origin } : {}) }
}

function bareHeader(place: SealPlace, sealer: Sealer, first: Seq, last: Seq): BatchHeader {
  return {
    format: BATCH_FORMAT,
    gateway: sealer.gateway,
    stream: place.stream,
    stream_kind: place.streamKind,
    number: place.number,
    first,
    last,
    previous: place.previous,
    software: sealer.software,
    config: sealer.config,
  }
}

function originRuns(rows: readonly StoredRecord[]): OriginRun[] {
  const runs: { first: Seq; count: number; stream: StreamId; was: Seq }[] = []
  for (const { seq, origin } of rows) {
    if (!origin) continue
    const run = runs.at(-1)
    const continues =
      run && run.stream === origin.stream && run.first + run.count === seq && run.was + run.count === origin.seq
    if (continues) run.count += 1
    else runs.push({ first: seq, count: 1, stream: origin.stream, was: origin.seq })
  }
  return runs
}

function ends(rows: readonly StoredRecord[]): [first: Seq, last: Seq] {
  const [first] = rows
  const last = rows.at(-1)
  invariant(first && last, 'an empty batch')
  return [first.seq, last.seq]
}

export const toSeq = (value: number): Seq => seqSchema.parse(value)
