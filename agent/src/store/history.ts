import { decodeChunk } from './chunk.js'
import { kindBits, matches } from './classify.js'
import { unsealedOf } from './open-sealed.js'
import type { FoundRecord, RecordPlace, RecordQuery, StoredRecord } from './record-store.js'
import { bodyFault, refusedOf } from './sealing.js'
import { type BatchRow, type Slot, STATUS, type StreamRow, sealedOf, type Tables } from './tables.js'

/** Batches looked up at once. No statement stays open over a `yield`, so the store can be written meanwhile. */
const PAGE = 256

/** The query as one stream answers it: `after` is a number of that stream. */
interface StreamQuery extends Omit<RecordQuery, 'after'> {
  readonly after: number
}

/**
 * Answers a history query batch by batch: the index row (kinds, meters, times) decides before a body is opened.
 * `tables` is asked each time, because the file may be reopened in between.
 */
export function* queryRecords(tables: () => Tables | undefined, query: RecordQuery): Generator<FoundRecord> {
  const streams =
    tables()
      ?.streams()
      .filter(({ kind }) => kind === query.stream) ?? []
  const place = query.after
  const begin = streams.findIndex(({ stream }) => stream === place?.stream)
  for (const row of streams.slice(Math.max(0, begin))) {
    const { stream } = row
    const asked = { ...query, after: place?.stream === stream ? place.seq : 0 }
    for (const source of [sealedRecords, unsealedRecords])
      for (const stored of source(tables, asked, row)) yield { stream, ...stored }
  }
}

/** The first `limit` records that answer a query, and the place to go on after, if there may be more. */
export function historyPage(
  tables: Tables,
  query: RecordQuery,
  limit: number,
): { readonly records: readonly FoundRecord[]; readonly next: RecordPlace | undefined } {
  const records: FoundRecord[] = []
  for (const found of queryRecords(() => tables, query)) {
    records.push(found)
    if (records.length >= limit) return { records, next: { stream: found.stream, seq: found.seq } }
  }
  return { records, next: undefined }
}

function* sealedRecords(
  tables: () => Tables | undefined,
  query: StreamQuery,
  stream: StreamRow,
): Generator<StoredRecord> {
  const { where, slots } = condition(query)
  const since = query.from === undefined ? 0 : tables()?.lastSince(stream.id, query.from)
  if (since === undefined) return
  // Those that count as history have no number in common, so that the last ones are in the order of the first ones.
  for (let after = Math.max(query.after, since - 1); ; ) {
    const page = tables()?.batches(
      `batch.stream = ? AND last > ? AND ${where}`,
      'last',
      PAGE,
      stream.id,
      after,
      ...slots,
    )
    if (!page || page.length === 0) return
    for (const row of page) {
      yield* recordsOf(tables, query, row)
      after = row.last
    }
  }
}

function* recordsOf(tables: () => Tables | undefined, query: StreamQuery, row: BatchRow): Generator<StoredRecord> {
  if (query.meter !== undefined && !row.meters.split(' ').includes(query.meter)) return
  const asked = tables()
  const held = asked && (refusedOf(asked, row) ?? { row, body: asked.body(row.id) })
  // Evicted since the page was read, or damaged: not shown; `verify` and the next load name it.
  if (!held?.body || bodyFault(held.row, held.body) !== undefined) return
  for (const { seq, record, origin } of unsealedOf(sealedOf(held.row, held.body))) {
    if (seq > query.after && matches(record, query)) yield { seq, record, origin }
  }
}

function* unsealedRecords(
  tables: () => Tables | undefined,
  query: StreamQuery,
  stream: StreamRow,
): Generator<StoredRecord> {
  const rows = tables()?.chunks(stream.id, query.after) ?? []
  for (const row of rows) {
    const chunk = decodeChunk(row)
    if (!chunk.ok) continue
    for (const { seq, record, origin } of chunk.value.rows) {
      if (seq > query.after && matches(record, query)) yield { seq, record, origin }
    }
  }
}

function condition(query: StreamQuery): { where: string; slots: Slot[] } {
  const parts = [`status <> ${STATUS.superseded}`, '(void = 0 OR first = last)', 'body IS NOT NULL']
  const slots: Slot[] = []
  const add = (part: string, slot: Slot | undefined) => {
    if (slot === undefined) return
    parts.push(part)
    slots.push(slot)
  }
  add('kinds & ? <> 0', query.kinds && kindBits(query.kinds))
  add('time_max >= ?', query.from)
  add('time_min < ?', query.to)
  return { where: parts.join(' AND '), slots }
}
