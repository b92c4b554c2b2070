import { type DecodedBatch, decodeBatch, fail, type Stamp, seqSchema } from '@metergate/protocol'
import { decodeChunk, isIntact } from './chunk.js'
import { gapOf, writeNow } from './commit-plan.js'
import {
  lastHeld,
  mendStatus,
  newestBatch,
  orphans,
  reindex,
  rewriteBatch,
  rewriteIndex,
  setChunkEnds,
} from './decay-tables.js'
import { queryRecords } from './history.js'
import type { NumberRange } from './number-ranges.js'
import { firstOfChunks } from './numbers-held.js'
import { headerAgrees, isSame, rowAgrees } from './row-agrees.js'
import { indexOf, sealedBytes, setBatchAside, setChunkAside } from './sealing.js'
import { type BatchRow, type ChunkRow, DamagedRow, STATUS, type StreamRow, type Tables } from './tables.js'

/** The index (kinds, times, meters) of as many records is compared at a start, which takes a third of a second; of the rest before it is sent. */
const COMPARED_RECORDS = 20_000
/** The same once the file has shown decay: a year's acknowledged batches would hold up the start for many minutes. */
const COMPARED_WHOLLY = 10 * COMPARED_RECORDS
const PAGE = 200

export interface Mended {
  /** Rows mended, or set aside and named. */
  readonly rows: number
  /** Row id of the newest batch whose index was not compared; 0: all were. */
  readonly uncompared: number
}

/**
 * Looks at what is still to be sent: every unsealed row and every batch without an acknowledgement; with `wholly`, because the file has
 * shown decay, at the oldest acknowledged ones too, until `compared` records were. What its own bytes prove is mended, the rest is set
 * aside and named. To be called inside a transaction.
 */
export function mendRows(
  tables: Tables,
  now: Stamp,
  wholly = false,
  compared = wholly ? COMPARED_WHOLLY : COMPARED_RECORDS,
): Mended {
  let rows = mendStatus(tables)
  const budget = { records: compared, uncompared: 0, wholly }
  for (const stream of tables.streams())
    rows += mendBatches(tables, stream, budget, now) + mendChunks(tables, stream, now)
  for (const stream of tables.streams()) if (stream.current) nameEnds(tables, stream, now)
  return { rows, uncompared: budget.uncompared }
}

/**
 * Throws {@link DamagedRow} for streams that cannot be gone on with: a number would be used twice, a chain would not hold, or rows
 * belong to nobody. For a store that has been in use.
 */
export function checkStreams(tables: Tables): void {
  const streams = tables.streams()
  if (orphans(tables) > 0) throw new DamagedRow('rows belong to a stream that is not there')
  for (const kind of ['detail', 'ledger'] as const) {
    const current = streams.filter((each) => each.kind === kind && each.current)
    if (current.length !== 1) throw new DamagedRow(`${current.length} current streams of kind ${kind}`)
  }
  for (const stream of streams) checkEnds(tables, stream)
}

function checkEnds(tables: Tables, stream: StreamRow): void {
  const newest = newestBatch(tables, stream.id)
  const held = lastHeld(tables, stream.id)
  const number = newest?.number ?? 0
  if (stream.last_seq < held) throw new DamagedRow(`stream ${stream.stream} ends before its records`)
  // Of a salvaged stream nothing more is sealed, so its mark is not kept.
  const isKept = stream.current || stream.last_sha256 !== null
  const isChained = newest
    ? [newest.sha256, newest.voided_sha256].some((each) => each !== null && each === stream.last_sha256)
    : stream.last_sha256 === null
  // Batches that somebody took away leave the hash of the last one behind: see nameEnds. A number that decayed does not.
  if (stream.last_batch < number || (isKept && isChained && stream.last_batch > number))
    throw new DamagedRow(`stream ${stream.stream} does not end with its last batch`)
  if (isKept && !isChained && stream.last_batch === number)
    throw new DamagedRow(`stream ${stream.stream} is not chained to its last batch`)
}

interface Budget {
  records: number
  uncompared: number
  readonly wholly: boolean
}

function mendBatches(tables: Tables, stream: StreamRow, budget: Budget, now: Stamp): number {
  let mended = 0
  for (let after = 0; ; ) {
    const asked =
      budget.wholly && budget.records > 0 ? `(${STATUS.pending}, ${STATUS.acknowledged})` : `(${STATUS.pending})`
    const where = `+batch.stream = ? AND status IN ${asked} AND batch.id > ?`
    const page = tables.batches(where, 'batch.id', PAGE, stream.id, after)
    for (const row of page) {
      after = row.id
      // The cloud has it: history that was evicted, or that there is no time for.
      if (row.status === STATUS.acknowledged && (!row.has_body || budget.records <= 0)) continue
      const body = tables.body(row.id)
      const bytes = body ? sealedBytes(row, body) : fail('its bytes are gone')
      if (!bytes.ok) {
        setBatchAside(tables, row, bytes.fault, now)
        mended += 1
      } else if (body && mendBatch(tables, row, body, bytes.value, budget.records > 0)) mended += 1
      if (budget.records <= 0) budget.uncompared = Math.max(budget.uncompared, row.id)
      budget.records -= row.last - row.first + 1
    }
    if (page.length < PAGE) return mended
  }
}

/**
 * Writes a batch's row anew from its bytes, which have the hash they were sealed with, where the row says something else; true when it
 * did. With `wholly` the records are read too. Throws {@link DamagedRow} where numbers hang on it.
 */
function mendBatch(tables: Tables, row: BatchRow, body: Uint8Array, bytes: Uint8Array, wholly: boolean): boolean {
  const said = wholly || !headerAgrees(row, body, bytes) ? contradiction(row, body, bytes) : undefined
  if (said) rewrite(tables, row, said, body.length, bytes.length)
  return said !== undefined
}

/** The same for a batch of a store in use, whose indexes nobody has looked at since its row decayed: they are made anew first. */
export function mendInUse(tables: Tables, row: BatchRow, body: Uint8Array, bytes: Uint8Array): void {
  const said = contradiction(row, body, bytes)
  if (!said) return
  reindex(tables)
  rewrite(tables, row, said, body.length, bytes.length)
}

/** What the bytes say where the row says something else; undefined also for what newer software sealed, which is not ours to judge. */
function contradiction(row: BatchRow, body: Uint8Array, bytes: Uint8Array): DecodedBatch | undefined {
  if (rowAgrees(row, body, bytes)) return undefined
  const decoded = decodeBatch(bytes)
  if (!decoded.ok) return undefined
  const { header, uninterpreted } = decoded.value
  if (uninterpreted.length > 0 && isSame(header, row)) return undefined
  if (header.stream === row.stream_id && header.number === row.number) return decoded.value
  throw new DamagedRow(`batch ${header.number} of stream ${header.stream} says it is ${row.number} of ${row.stream_id}`)
}

function rewrite(
  tables: Tables,
  row: BatchRow,
  { header, records }: DecodedBatch,
  size: number,
  decodedSize: number,
): void {
  rewriteBatch(tables, row.id, header, { size, decodedSize })
  // A void batch keeps the index of the one it stands for.
  if (!header.void) rewriteIndex(tables, row.id, indexOf(records))
}

function mendChunks(tables: Tables, stream: StreamRow, now: Stamp): number {
  let mended = 0
  const look = (row: ChunkRow): ChunkRow | undefined => {
    const stays = mendChunk(tables, stream, row, now)
    if (stays !== row) mended += 1
    return stays
  }
  /** The newest of those that stay, as it says now: what was set aside is not looked at again. */
  let before: ChunkRow | undefined
  for (const row of tables.chunks(stream.id)) {
    // Reading the records is fifty times the work: only of rows that do not follow on.
    const follows = row.first === (before?.last ?? tables.lastSealed(stream.id)) + 1
    if (follows && isIntact(row)) {
      before = row
      continue
    }
    before = before && look(before)
    before = look(row) ?? before
  }
  if (before && before.last !== stream.last_seq) look(before)
  return mended
}

/** The same for a row of unsealed records, whose bytes begin with its place. The row as it says now; undefined when it was set aside. */
function mendChunk(tables: Tables, stream: StreamRow, row: ChunkRow, now: Stamp): ChunkRow | undefined {
  const chunk = decodeChunk(row)
  if (!chunk.ok) {
    setChunkAside(tables, stream, row, chunk.fault, now)
    return undefined
  }
  const { head, rows } = chunk.value
  if (head.stream !== stream.stream)
    throw new DamagedRow(`a row of stream ${head.stream} says it is of ${stream.stream}`)
  const last = seqSchema.parse(head.first + rows.length - 1)
  if (head.first === row.first && last === row.last) return row
  setChunkEnds(tables, row.id, head.first, last)
  return { ...row, first: head.first, last }
}

/**
 * Batches that somebody took from the end of a stream took their records along, and a stream that ends after its last record has lost the
 * end, or its mark decayed: named, unless a gap record has.
 */
function nameEnds(tables: Tables, stream: StreamRow, now: Stamp): void {
  const sealed = tables.lastSealed(stream.id)
  const batch = (newestBatch(tables, stream.id)?.number ?? 0) + 1
  const rowsFrom = firstOfChunks(tables, stream.id) ?? stream.last_seq + 1
  if (batch <= stream.last_batch) nameEnd(tables, stream, [sealed + 1, rowsFrom - 1], now, [batch, stream.last_batch])
  nameEnd(tables, stream, [lastHeld(tables, stream.id) + 1, stream.last_seq], now)
}

/**
 * What is given up goes oldest first, so that all before a number that was named has been named too. Looked for once: the gap record may be
 * long forgotten when the stream still ends there.
 */
function nameEnd(tables: Tables, stream: StreamRow, range: NumberRange, now: Stamp, batches?: [number, number]): void {
  const key = `end named ${stream.stream}`
  const [, last] = range
  let first = Math.max(range[0], Number(tables.state(key) ?? 0) + 1)
  if (first > last) return
  for (const { record } of queryRecords(() => tables, { stream: 'ledger', kinds: ['gap'] }))
    if (record.kind === 'gap' && record.stream === stream.stream) first = Math.max(first, record.last + 1)
  if (first <= last) {
    const lost = { stream: stream.stream, kind: stream.kind, first, last }
    writeNow(tables, [{ kind: 'ledger', record: gapOf(lost, 'corrupt', now, batches) }], now)
  }
  tables.putState(key, String(last))
}
