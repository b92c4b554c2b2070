import {
  bootIdSchema,
  CLOCK_QUALITIES,
  type EventRow,
  epochMsSchema,
  eventRecordSchema,
  type GatewayId,
  monoMsSchema,
  seqSchema,
  streamIdSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import type { Range } from './series-store.js'
import { json, type SqlTransaction } from './sql.js'
import { readBook, type Stretch } from './sql-boots.js'
import { CLOUD_STREAM } from './sql-events.js'
import { dateIn } from './sql-undated.js'

const eventRow = z
  .object({
    stream: z.string(),
    record: seqSchema,
    at: epochMsSchema,
    body: json(eventRecordSchema.omit({ kind: true, stamp: true }).extend({ clock: z.enum(CLOCK_QUALITIES) })),
  })
  .transform(({ stream, record, at, body }): EventRow => {
    const own = stream !== CLOUD_STREAM
    const from = own ? streamIdSchema.parse(stream) : null
    return { ...body, at, source: own ? 'gateway' : 'cloud', stream: from, record: own ? record : null }
  })
/** The same of an event made while the clock was unknown, with its place in the boot. */
const undatedRow = z
  .object({ boot: bootIdSchema, mono: monoMsSchema })
  .loose()
  .transform(({ boot, mono, ...row }) => ({ boot, mono, event: eventRow.parse(row) }))

const COLUMNS = 'stream, record, at_ms AS at, body'
const UNDATED = `${COLUMNS}, undated_boot AS boot, mono`

/** The newest events of a range, those of unknown time dated by what is known now. */
export async function readEvents(
  tx: SqlTransaction,
  gateway: GatewayId,
  range: Range,
  limit: number,
): Promise<readonly EventRow[]> {
  const { from, to } = range
  const text = `SELECT ${COLUMNS} FROM events WHERE gateway_id = ? AND undated_boot IS NULL
                AND at_ms >= ? AND at_ms < ? ORDER BY at_ms DESC, stream, record DESC LIMIT ?`
  const found = await tx.all(eventRow, text, [gateway, from, to, limit])
  const book = await readBook(tx, gateway, { table: 'events', boot: 'undated_boot', mono: 'mono' })
  if (book.boots.length === 0) return found
  const unknown = book.boots.filter(({ boot }) => !book.anchors.of(boot))
  for (const { boot } of unknown) {
    for (const { event } of await labelled(tx, gateway, boot, range, limit)) found.push({ ...event, clock: 'U' })
  }
  for (const stretch of book.stretches(range)) {
    if (isFull(found, limit, stretch.end)) break
    for (const { boot, mono, event } of await within(tx, gateway, stretch, limit)) {
      const { at, quality } = dateIn(book.anchors, boot, mono, event.at)
      if (at >= from && at < to) found.push({ ...event, at, clock: quality })
    }
  }
  return found.sort((a, b) => b.at - a.at).slice(0, limit)
}

/** Whether enough is found that is newer than this. */
const isFull = (found: readonly EventRow[], limit: number, end: number): boolean =>
  found.filter(({ at }) => at > end).length >= limit

function labelled(tx: SqlTransaction, gateway: GatewayId, boot: string, { from, to }: Range, limit: number) {
  const text = `SELECT ${UNDATED} FROM events WHERE gateway_id = ? AND undated_boot = ? AND at_ms >= ? AND at_ms < ?
                ORDER BY at_ms DESC, stream, record DESC LIMIT ?`
  return tx.all(undatedRow, text, [gateway, boot, from, to, limit])
}

/** The youngest of a stretch: the boot's clock puts them in the order of their dates. */
function within(tx: SqlTransaction, gateway: GatewayId, { boot, from, to }: Stretch, limit: number) {
  const text = `SELECT ${UNDATED} FROM events WHERE gateway_id = ? AND undated_boot = ? AND mono >= ? AND mono <= ?
                ORDER BY mono DESC, stream, record DESC LIMIT ?`
  return tx.all(undatedRow, text, [gateway, boot, from, to, limit])
}
