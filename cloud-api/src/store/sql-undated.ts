import {
  AnchorBook,
  type BootId,
  batchNumberSchema,
  bootIdSchema,
  type EpochMs,
  epochMs,
  epochMsSchema,
  type GatewayId,
  type MeterId,
  type MonoMs,
  monoMsSchema,
  streamIdSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import type { BatchToFile, Range, SpanRow, UndatedRows } from './series-store.js'
import { insertRows, type SqlTransaction } from './sql.js'
import { readAnchors, readBook, type Stretch } from './sql-boots.js'

const undatedRow = z.object({
  stream: streamIdSchema,
  number: batchNumberSchema,
  boot: bootIdSchema,
  from_mono: monoMsSchema,
  to_mono: monoMsSchema,
  from_ms: epochMsSchema,
  to_ms: epochMsSchema,
})

/** Several anchors of one boot differ by a drift, and the reading itself is dated anew: better one batch too many. */
const MARGIN_MS = 60_000

/** Keeps the anchors, and where readings of unknown time lie in their boots. Stored bytes are never touched. */
export async function writeUndated(tx: SqlTransaction, { header, contents }: BatchToFile): Promise<void> {
  const { gateway, stream, number } = header
  const anchors = contents.anchors.map(({ seq, record: { boot, mono, true_wall, error_ms } }) => [
    ...[gateway, boot, stream, seq],
    ...[Math.round(mono), true_wall, error_ms],
  ])
  const anchorHead = 'INSERT INTO anchors (gateway_id, boot, stream, record, mono, true_wall, error_ms)'
  await insertRows(tx, anchorHead, anchors, 'ON CONFLICT DO NOTHING')
  const spans = contents.undated.map(({ meter, boot, fromMono, toMono, from, to, readings }) => [
    ...[gateway, meter, stream, number, boot],
    ...[fromMono, toMono, from, to, readings],
  ])
  const spanHead = `INSERT INTO undated_spans (gateway_id, meter, stream, number, boot, from_mono, to_mono, from_ms, to_ms,
    readings)`
  await insertRows(tx, spanHead, spans, 'ON CONFLICT DO NOTHING')
}

/** Batches with undated readings of a meter that, dated by what is known now, may lie in the range. */
export async function readUndated(
  tx: SqlTransaction,
  gateway: GatewayId,
  meter: MeterId,
  { from, to }: Range,
): Promise<UndatedRows> {
  const book = await readBook(tx, gateway, { table: 'undated_spans', boot: 'boot', mono: 'to_mono', meter })
  if (book.boots.length === 0) return { spans: [], anchors: [] }
  const wide = { from: epochMs(from - MARGIN_MS), to: epochMs(to + MARGIN_MS) }
  const isUnknown = ({ boot }: { readonly boot: BootId }): boolean => book.anchors.of(boot) === undefined
  const byLabel = book.boots.some(isUnknown) ? await labelled(tx, gateway, meter, wide) : []
  const rows = byLabel.filter(isUnknown)
  for (const stretch of book.stretches(wide)) rows.push(...(await within(tx, gateway, meter, stretch)))
  const found = new Map<string, SpanRow>()
  for (const { stream, number, ...row } of rows.sort(byPlace)) {
    const [start, end] = [
      dateIn(book.anchors, row.boot, row.from_mono, row.from_ms),
      dateIn(book.anchors, row.boot, row.to_mono, row.to_ms),
    ]
    if (start.at >= wide.to || end.at < wide.from) continue
    // A batch over a restart has a row for each boot, and is read once.
    const known = found.get(`${stream} ${number}`) ?? { from: start.at, to: end.at }
    const span = { from: epochMs(Math.min(known.from, start.at)), to: epochMs(Math.max(known.to, end.at)) }
    found.set(`${stream} ${number}`, { stream, number, ...span })
  }
  return { spans: [...found.values()], anchors: book.all }
}

type UndatedRow = z.infer<typeof undatedRow>

const byPlace = (a: UndatedRow, b: UndatedRow): number =>
  a.stream === b.stream ? a.number - b.number : a.stream < b.stream ? -1 : 1

const COLUMNS = 'stream, number, boot, from_mono, to_mono, from_ms, to_ms'

/** Those of any boot whose labels lie in the range. */
function labelled(tx: SqlTransaction, gateway: GatewayId, meter: MeterId, { from, to }: Range): Promise<UndatedRow[]> {
  const text = `SELECT ${COLUMNS} FROM undated_spans WHERE gateway_id = ? AND meter = ? AND to_ms >= ? AND from_ms < ?`
  return tx.all(undatedRow, text, [gateway, meter, from, to])
}

function within(tx: SqlTransaction, gateway: GatewayId, meter: MeterId, stretch: Stretch): Promise<UndatedRow[]> {
  const text = `SELECT ${COLUMNS} FROM undated_spans
                WHERE gateway_id = ? AND meter = ? AND boot = ? AND to_mono >= ? AND from_mono <= ?`
  return tx.all(undatedRow, text, [gateway, meter, stretch.boot, stretch.from, stretch.to])
}

/** By a boot's anchors; where there are none the label is all there is. */
export function dateIn(
  book: AnchorBook,
  boot: BootId,
  mono: MonoMs,
  label: EpochMs,
): { at: EpochMs; quality: 'D' | 'U' } {
  const { at, quality } = book.dateOf({ boot, mono, wall: label, quality: 'U' })
  return { at: epochMs(Math.round(at)), quality: quality === 'D' ? 'D' : 'U' }
}

/** Dates what was made in unsynchronised boots of one gateway; each boot's anchors are looked up once. */
export class Dating {
  private readonly byBoot = new Map<BootId, AnchorBook>()

  constructor(
    private readonly tx: SqlTransaction,
    private readonly gateway: GatewayId,
  ) {}

  async date(boot: BootId, mono: MonoMs, label: EpochMs): Promise<{ at: EpochMs; quality: 'D' | 'U' }> {
    const book = this.byBoot.get(boot) ?? new AnchorBook(await readAnchors(this.tx, this.gateway, [boot]))
    this.byBoot.set(boot, book)
    return dateIn(book, boot, mono, label)
  }
}
