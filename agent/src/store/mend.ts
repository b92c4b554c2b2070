import { batchHeaderSchema, decodeBatch, type Stamp, seqSchema } from '@metergate/protocol'
import { decodeChunk, isIntact } from './chunk.js'
import { gapOf, writeNow } from './commit-plan.js'
import { decompress } from './compression.js'
import { queryRecords } from './history.js'
import { bodyFault, indexOf, setBatchAside, setChunkAside } from './sealing.js'
import { type BatchRow, type ChunkRow, DamagedRow, STATUS, type StreamRow, type Tables } from './tables.js'
import { isSame, rowAgrees } from './verify.js'

/** The index (kinds, times, meters) of as many records is compared at a start, which takes a third of a second; of the rest before it is sent. */
const COMPARED_RECORDS = 20_000
/** A gap record that names the end of a stream is sought among so many of the ledger's newest. */
const NEWEST_LEDGER = 5_000
const PAGE = 200

export interface Mended {
  /** Rows mended, or set aside and named. */
  readonly rows: number
  /** Row id of the newest batch whose index was not compared; 0: all were. */
  readonly uncompared: number
}

/**
 * Looks at what is still to be sent: every unsealed row and every batch without an acknowledgement; with `wholly`, because the file has
 * shown decay, at the acknowledged ones too. What its own bytes prove is mended, the rest is set aside and named. To be called inside a
 * transaction.
 */
export function mendRows(tables: Tables, now: Stamp, wholly = false): Mended {
  let rows = tables.mendStatus()
  const budget = { records: wholly ? Number.MAX_SAFE_INTEGER : COMPARED_RECORDS, uncompared: 0, wholly }
  for (const stream of tables.streams())
    rows += mendBatches(tables, stream, budget, now) + mendChunks(tables, stream, now)
  for (const stream of tables.streams()) if (stream.current) nameEnd(tables, stream, now)
  return { rows, uncompared: budget.uncompared }
}

/**
 * Throws {@link DamagedRow} for streams that cannot be gone on with: a number would be used twice, a chain would not hold, or rows
 * belong to nobody. For a store that has been in use.
 */
export function checkStreams(tables: Tables): void {
  const streams = tables.streams()
  if (tables.orphans() > 0) throw new DamagedRow('rows belong to a stream that is not there')
  for (const kind of ['detail', 'ledger'] as const) {
    const current = streams.filter((each) => each.kind === kind && each.current)
    if (current.length !== 1) throw new DamagedRow(`${current.length} current streams of kind ${kind}`)
  }
  for (const stream of streams) checkEnds(tables, stream)
}

function checkEnds(tables: Tables, stream: StreamRow): void {
  const newest = tables.newestBatch(stream.id)
  const held = tables.lastHeld(stream.id)
  const number = newest?.number ?? 0
  if (stream.last_seq < held) throw new DamagedRow(`stream ${stream.stream} ends before its records`)
  // Batches that somebody took away took their records along: see nameEnd.
  if (stream.last_batch < number || (stream.last_batch > number && stream.last_seq === held))
    throw new DamagedRow(`stream ${stream.stream} does not end with its last batch`)
  // Of a salvaged stream nothing more is sealed, so its mark is not kept.
  const isKept = stream.last_batch === number && (stream.current || stream.last_sha256 !== null)
  const isChained = newest
    ? [newest.sha256, newest.voided_sha256].some((each) => each !== null && each === stream.last_sha256)
    : stream.last_sha256 === null
  if (isKept && !isChained) throw new DamagedRow(`stream ${stream.stream} is not chained to its last batch`)
}

interface Budget {
  records: number
  uncompared: number
  readonly wholly: boolean
}

function mendBatches(tables: Tables, stream: StreamRow, budget: Budget, now: Stamp): number {
  let mended = 0
  for (let after = 0; ; ) {
    const asked = budget.wholly ? `(${STATUS.pending}, ${STATUS.acknowledged})` : `(${STATUS.pending})`
    const where = `+batch.stream = ? AND status IN ${asked} AND batch.id > ?`
    const page = tables.batches(where, 'batch.id', PAGE, stream.id, after)
    for (const row of page) {
      after = row.id
      const body = tables.body(row.id)
      const fault = body ? bodyFault(row, body) : 'its bytes are gone'
      // The cloud has it, and history was evicted.
      if (!body && row.status === STATUS.acknowledged) continue
      if (!body || fault !== undefined) {
        setBatchAside(tables, row, fault ?? '', now)
        mended += 1
      } else if (mendBatch(tables, row, body, budget.records > 0)) mended += 1
      if (budget.records <= 0) budget.uncompared = Math.max(budget.uncompared, row.id)
      budget.records -= row.last - row.first + 1
    }
    if (page.length < PAGE) return mended
  }
}

/**
 * Writes a batch's row anew from its bytes, which have the hash they were sealed with, where the row says something else. With
 * `wholly` the records are read too, ten times the work. True when it was mended; throws {@link DamagedRow} when it cannot be.
 */
export function mendBatch(tables: Tables, row: BatchRow, body: Uint8Array, wholly: boolean): boolean {
  if (wholly ? rowAgrees(row, body) : headerAgrees(row, body)) return false
  const bytes = decompress(body, row.encoding)
  const decoded = bytes.ok ? decodeBatch(bytes.value) : undefined
  if (!bytes.ok || !decoded?.ok) throw new DamagedRow(`batch ${row.number} has the right hash and cannot be read`)
  const { header, records, uninterpreted } = decoded.value
  // Nothing wrong with the row: the records are from newer software.
  if (uninterpreted.length > 0 && isSame(header, row)) return false
  if (header.stream !== row.stream_id || header.number !== row.number)
    throw new DamagedRow(
      `batch ${header.number} of stream ${header.stream} says it is ${row.number} of ${row.stream_id}`,
    )
  tables.reindex()
  tables.rewriteBatch(row.id, header, { size: body.length, decodedSize: bytes.value.length })
  // A void batch keeps the index of the one it stands for.
  if (!header.void) tables.rewriteIndex(row.id, indexOf(records))
  return true
}

/** What numbers and chain hang on, without reading the records. */
function headerAgrees(row: BatchRow, body: Uint8Array): boolean {
  const bytes = decompress(body, row.encoding)
  if (!bytes.ok) return false
  const header = batchHeaderSchema.safeParse(JSON.parse(Buffer.from(bytes.value).toString('utf8')))
  return (
    header.success && row.size === body.length && row.decoded_size === bytes.value.length && isSame(header.data, row)
  )
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
  tables.setChunkEnds(row.id, head.first, last)
  return { ...row, first: head.first, last }
}

/** A stream that ends after its last record has lost the end, or its mark decayed: named, unless some gap record has. */
function nameEnd(tables: Tables, stream: StreamRow, now: Stamp): void {
  const held = tables.lastHeld(stream.id)
  if (held >= stream.last_seq) return
  const ledger = tables.streams().find(({ kind, current }) => kind === 'ledger' && current)
  const after = ledger && { stream: ledger.stream, seq: seqSchema.parse(Math.max(1, ledger.last_seq - NEWEST_LEDGER)) }
  for (const { record } of queryRecords(() => tables, {
    stream: 'ledger',
    kinds: ['gap'],
    ...(after ? { after } : {}),
  }))
    if (record.kind === 'gap' && record.stream === stream.stream && record.last >= stream.last_seq) return
  const lost = { stream: stream.stream, kind: stream.kind, first: held + 1, last: stream.last_seq }
  const batch = (tables.newestBatch(stream.id)?.number ?? 0) + 1
  const batches: [number, number] | undefined = batch <= stream.last_batch ? [batch, stream.last_batch] : undefined
  writeNow(tables, [{ kind: 'ledger', record: gapOf(lost, 'corrupt', now, batches) }], now)
}
