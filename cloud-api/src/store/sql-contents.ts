import type { Numbered, StreamRecord } from '@metergate/protocol'
import type { BatchToFile } from './series-store.js'
import type { SqlTransaction, SqlValue } from './sql.js'
import { writeNewest } from './sql-newest.js'
import { writeSlots } from './sql-slots.js'
import { writeUndated } from './sql-undated.js'

/** Writes everything understood of a new batch, in the caller's transaction. */
export async function writeContents(tx: SqlTransaction, batch: BatchToFile, ordinal: number): Promise<void> {
  await writeRejections(tx, batch)
  await writeSpans(tx, batch)
  await writeSlots(tx, batch)
  await writeNewest(tx, batch, ordinal)
  await writeIntervals(tx, batch)
  await writeUnitEnergy(tx, batch)
  await writeProduction(tx, batch)
  await writeEvents(tx, batch)
  await writeGaps(tx, batch)
  await writeUndated(tx, batch)
}

async function writeRejections(tx: SqlTransaction, { header, contents }: BatchToFile): Promise<void> {
  for (const [place, { record, reason }] of contents.rejected.entries()) {
    await tx.run(
      `INSERT INTO rejections (gateway_id, stream, number, place, record, reason) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      [header.gateway, header.stream, header.number, place, record ?? null, reason.slice(0, 300)],
    )
  }
}

async function writeSpans(tx: SqlTransaction, { header, contents }: BatchToFile): Promise<void> {
  for (const { meter, from, to, readings } of contents.spans) {
    await tx.run(
      `INSERT INTO spans (gateway_id, meter, stream, number, from_ms, to_ms, readings)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      [header.gateway, meter, header.stream, header.number, from, to, readings],
    )
  }
}

/** Newest revision wins; the same revision again (a copy in a new stream) changes nothing. */
const newestRevision = (table: string): string =>
  `DO UPDATE SET revision = excluded.revision, start_ms = excluded.start_ms, stream = excluded.stream,
     record = excluded.record, body = excluded.body WHERE excluded.revision > ${table}.revision`

async function writeIntervals(tx: SqlTransaction, batch: BatchToFile): Promise<void> {
  for (const numbered of batch.contents.intervals) {
    const { meter, start, revision } = numbered.record
    await tx.run(
      `INSERT INTO intervals (gateway_id, meter, start_ms, revision, stream, record, body)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (gateway_id, meter, start_ms) ${newestRevision('intervals')}`,
      [batch.header.gateway, meter, start, revision, ...origin(batch, numbered)],
    )
  }
}

async function writeUnitEnergy(tx: SqlTransaction, batch: BatchToFile): Promise<void> {
  for (const numbered of batch.contents.unitEnergy) {
    const { product, period, start, revision } = numbered.record
    await tx.run(
      `INSERT INTO unit_energy (gateway_id, product, period, start_ms, revision, stream, record, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (gateway_id, product, period, start_ms) ${newestRevision('unit_energy')}`,
      [batch.header.gateway, product, period, start, revision, ...origin(batch, numbered)],
    )
  }
}

async function writeProduction(tx: SqlTransaction, batch: BatchToFile): Promise<void> {
  for (const numbered of batch.contents.production) {
    const { entry, start, revision } = numbered.record
    await tx.run(
      `INSERT INTO production (gateway_id, entry, start_ms, revision, stream, record, body)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (gateway_id, entry) ${newestRevision('production')}`,
      [batch.header.gateway, entry, start, revision, ...origin(batch, numbered)],
    )
  }
}

/** The columns stream, record, body of a ledger record; `kind` and the stamp's boot are left out of the body. */
function origin({ header }: BatchToFile, { seq, record }: Numbered<StreamRecord>): SqlValue[] {
  const { kind: _kind, stamp, ...facts } = record
  const body = { ...facts, recorded_at: stamp.wall, clock: stamp.quality, stream: header.stream, record: seq }
  return [header.stream, seq, JSON.stringify(body)]
}

async function writeEvents(tx: SqlTransaction, { header, contents }: BatchToFile): Promise<void> {
  for (const { seq, record } of contents.events) {
    const { code, meter, facts, stamp } = record
    const body = JSON.stringify({ code, meter, facts, clock: stamp.quality })
    const [boot, mono] = stamp.quality === 'U' ? [stamp.boot, Math.round(stamp.mono)] : [null, null]
    await tx.run(
      `INSERT INTO events (gateway_id, stream, record, at_ms, undated_boot, mono, body) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      [header.gateway, header.stream, seq, stamp.wall, boot, mono, body],
    )
  }
}

async function writeGaps(tx: SqlTransaction, { header, contents }: BatchToFile): Promise<void> {
  for (const { seq, record } of contents.gaps) {
    const { stream, first, last, first_batch, last_batch, reason } = record
    await tx.run(
      `INSERT INTO gaps (gateway_id, ledger_stream, record, stream, first_record, last_record, first_batch,
         last_batch, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      [header.gateway, header.stream, seq, stream, first, last, first_batch ?? null, last_batch ?? null, reason],
    )
  }
}
