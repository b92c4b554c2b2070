import type { GatewayId, StreamId, StreamKind } from '@metergate/protocol'
import { z } from 'zod'
import { one, type SqlTransaction } from './sql.js'

const streamRow = z.object({ ordinal: z.number(), contiguous: z.number() })
const numberRow = z.object({ number: z.number() })
const lastRow = z.object({ last: z.number().nullable() })

/** What is known of a stream. */
export interface OpenStream {
  /**
   * Among the gateway's streams, in the order the cloud met them: mostly that in which they began, but fresh batches come
   * first, so of two streams of a box that was never online the younger is met first.
   */
  readonly ordinal: number
  /** The number up to which every batch is here or named by a gap record. */
  readonly contiguous: number
}

/** What is known of the stream; one never met is noted. Under the gateway's lock. */
export async function openStream(
  tx: SqlTransaction,
  gateway: GatewayId,
  stream: StreamId,
  kind: StreamKind,
): Promise<OpenStream> {
  const known = await knownStream(tx, gateway, stream)
  if (known) return known
  await tx.run(
    `INSERT INTO streams (gateway_id, stream, kind, ordinal)
     VALUES (?, ?, ?, (SELECT COUNT(*) + 1 FROM streams WHERE gateway_id = ?)) ON CONFLICT DO NOTHING`,
    [gateway, stream, kind, gateway],
  )
  return (await knownStream(tx, gateway, stream)) ?? { ordinal: 0, contiguous: 0 }
}

export function knownStream(tx: SqlTransaction, gateway: GatewayId, stream: StreamId): Promise<OpenStream | undefined> {
  const text = 'SELECT ordinal, contiguous FROM streams WHERE gateway_id = ? AND stream = ?'
  return one(tx, streamRow, text, [gateway, stream])
}

/**
 * Moves `contiguous` from where it stands over every following number that is here or named by a gap record; where it stands now.
 */
export async function advanceContiguous(
  tx: SqlTransaction,
  gateway: GatewayId,
  stream: StreamId,
  start: number,
): Promise<number> {
  let reached = start
  for (;;) {
    reached = await hereUpTo(tx, gateway, stream, reached)
    const named = await namedUpTo(tx, gateway, stream, reached)
    if (named === reached) break
    reached = named
  }
  if (reached === start) return start
  const move = 'UPDATE streams SET contiguous = ? WHERE gateway_id = ? AND stream = ?'
  await tx.run(move, [reached, gateway, stream])
  return reached
}

/** Mostly one batch follows, or none; after a gap has been filled many do. */
const FEW = 4
const PAGE = 500

/** The end of the run of batches that are here and follow `from` without a hole. */
async function hereUpTo(tx: SqlTransaction, gateway: GatewayId, stream: StreamId, from: number): Promise<number> {
  let reached = from
  for (let most = FEW; ; most = PAGE) {
    const here = await tx.all(
      numberRow,
      'SELECT number FROM ledger WHERE gateway_id = ? AND stream = ? AND number > ? ORDER BY number LIMIT ?',
      [gateway, stream, reached, most],
    )
    for (const { number } of here) {
      if (number !== reached + 1) return reached
      reached = number
    }
    if (here.length < most) return reached
  }
}

/** The end of a gap that covers the number after `from`; `from` when none does. */
async function namedUpTo(tx: SqlTransaction, gateway: GatewayId, stream: StreamId, from: number): Promise<number> {
  const gap = await one(
    tx,
    lastRow,
    `SELECT MAX(last_batch) AS last FROM gaps
     WHERE gateway_id = ? AND stream = ? AND first_batch <= ? AND last_batch >= ?`,
    [gateway, stream, from + 1, from + 1],
  )
  return gap?.last ?? from
}
