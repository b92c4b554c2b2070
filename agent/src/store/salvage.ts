import {
  type BatchHeader,
  decodeBatch,
  originOf,
  type Stamp,
  type StreamId,
  type StreamKind,
  seqSchema,
  sha256Hex,
  streamIdSchema,
  streamKindSchema,
  WIRE_LIMITS,
} from '@metergate/protocol'
import { z } from 'zod'
import { type Chunk, decodeChunk } from './chunk.js'
import { gapOf, writeNow } from './commit-plan.js'
import { decompress } from './compression.js'
import { complement, type NumberRange } from './number-ranges.js'
import { RawFile, type RawRef, type RawValue } from './raw-rows.js'
import type { SealedBatch, StoredRecord } from './record-store.js'
import { indexOf } from './sealing.js'
import { STATUS, type Tables } from './tables.js'

export interface Salvage {
  readonly batches: number
  readonly chunks: number
  /** Named in gap records. */
  readonly lostRecords: number
}

/** A batch whose bytes have the hash they were sealed with; the bytes stay in the damaged file until they are copied. */
interface FoundBatch {
  readonly ref: RawRef
  readonly header: BatchHeader
  readonly status: number
}
interface OldStream {
  readonly kind: StreamKind
  /** Row id of the stream in the damaged file: the order in which streams were begun. */
  order: number
  lastSeq: number
  /** Was its own row found? */
  isMarked: boolean
  readonly batches: Map<number, FoundBatch>
  readonly chunks: Map<number, { readonly ref: RawRef; readonly last: number }>
}
type OldStreams = Map<StreamId, OldStream>

/** A high-water mark has no checksum; one beyond ten years of a hundred records a second is decay. */
const MOST_BELIEVED = 2 ** 35

/**
 * Reads a damaged store page by page and copies what proves itself by its checksum. Sealed batches keep stream,
 * number and bytes; unsealed rows are for the caller to copy into the new stream, with their origin. Whatever is
 * missing up to the last number known of a stream is named in gap records.
 */
export class Salvager {
  private readonly file: RawFile
  private readonly old: OldStreams = new Map()
  /** The highest numbers in rows that prove nothing, by the row id of their stream. */
  private readonly nameless = new Map<number, number>()

  constructor(path: string) {
    this.file = new RawFile(path)
    for (const { ref, row } of this.file.rows()) this.look(ref, row)
    this.endNameless()
  }

  close(): void {
    this.file.close()
  }

  /**
   * Puts the old streams with their batches into the new store, before it has streams of its own: streams are history in the order of
   * their rows. To be called inside a transaction, as is {@link restoreRows}.
   */
  restoreStreams(tables: Tables): number {
    const copied = this.copied()
    return this.inOrder().reduce((sum, [id, stream]) => sum + this.restoreBatches(tables, id, stream, copied), 0)
  }

  /** Copies unsealed records to the end of the new streams, and names what is missing. */
  restoreRows(tables: Tables, now: Stamp): Omit<Salvage, 'batches'> {
    let [chunks, lostRecords] = [0, 0]
    for (const [id, stream] of this.inOrder()) {
      chunks += this.restoreChunks(tables, id, stream, now)
      for (const [first, last] of holes(stream)) {
        const lost = { stream: id, kind: stream.kind, first, last }
        writeNow(tables, [{ kind: 'ledger', record: gapOf(lost, 'corrupt', now) }], now)
        lostRecords += last - first + 1
      }
    }
    return { chunks, lostRecords }
  }

  private inOrder(): [StreamId, OldStream][] {
    return [...this.old].sort(([, a], [, b]) => a.order - b.order)
  }

  private look(ref: RawRef, row: readonly RawValue[]): void {
    if (row.length === 19) this.lookAtBatch(ref, row)
    else if (row.length === 6) this.lookAtChunk(ref, row)
    else if (row.length === 7) this.lookAtStream(row)
  }

  private lookAtBatch(ref: RawRef, row: readonly RawValue[]): void {
    const opened = openRow(row)
    if (!opened) {
      this.noteEnds(row[1], row[3], row[4])
      return
    }
    const { header } = opened
    const stream = this.stream(header.stream, header.stream_kind)
    const known = stream.batches.get(header.number)
    const said = row[5] === STATUS.acknowledged || row[5] === STATUS.superseded ? row[5] : STATUS.pending
    const status = Math.max(said, known?.status ?? 0)
    // Of two versions the later one counts: acknowledged, or void.
    const keepsKnown = known !== undefined && (known.header.void !== undefined || header.void === undefined)
    stream.batches.set(header.number, keepsKnown ? { ...known, status } : { ref, header, status })
    stream.lastSeq = Math.max(stream.lastSeq, header.last)
    placed(stream, row[1])
  }

  private lookAtChunk(ref: RawRef, row: readonly RawValue[]): void {
    const chunk = chunkOf(row)
    if (!chunk) {
      this.noteEnds(row[1], row[2], row[3])
      return
    }
    const stream = this.stream(chunk.head.stream, chunk.head.kind)
    const last = chunk.head.first + chunk.rows.length - 1
    if ((stream.chunks.get(chunk.head.first)?.last ?? 0) < last) stream.chunks.set(chunk.head.first, { ref, last })
    stream.lastSeq = Math.max(stream.lastSeq, last)
    placed(stream, row[1])
  }

  private lookAtStream(row: readonly RawValue[]): void {
    const [rowid, id, kind, , lastSeq] = row
    const mark = seqSchema.safeParse(lastSeq)
    if (!mark.success || mark.data > MOST_BELIEVED || typeof rowid !== 'number') return
    const named = z.object({ id: streamIdSchema, kind: streamKindSchema }).safeParse({ id, kind })
    if (!named.success) {
      this.noteEnds(rowid, mark.data, mark.data)
      return
    }
    const stream = this.stream(named.data.id, named.data.kind)
    stream.lastSeq = Math.max(stream.lastSeq, mark.data)
    stream.isMarked = true
    placed(stream, rowid)
  }

  /** What a row that cannot be believed says of its numbers, by the row id of its stream. */
  private noteEnds(stream: RawValue | undefined, first: RawValue | undefined, last: RawValue | undefined): void {
    const ends = z.tuple([z.number(), seqSchema, seqSchema]).safeParse([stream, first, last])
    if (!ends.success) return
    const [rowid, from, to] = ends.data
    const isLikely = to >= from && to - from < WIRE_LIMITS.records && to <= MOST_BELIEVED
    if (isLikely) this.nameless.set(rowid, Math.max(to, this.nameless.get(rowid) ?? 0))
  }

  /** A stream whose own row is gone, or has lost its name, ends where other rows say, believed or not: their records are named. */
  private endNameless(): void {
    for (const stream of this.old.values())
      if (!stream.isMarked) stream.lastSeq = Math.max(stream.lastSeq, this.nameless.get(stream.order) ?? 0)
  }

  private stream(id: StreamId, kind: StreamKind): OldStream {
    const known = this.old.get(id)
    if (known) return known
    const stream: OldStream = {
      kind,
      order: Number.MAX_SAFE_INTEGER,
      lastSeq: 0,
      isMarked: false,
      batches: new Map(),
      chunks: new Map(),
    }
    this.old.set(id, stream)
    return stream
  }

  /** Where the records were before that a copy of is here: in a batch that counts, or in a row. */
  private copied(): Copied {
    const copied = new Copied()
    for (const { batches, chunks } of this.old.values()) {
      for (const { header, status } of batches.values())
        if (status !== STATUS.superseded)
          for (const run of header.origin ?? []) copied.add(run.stream, run.was, run.count)
      for (const { ref } of chunks.values()) {
        const chunk = chunkOf(this.file.row(ref) ?? [])
        if (chunk?.head.origin) copied.add(chunk.head.origin.stream, chunk.head.origin.seq, chunk.rows.length)
      }
    }
    return copied
  }

  private restoreBatches(tables: Tables, id: StreamId, stream: OldStream, copied: Copied): number {
    const lastBatch = Math.max(0, ...stream.batches.keys())
    const row = tables.addOldStream(stream.kind, id, stream.lastSeq, lastBatch)
    for (const { ref, status } of [...stream.batches.values()].sort((a, b) => a.header.number - b.header.number)) {
      const opened = openRow(this.file.row(ref) ?? [])
      if (!opened) continue
      const { header, batch, rows } = opened
      tables.addBatch(row, batch, header.previous, indexOf(rows))
      const added = tables.batch(id, header.number)
      if (!added) continue
      // A batch that was left, and whose copy is gone, is all there is of its records.
      const isLeft = status === STATUS.superseded && (header.void !== undefined || copied.hasAll(header))
      tables.setStatus(added.id, status === STATUS.superseded && !isLeft ? STATUS.pending : status)
      if (header.void) tables.voidBatch(added.id, batch, header.void.sha256)
    }
    return stream.batches.size
  }

  private restoreChunks(tables: Tables, id: StreamId, stream: OldStream, now: Stamp): number {
    const covered = coverage(stream, false)
    let count = 0
    for (const [, { ref }] of [...stream.chunks].sort(([a], [b]) => a - b)) {
      const chunk = chunkOf(this.file.row(ref) ?? [])
      const fresh = chunk?.rows.filter(({ seq }) => !covered.some(([first, last]) => seq >= first && seq <= last)) ?? []
      const [first] = fresh
      const end = fresh.at(-1)
      if (!first || !end) continue
      covered.push([first.seq, end.seq])
      const rows = fresh.map(({ seq, record }) => ({ kind: stream.kind, record, origin: { stream: id, seq } }))
      writeNow(tables, rows, now)
      count += 1
    }
    return count
  }
}

/** Places of records of which a copy was found. */
class Copied {
  private readonly places = new Map<StreamId, Set<number>>()

  add(stream: StreamId, first: number, count: number): void {
    const places = this.places.get(stream) ?? new Set<number>()
    this.places.set(stream, places)
    for (let seq = first; seq < first + count; seq += 1) places.add(seq)
  }

  /** Is there a copy of every record of a batch, by the place where each was first? */
  hasAll(header: BatchHeader): boolean {
    for (let seq = header.first; seq <= header.last; seq = seqSchema.parse(seq + 1)) {
      const place = originOf(header, seq) ?? { stream: header.stream, seq }
      if (!this.places.get(place.stream)?.has(place.seq)) return false
    }
    return true
  }
}

function placed(stream: OldStream, rowid: RawValue | undefined): void {
  if (typeof rowid === 'number') stream.order = Math.min(stream.order, rowid)
}

/** Ranges of numbers that are in a batch, or (`all`) in a chunk. */
function coverage(stream: OldStream, all: boolean): NumberRange[] {
  const ranges = [...stream.batches.values()].map(({ header }): NumberRange => [header.first, header.last])
  if (all) for (const [first, { last }] of stream.chunks) ranges.push([first, last])
  return ranges
}

/**
 * Numbers of which nothing was found, up to the high-water mark. Some may be long acknowledged and only gone from
 * local history: the damaged file does not say, and a record named too much is better than one lost in silence.
 */
function holes(stream: OldStream): readonly NumberRange[] {
  const ranges = coverage(stream, true).sort(([a], [b]) => a - b)
  return complement(ranges, 1, stream.lastSeq)
}

function chunkOf(row: readonly RawValue[]): Chunk | undefined {
  const [, , , , checksum, body] = row
  if (typeof checksum !== 'string' || !(body instanceof Uint8Array)) return undefined
  const chunk = decodeChunk({ checksum, body })
  return chunk.ok ? chunk.value : undefined
}

interface OpenedRow {
  readonly header: BatchHeader
  readonly batch: SealedBatch
  readonly rows: readonly StoredRecord[]
}

function openRow(row: readonly RawValue[]): OpenedRow | undefined {
  const [sha256, encoding, body] = [row[7], row[10], row[18]]
  if ((encoding !== 'br' && encoding !== 'gzip') || !(body instanceof Uint8Array)) return undefined
  const bytes = decompress(body, encoding)
  if (!bytes.ok || sha256Hex(bytes.value) !== sha256) return undefined
  const decoded = decodeBatch(bytes.value)
  if (!decoded.ok) return undefined
  const { header, records } = decoded.value
  const { stream, stream_kind, number, first, last } = header
  const ends = { streamKind: stream_kind, stream, number, first, last }
  const batch: SealedBatch = {
    ...ends,
    sha256: sha256Hex(bytes.value),
    encoding,
    body,
    decodedSize: bytes.value.length,
  }
  return { header, batch, rows: records.map(({ seq, record }) => ({ seq, record, origin: originOf(header, seq) })) }
}
