import type { Random, Stamp, StreamId, StreamRecord } from '@metergate/protocol'
import { decodeChunk } from './chunk.js'
import { gapOf, writeNow } from './commit-plan.js'
import { newStreamId } from './memory-record-store.js'
import { unsealedOf } from './open-sealed.js'
import type { StoredRecord } from './record-store.js'
import { bodyFault, refusedOf, setBatchAside, setChunkAside } from './sealing.js'
import { type BatchRow, PENDING_OF_STREAM, STATUS, type StreamRow, sealedOf, type Tables } from './tables.js'

/** Records copied in one transaction at most (one batch may hold more): weeks of backlog must fit neither memory nor log. */
export const SLICE_RECORDS = 2_000
const MARK = 'leaving '

/**
 * Goes on in a new stream: what the old one had not got acknowledged is copied, each record with its origin (where it was
 * first, however often it is copied), and the old batches stay as history only. This begins it; {@link copySlice} then
 * brings the records over. To be called inside a transaction.
 */
export function beginRestart(tables: Tables, id: StreamId, reason: string, random: Random, now: Stamp): void {
  const old = tables.streams().find((each) => each.stream === id)
  if (!old) return
  if (old.current) tables.addStream(old.kind, newStreamId(random))
  tables.putState(`${MARK}${id}`, '1')
  const record = restartedEvent(old, tables.lastSealed(old.id), reason, now)
  writeNow(tables, [{ kind: 'ledger', record }], now)
}

/** Streams whose records are still to be copied: more than none only while that goes on, or after a crash in it. */
export function streamsBeingLeft(tables: Tables): readonly StreamId[] {
  const marks = new Set(tables.stateKeys(MARK).map((key) => key.slice(MARK.length)))
  return marks.size === 0 ? [] : tables.streams().flatMap(({ stream }) => (marks.has(stream) ? [stream] : []))
}

/** Copies the next of the stream's records; how many, 0 when none was left. To be called inside a transaction. */
export function copySlice(tables: Tables, id: StreamId, now: Stamp): number {
  const old = tables.streams().find((each) => each.stream === id)
  const rows = old ? nextRows(tables, old, now) : []
  if (!old || rows.length === 0) {
    tables.deleteState(`${MARK}${id}`)
    return 0
  }
  rows.sort((a, b) => a.seq - b.seq)
  writeNow(
    tables,
    rows.map(({ seq, record, origin }) => ({ kind: old.kind, record, origin: origin ?? { stream: id, seq } })),
    now,
  )
  return rows.length
}

/** The oldest that wait, sealed before unsealed; what is read here is out of the old stream. */
function nextRows(tables: Tables, old: StreamRow, now: Stamp): StoredRecord[] {
  const rows: StoredRecord[] = []
  while (rows.length < SLICE_RECORDS) {
    const [row] = tables.batches(PENDING_OF_STREAM, 'batch.id', 1, old.id)
    if (!row) break
    const body = tables.body(row.id)
    const fault = body ? bodyFault(row, body) : 'its bytes are gone'
    if (!body || fault !== undefined) {
      setBatchAside(tables, row, fault ?? '', now)
      continue
    }
    if (!row.void) rows.push(...unsealedOf(sealedOf(row, body)))
    // The void of a single record was to tell the cloud why it never comes; now the record itself goes on and is judged again.
    else if (row.first === row.last) rows.push(...refusedRecord(tables, row, now))
    tables.setStatus(row.id, STATUS.superseded)
  }
  return rows.length > 0 ? rows : unsealedRows(tables, old, now)
}

function refusedRecord(tables: Tables, row: BatchRow, now: Stamp): readonly StoredRecord[] {
  const refused = refusedOf(tables, row)
  if (refused && bodyFault(refused.row, refused.body) === undefined)
    return unsealedOf(sealedOf(refused.row, refused.body))
  const lost = { stream: row.stream_id, kind: row.kind, first: row.first, last: row.last }
  writeNow(tables, [{ kind: 'ledger', record: gapOf(lost, 'corrupt', now, [row.number, row.number]) }], now)
  return []
}

function unsealedRows(tables: Tables, old: StreamRow, now: Stamp): StoredRecord[] {
  const rows: StoredRecord[] = []
  for (const row of tables.chunks(old.id)) {
    if (rows.length >= SLICE_RECORDS) break
    const chunk = decodeChunk(row)
    if (chunk.ok) {
      rows.push(...chunk.value.rows)
      tables.deleteChunk(row)
    } else setChunkAside(tables, old, row, chunk.fault, now)
  }
  return rows
}

function restartedEvent(old: StreamRow, lastSealed: number, reason: string, stamp: Stamp): StreamRecord {
  const facts = { stream: old.stream, stream_kind: old.kind, reason: reason.slice(0, 500), last_sealed: lastSealed }
  return { kind: 'event', stamp, code: 'stream_restarted', facts }
}
