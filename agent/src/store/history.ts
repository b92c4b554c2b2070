import type { StreamId } from '@metergate/protocol'
import { decodeChunk } from './chunk.js'
import { kindBits, matches } from './classify.js'
import { unsealedOf } from './open-sealed.js'
import type { RecordQuery, StoredRecord } from './record-store.js'
import { toSeq } from './seal.js'
import { bodyFault, refusedOf } from './sealing.js'
import { type BatchRow, type Slot, STATUS, type StreamRow, sealedOf, type Tables } from './tables.js'

/** Batches looked up at once. No statement stays open over a `yield`, so the store can be written meanwhile. */
const PAGE = 256

/**
 * Answers a history query batch by batch: the index row (kinds, meters, times) decides before a body is opened.
 * `tables` is asked each time, because the file may be reopened in between.
 */
export function* queryRecords(tables: () => Tables | undefined, query: RecordQuery): Generator<StoredRecord> {
  const streams = tables()?.streams() ?? []
  for (const stream of streams.filter((each) => isAsked(each, query))) {
    yield* sealedRecords(tables, query, stream)
    yield* unsealedRecords(tables, query, stream)
  }
}

const isAsked = ({ kind, stream }: StreamRow, { stream: asked, only }: RecordQuery): boolean =>
  kind === asked && (only === undefined || stream === only)

/** Where a history page ended: stream and number of its last record. */
export interface HistoryPlace {
  readonly stream: StreamId
  readonly after: number
}

/** At most `limit` records that follow `begin` (from the start without it), and the place to go on at, if there is more. */
export function historyPage(
  tables: Tables,
  query: RecordQuery,
  begin: HistoryPlace | undefined,
  limit: number,
): { readonly records: readonly StoredRecord[]; readonly next: HistoryPlace | undefined } {
  const records: StoredRecord[] = []
  const streams = tables.streams().filter((each) => isAsked(each, query))
  const from = Math.max(
    0,
    streams.findIndex((each) => each.stream === begin?.stream),
  )
  for (const stream of streams.slice(from)) {
    const own = stream.stream === begin?.stream ? { ...query, after: toSeq(begin.after) } : query
    for (const source of [sealedRecords, unsealedRecords]) {
      for (const numbered of source(() => tables, own, stream)) {
        records.push(numbered)
        if (records.length >= limit) return { records, next: { stream: stream.stream, after: numbered.seq } }
      }
    }
  }
  return { records, next: undefined }
}

function* sealedRecords(
  tables: () => Tables | undefined,
  query: RecordQuery,
  stream: StreamRow,
): Generator<StoredRecord> {
  const { where, slots } = condition(query)
  for (let after = 0; ; ) {
    const page = tables()?.batches(
      `batch.stream = ? AND first > ? AND ${where}`,
      'first',
      PAGE,
      stream.id,
      after,
      ...slots,
    )
    if (!page || page.length === 0) return
    for (const row of page) {
      yield* recordsOf(tables, query, row)
      after = row.first
    }
  }
}

function* recordsOf(tables: () => Tables | undefined, query: RecordQuery, row: BatchRow): Generator<StoredRecord> {
  if (query.meter !== undefined && !row.meters.split(' ').includes(query.meter)) return
  const asked = tables()
  const held = asked && (refusedOf(asked, row) ?? { row, body: asked.body(row.id) })
  // Evicted since the page was read, or damaged: not shown; `verify` and the next load name it.
  if (!held?.body || bodyFault(held.row, held.body) !== undefined) return
  for (const { seq, record, origin } of unsealedOf(sealedOf(held.row, held.body))) {
    if (seq > (query.after ?? 0) && matches(record, query)) yield { seq, record, origin }
  }
}

function* unsealedRecords(
  tables: () => Tables | undefined,
  query: RecordQuery,
  stream: StreamRow,
): Generator<StoredRecord> {
  const rows = tables()?.chunks(stream.id) ?? []
  for (const row of rows) {
    if (row.last <= (query.after ?? 0)) continue
    const chunk = decodeChunk(row)
    if (!chunk.ok) continue
    for (const { seq, record, origin } of chunk.value.rows) {
      if (seq > (query.after ?? 0) && matches(record, query)) yield { seq, record, origin }
    }
  }
}

function condition(query: RecordQuery): { where: string; slots: Slot[] } {
  const parts = [`status <> ${STATUS.superseded}`, '(void = 0 OR first = last)', 'body IS NOT NULL', 'last > ?']
  const slots: Slot[] = [query.after ?? 0]
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
