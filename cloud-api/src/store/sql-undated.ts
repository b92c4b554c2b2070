import {
  type Anchor,
  anchorRecordSchema,
  type BootId,
  batchNumberSchema,
  bootIdSchema,
  dateOf,
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
import type { BatchToFile, Range, UndatedRows } from './series-store.js'
import { insertRows, type SqlTransaction } from './sql.js'

const anchorRow = anchorRecordSchema.pick({ boot: true, mono: true, true_wall: true, error_ms: true })
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

/** The anchors of one boot, or of all boots with undated readings of a meter. */
export function readAnchors(tx: SqlTransaction, gateway: GatewayId, boot: BootId): Promise<Anchor[]> {
  const text = 'SELECT boot, mono, true_wall, error_ms FROM anchors WHERE gateway_id = ? AND boot = ?'
  return tx.all(anchorRow, text, [gateway, boot])
}

/** Batches with undated readings of a meter that, dated by what is known now, may lie in the range. */
export async function readUndated(
  tx: SqlTransaction,
  gateway: GatewayId,
  meter: MeterId,
  range: Range,
): Promise<UndatedRows> {
  const text = `SELECT stream, number, boot, from_mono, to_mono, from_ms, to_ms FROM undated_spans
                WHERE gateway_id = ? AND meter = ? ORDER BY stream, number`
  const rows = await tx.all(undatedRow, text, [gateway, meter])
  const dating = new Dating(tx, gateway)
  const spans = []
  for (const { stream, number, boot, from_mono, to_mono, from_ms, to_ms } of rows) {
    const from = await dating.date(boot, from_mono, from_ms)
    const to = await dating.date(boot, to_mono, to_ms)
    if (from.at - MARGIN_MS < range.to && to.at + MARGIN_MS >= range.from) {
      spans.push({ stream, number, from: from.at, to: to.at })
    }
  }
  return { spans, anchors: dating.anchors }
}

/** Dates what was made in unsynchronised boots of one gateway; each boot's anchors are looked up once. */
export class Dating {
  private readonly byBoot = new Map<BootId, readonly Anchor[]>()

  constructor(
    private readonly tx: SqlTransaction,
    private readonly gateway: GatewayId,
  ) {}

  get anchors(): readonly Anchor[] {
    return [...this.byBoot.values()].flat()
  }

  async date(boot: BootId, mono: MonoMs, label: EpochMs): Promise<{ at: EpochMs; quality: 'D' | 'U' }> {
    const anchors = this.byBoot.get(boot) ?? (await readAnchors(this.tx, this.gateway, boot))
    this.byBoot.set(boot, anchors)
    const { at, quality } = dateOf({ boot, mono, wall: label, quality: 'U' }, anchors)
    return { at: epochMs(Math.round(at)), quality: quality === 'D' ? 'D' : 'U' }
  }
}
