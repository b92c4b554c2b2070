import type { Random, Stamp, StreamId, StreamRecord } from '@metergate/protocol'
import { decodeChunk } from './chunk.js'
import { writeNow } from './commit-plan.js'
import { newStreamId } from './memory-record-store.js'
import { unsealedOf } from './open-sealed.js'
import type { Unsealed } from './seal.js'
import { bodyFault, setBatchAside, setChunkAside } from './sealing.js'
import { STATUS, type StreamRow, sealedOf, type Tables } from './tables.js'

/**
 * Goes on in a new stream: what the old one had not got acknowledged is copied, each record with its origin, and the
 * old batches stay as history only. To be called inside a transaction.
 */
export function restartStream(tables: Tables, id: StreamId, reason: string, random: Random, now: Stamp): void {
  const old = tables.streams().find((each) => each.stream === id)
  if (!old) return
  const rows = [...unacknowledgedRows(tables, old, now), ...unsealedRows(tables, old, now)]
  rows.sort((a, b) => a.seq - b.seq)
  if (old.current) tables.addStream(old.kind, newStreamId(random))
  writeNow(
    tables,
    rows.map(({ seq, record }) => ({ kind: old.kind, record, origin: { stream: id, seq } })),
    now,
  )
  writeNow(tables, [{ kind: 'ledger', record: restartedEvent(old, reason, rows.length, now) }], now)
}

function unacknowledgedRows(tables: Tables, old: StreamRow, now: Stamp): Unsealed[] {
  const rows: Unsealed[] = []
  for (const row of tables.batches(`batch.stream = ? AND status = ${STATUS.pending}`, 'batch.id', 1e9, old.id)) {
    const body = tables.body(row.id)
    const fault = body ? bodyFault(row, body) : 'its bytes are gone'
    if (!body || fault !== undefined) {
      setBatchAside(tables, row, fault ?? '', now)
      continue
    }
    if (!row.void) rows.push(...unsealedOf(sealedOf(row, body)))
    tables.setStatus(row.id, STATUS.superseded)
  }
  return rows
}

function unsealedRows(tables: Tables, old: StreamRow, now: Stamp): Unsealed[] {
  const rows: Unsealed[] = []
  for (const row of tables.chunks(old.id)) {
    const chunk = decodeChunk(row)
    if (chunk.ok) {
      rows.push(...chunk.value.rows)
      tables.deleteChunk(row.id)
    } else setChunkAside(tables, old, row, chunk.fault, now)
  }
  return rows
}

function restartedEvent(old: StreamRow, reason: string, copied: number, stamp: Stamp): StreamRecord {
  const facts = { stream: old.stream, stream_kind: old.kind, reason: reason.slice(0, 500), copied }
  return { kind: 'event', stamp, code: 'stream_restarted', facts }
}
