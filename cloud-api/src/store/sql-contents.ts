import type { Numbered, StreamRecord } from '@metergate/protocol'
import type { BatchToFile } from './series-store.js'
import { insertRows, type SqlTransaction, type SqlValue } from './sql.js'
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
  const { gateway, stream, number } = header
  const rows = contents.rejected.map(({ record, reason }, place) => [
    ...[gateway, stream, number, place],
    ...[record ?? null, reason.slice(0, 300)],
  ])
  const head = 'INSERT INTO rejections (gateway_id, stream, number, place, record, reason)'
  await insertRows(tx, head, rows, 'ON CONFLICT DO NOTHING')
}

async function writeSpans(tx: SqlTransaction, { header, contents }: BatchToFile): Promise<void> {
  const { gateway, stream, number } = header
  const rows = contents.spans.map(({ meter, from, to, readings }) => [
    ...[gateway, meter, stream, number],
    ...[from, to, readings],
  ])
  const head = 'INSERT INTO spans (gateway_id, meter, stream, number, from_ms, to_ms, readings)'
  await insertRows(tx, head, rows, 'ON CONFLICT DO NOTHING')
}

/** Newest revision wins; the same revision again (a copy in a new stream) changes nothing. */
const newestRevision = (table: string): string =>
  `DO UPDATE SET revision = excluded.revision, start_ms = excluded.start_ms, stream = excluded.stream,
     record = excluded.record, body = excluded.body WHERE excluded.revision > ${table}.revision`

async function writeIntervals(tx: SqlTransaction, batch: BatchToFile): Promise<void> {
  const newest = newestOf(batch.contents.intervals, ({ meter, start }) => `${meter} ${start}`)
  const rows = newest.map((numbered) => {
    const { meter, start, revision } = numbered.record
    return [batch.header.gateway, meter, start, revision, ...origin(batch, numbered)]
  })
  const head = 'INSERT INTO intervals (gateway_id, meter, start_ms, revision, stream, record, body)'
  await insertRows(tx, head, rows, `ON CONFLICT (gateway_id, meter, start_ms) ${newestRevision('intervals')}`)
}

async function writeUnitEnergy(tx: SqlTransaction, batch: BatchToFile): Promise<void> {
  const newest = newestOf(batch.contents.unitEnergy, ({ product, period, start }) => `${period} ${start} ${product}`)
  const rows = newest.map((numbered) => {
    const { product, period, start, revision } = numbered.record
    return [batch.header.gateway, product, period, start, revision, ...origin(batch, numbered)]
  })
  const head = 'INSERT INTO unit_energy (gateway_id, product, period, start_ms, revision, stream, record, body)'
  const key = '(gateway_id, product, period, start_ms)'
  await insertRows(tx, head, rows, `ON CONFLICT ${key} ${newestRevision('unit_energy')}`)
}

async function writeProduction(tx: SqlTransaction, batch: BatchToFile): Promise<void> {
  const newest = newestOf(batch.contents.production, ({ entry }) => entry)
  const rows = newest.map((numbered) => {
    const { entry, start, revision } = numbered.record
    return [batch.header.gateway, entry, start, revision, ...origin(batch, numbered)]
  })
  const head = 'INSERT INTO production (gateway_id, entry, start_ms, revision, stream, record, body)'
  await insertRows(tx, head, rows, `ON CONFLICT (gateway_id, entry) ${newestRevision('production')}`)
}

/**
 * Of several revisions of one thing in a batch the first of the highest, as if they had been written one after the other: PostgreSQL
 * does not change a row twice in one statement.
 */
function newestOf<R extends StreamRecord & { readonly revision: number }>(
  list: readonly Numbered<R>[],
  keyOf: (record: R) => string,
): readonly Numbered<R>[] {
  const newest = new Map<string, Numbered<R>>()
  for (const numbered of list) {
    const key = keyOf(numbered.record)
    const held = newest.get(key)
    if (!held || numbered.record.revision > held.record.revision) newest.set(key, numbered)
  }
  return [...newest.values()]
}

/** The columns stream, record, body of a ledger record; `kind` and the stamp's boot are left out of the body. */
function origin({ header }: BatchToFile, { seq, record }: Numbered<StreamRecord>): SqlValue[] {
  const { kind: _kind, stamp, ...facts } = record
  const body = { ...facts, recorded_at: stamp.wall, clock: stamp.quality, stream: header.stream, record: seq }
  return [header.stream, seq, JSON.stringify(body)]
}

async function writeEvents(tx: SqlTransaction, { header, contents }: BatchToFile): Promise<void> {
  const rows = contents.events.map(({ seq, record }) => {
    const { code, meter, facts, stamp } = record
    const body = JSON.stringify({ code, meter, facts, clock: stamp.quality })
    const [boot, mono] = stamp.quality === 'U' ? [stamp.boot, Math.round(stamp.mono)] : [null, null]
    return [header.gateway, header.stream, seq, stamp.wall, boot, mono, body]
  })
  const head = 'INSERT INTO events (gateway_id, stream, record, at_ms, undated_boot, mono, body)'
  await insertRows(tx, head, rows, 'ON CONFLICT DO NOTHING')
}

async function writeGaps(tx: SqlTransaction, { header, contents }: BatchToFile): Promise<void> {
  const rows = contents.gaps.map(({ seq, record }) => {
    const { stream, first, last, first_batch, last_batch, reason } = record
    const named = [stream, first, last, first_batch ?? null, last_batch ?? null]
    return [header.gateway, header.stream, seq, ...named, reason]
  })
  const head = `INSERT INTO gaps (gateway_id, ledger_stream, record, stream, first_record, last_record, first_batch,
    last_batch, reason)`
  await insertRows(tx, head, rows, 'ON CONFLICT DO NOTHING')
}
