import type { GatewayId, StreamId, StreamKind } from '@metergate/protocol'
import { z } from 'zod'
import { one, type SqlTransaction } from './sql.js'

const ordinalRow = z.object({ ordinal: z.number() })
const numberRow = z.object({ number: z.number() })
const lastRow = z.object({ last: z.number().nullable() })

/**
 * Makes sure the stream is known; its ordinal among the gateway's streams, in the order the cloud met them. Newer
 * streams have higher ordinals, so "newest value" never asks the wall clock.
 */
export async function openStream(
  tx: SqlTransaction,
  gateway: GatewayId,
  stream: StreamId,
  kind: StreamKind,
): Promise<number> {
  await tx.run(
    `INSERT INTO streams (gateway_id, stream, kind, ordinal)
     VALUES (?, ?, ?, (SELECT COUNT(*) + 1 FROM streams WHERE gateway_id = ?)) ON CONFLICT DO NOTHING`,
    [gateway, stream, kind, gateway],
  )
  const text = 'SELECT ordinal FROM streams WHERE gateway_id = ? AND stream = ?'
  return (await one(tx, ordinalRow, text, [gateway, stream]))?.ordinal ?? 0
}

/** Moves `contiguous` over every following number that is here or named by a gap record. */
export async function advanceContiguous(tx: SqlTransaction, gateway: GatewayId, stream: StreamId): Promise<void> {
  const text = 'SELECT contiguous AS number FROM streams WHERE gateway_id = ? AND stream = ?'
  const start = (await one(tx, numberRow, text, [gateway, stream]))?.number
  if (start === undefined) return
  let reached = start
  for (;;) {
    const next = await settledUpTo(tx, gateway, stream, reached)
    if (next === reached) break
    reached = next
  }
  if (reached === start) return
  const move = 'UPDATE streams SET contiguous = ? WHERE gateway_id = ? AND stream = ?'
  await tx.run(move, [reached, gateway, stream])
}

const PAGE = 500

/** One step: a run of batches that are here, or a gap that covers the next number. */
async function settledUpTo(tx: SqlTransaction, gateway: GatewayId, stream: StreamId, from: number): Promise<number> {
  const here = await tx.all(
    numberRow,
    'SELECT number FROM ledger WHERE gateway_id = ? AND stream = ? AND number > ? ORDER BY number LIMIT ?',
    [gateway, stream, from, PAGE],
  )
  let reached = from
  for (const { number } of here) {
    if (number !== reached + 1) break
    reached = number
  }
  if (reached > from) return reached
  const gap = await one(
    tx,
    lastRow,
    `SELECT MAX(last_batch) AS last FROM gaps
     WHERE gateway_id = ? AND stream = ? AND first_batch <= ? AND last_batch >= ?`,
    [gateway, stream, from + 1, from + 1],
  )
  return gap?.last ?? from
}
