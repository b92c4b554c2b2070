import {
  type BatchNumber,
  batchNumberSchema,
  fail,
  type GapRecord,
  type Result,
  type Stamp,
  type StreamKind,
  sha256Hex,
} from '@metergate/protocol'
import { type Chunk, decodeChunk, encodeChunk, peekChunk } from './chunk.js'
import { kindBits, metersOf, timeOf } from './classify.js'
import { gapOf, type LostRun, writeNow } from './commit-plan.js'
import { type Compression, decompress } from './compression.js'
import { setBatchEnds } from './decay-tables.js'
import type { NumberRange } from './number-ranges.js'
import { numbersOfBatch, numbersOfChunk } from './numbers-held.js'
import { halves, unsealedOf } from './open-sealed.js'
import type { SealedBatch, Sealer, SealLimits, StoredRecord } from './record-store.js'
import { type Sealed, sealPrefix, sealVoid } from './seal.js'
import { type BatchIndex, type BatchRow, type ChunkRow, STATUS, type StreamRow, type Tables } from './tables.js'

/** Columnar JSON takes an eighth of plain JSON lines or more; beyond this many bytes a batch is surely full. */
const LINES_PER_DECODED = 10
const GATHER_RECORDS = 10_000
/** No record takes fewer decoded bytes, so that a batch that cannot be full yet is not even tried. */
const LEAST_DECODED = 20

interface Gathered {
  readonly chunks: { readonly row: ChunkRow; readonly chunk: Chunk }[]
  readonly rows: StoredRecord[]
  /** There may be more: as much as one batch can hold is here. */
  isCut: boolean
}

/** Seals the next due batch of a kind; to be called inside a transaction. */
export function sealDue(
  tables: Tables,
  kind: StreamKind,
  limits: SealLimits,
  sealer: Sealer,
  compression: Compression,
  now: Stamp,
): SealedBatch | undefined {
  for (const stream of tables.streams().filter((each) => each.kind === kind)) {
    const young = isYoung(tables, stream, limits.minAgeMs, now)
    const gathered = gather(tables, stream, limits.maxDecodedBytes, now)
    if (gathered.rows.length === 0) continue
    const sealed = sealPrefix(placeOf(stream), sealer, gathered.rows, limits.maxDecodedBytes, compression)
    if (young && !gathered.isCut && sealed.count === gathered.rows.length) continue
    keep(tables, stream, sealed, gathered)
    return sealed.batch
  }
  return undefined
}

/** Might {@link sealDue} seal something? Cheap, and writes nothing. */
export function isDue(tables: Tables, kind: StreamKind, limits: SealLimits, now: Stamp): boolean {
  return tables
    .streams()
    .filter((each) => each.kind === kind)
    .some((stream) => {
      const unsealed = tables.unsealed(stream.id)
      if (unsealed === 0) return false
      return unsealed * LEAST_DECODED >= limits.maxDecodedBytes || !isYoung(tables, stream, limits.minAgeMs, now)
    })
}

/** Is the stream's oldest unsealed record younger than that? Of an earlier boot: no. An unreadable one: seal, and see. */
function isYoung(tables: Tables, stream: StreamRow, minAgeMs: number, now: Stamp): boolean {
  const [row] = tables.chunks(stream.id)
  const head = row && peekChunk(row)?.head
  return head !== undefined && head.boot === now.boot && now.mono - head.mono < minAgeMs
}

/** The oldest unsealed rows of a stream; a chunk that fails its checksum is set aside and named in a gap record. */
function gather(tables: Tables, stream: StreamRow, maxDecodedBytes: number, now: Stamp): Gathered {
  const gathered: Gathered = { chunks: [], rows: [], isCut: false }
  let size = 0
  for (const row of tables.chunks(stream.id)) {
    const chunk = decodeChunk(row)
    if (!chunk.ok || chunk.value.head.first !== row.first || chunk.value.rows.length !== row.last - row.first + 1) {
      setChunkAside(tables, stream, row, chunk.ok ? 'its numbers do not agree with its bytes' : chunk.fault, now)
      continue
    }
    gathered.chunks.push({ row, chunk: chunk.value })
    gathered.rows.push(...chunk.value.rows)
    size += row.body.length
    gathered.isCut = size > maxDecodedBytes * LINES_PER_DECODED || gathered.rows.length >= GATHER_RECORDS
    if (gathered.isCut) break
  }
  return gathered
}

export function setChunkAside(tables: Tables, stream: StreamRow, row: ChunkRow, why: string, now: Stamp): void {
  tables.deleteChunk(row)
  const ranges = numbersOfChunk(tables, stream, row)
  const [first, last] = hullOf(ranges, row)
  tables.keepDamaged('row', stream.stream, first, last, why, row.body)
  nameLost(tables, { stream: stream.stream, kind: stream.kind }, ranges, now)
}

/** A sealed batch whose bytes no longer have their hash: its number and hash stay in the chain, its records are named. */
export function setBatchAside(tables: Tables, row: BatchRow, why: string, now: Stamp): void {
  const held = numbersOfBatch(tables, row)
  const [first, last] = hullOf(held, row)
  tables.keepDamaged('batch', row.stream_id, first, last, why, tables.body(row.id) ?? null)
  tables.dropBody(row.id)
  tables.setStatus(row.id, row.status === STATUS.pending ? STATUS.lost : row.status)
  if (first !== row.first || last !== row.last) setBatchEnds(tables, row.id, first, last)
  // What the cloud has acknowledged is safe there; only local history lacks it.
  if (row.status !== STATUS.pending) return
  const ranges = held.length > 0 ? held : [[first, last] as const]
  nameLost(tables, { stream: row.stream_id, kind: row.kind }, ranges, now, [row.number, row.number])
}

/** From the first to the last of the ranges, or what the row says where there are none. */
const hullOf = (
  ranges: readonly NumberRange[],
  row: { readonly first: number; readonly last: number },
): NumberRange => [ranges[0]?.[0] ?? row.first, ranges.at(-1)?.[1] ?? row.last]

function nameLost(
  tables: Tables,
  from: Pick<LostRun, 'stream' | 'kind'>,
  ranges: readonly NumberRange[],
  now: Stamp,
  batches?: [number, number],
): void {
  for (const [first, last] of ranges) {
    const record = gapOf({ ...from, first, last }, 'corrupt', now, batches)
    writeNow(tables, [{ kind: 'ledger', record }], now)
  }
}

/** What was sealed, where the body still has the hash of it; else why it cannot be believed. */
export function sealedBytes(row: BatchRow, body: Uint8Array): Result<Uint8Array, string> {
  const bytes = decompress(body, row.encoding)
  if (!bytes.ok) return fail(`cannot be unpacked: ${bytes.fault}`)
  return sha256Hex(bytes.value) === row.sha256 ? bytes : fail('its bytes do not have the hash they were sealed with')
}

/** Does the body still have the hash it was sealed with? Undefined when it does. */
export function bodyFault(row: BatchRow, body: Uint8Array): string | undefined {
  const bytes = sealedBytes(row, body)
  return bytes.ok ? undefined : bytes.fault
}

function keep(tables: Tables, stream: StreamRow, { batch, count }: Sealed, { chunks, rows }: Gathered): void {
  tables.addBatch(stream.id, batch, stream.last_sha256, indexOf(rows.slice(0, count)))
  tables.raiseBatch(stream.id, batch.number, batch.sha256)
  let left = count
  for (const { row, chunk } of chunks) {
    if (left <= 0) return
    tables.deleteChunk(row)
    const rest = chunk.rows.slice(left)
    const [first] = rest
    if (first) {
      const head = { ...chunk.head, first: first.seq, ...(first.origin ? { origin: first.origin } : {}) }
      const bytes = encodeChunk(
        head,
        rest.map((each) => each.record),
      )
      tables.addChunkAs(row.id, stream.id, first.seq, row.last, bytes)
    }
    left -= chunk.rows.length
  }
}

/** See {@link RecordStore.refuse}; to be called inside a transaction. */
export function refuseBatch(
  tables: Tables,
  row: BatchRow,
  batch: SealedBatch,
  reason: string,
  sealer: Sealer,
  compression: Compression,
  now: Stamp,
): void {
  tables.keepRefused(batch, reason)
  const successors: BatchNumber[] = []
  const rows = unsealedOf(batch)
  for (const half of halves(rows)) {
    const stream = tables.streams().find((each) => each.id === row.stream)
    if (!stream) return
    const { batch: next } = sealPrefix(placeOf(stream), sealer, half, Number.MAX_SAFE_INTEGER, compression)
    tables.addBatch(stream.id, next, stream.last_sha256, indexOf(half))
    tables.raiseBatch(stream.id, next.number, next.sha256)
    successors.push(next.number)
  }
  const [only] = rows
  if (successors.length === 0) {
    tables.quarantine(batch.stream, batch.first, reason)
    if (only?.record.kind === 'gap') nameAgain(tables, only.record, now)
  }
  const stand = sealVoid(batch, row.previous, sealer, reason, successors, compression)
  tables.voidBatch(row.id, stand, row.sha256)
}

/** The single record that was refused for good, as it was sealed: a void under its number only tells of it. */
export function refusedOf(
  tables: Tables,
  row: BatchRow,
): { readonly row: BatchRow; readonly body: Uint8Array } | undefined {
  const refused = row.void && row.first === row.last ? tables.refused(row.stream_id, row.number) : undefined
  return refused && { row: { ...row, sha256: refused.sha256, encoding: refused.encoding }, body: refused.body }
}

/** A cloud that refuses the same news this often does not want it. */
const MOST_NAMINGS = 5

/**
 * A gap record is all the cloud will ever hear of what it names, so a refused one is written anew under another number: somebody on
 * the way may have refused it.
 */
function nameAgain(tables: Tables, gap: GapRecord, now: Stamp): void {
  const key = `named again ${gap.stream} ${gap.first}`
  const times = Number(tables.state(key) ?? 0)
  if (times >= MOST_NAMINGS) return
  tables.putState(key, String(times + 1))
  writeNow(tables, [{ kind: 'ledger', record: { ...gap, stamp: now } }], now)
}

const placeOf = (stream: StreamRow) => ({
  streamKind: stream.kind,
  stream: stream.stream,
  number: batchNumberSchema.parse(stream.last_batch + 1),
  previous: stream.last_sha256,
})

export function indexOf(rows: readonly StoredRecord[]): BatchIndex {
  const times = rows.map((each) => timeOf(each.record))
  return {
    kinds: kindBits(rows.map((each) => each.record.kind)),
    timeMin: times.reduce((least, time) => Math.min(least, time), times[0] ?? 0),
    timeMax: times.reduce((most, time) => Math.max(most, time), times[0] ?? 0),
    oldestWall: rows[0]?.record.stamp.wall ?? 0,
    meters: [...new Set(rows.flatMap((each) => metersOf(each.record)))],
  }
}
