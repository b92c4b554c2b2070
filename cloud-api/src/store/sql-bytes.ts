import { type BatchNumber, type GatewayId, type StreamId, sha256HexSchema } from '@metergate/protocol'
import { z } from 'zod'
import type { StoredBatch } from './series-store.js'
import { one, type SqlTransaction } from './sql.js'

const batchRow = z.object({
  encoding: z.enum(['br', 'gzip']),
  body: z.instanceof(Uint8Array),
  sha256: sha256HexSchema,
})

/** The bytes of a batch as they came. */
export function readBytes(
  tx: SqlTransaction,
  gateway: GatewayId,
  stream: StreamId,
  number: BatchNumber,
): Promise<StoredBatch | undefined> {
  // The ledger says in which month the bytes came, so that only that one is looked into.
  const text = `SELECT b.encoding, b.body, l.sha256 FROM ledger l
                JOIN batch_bytes b ON b.gateway_id = l.gateway_id AND b.stream = l.stream AND b.number = l.number
                  AND b.received_at = l.received_at
                WHERE l.gateway_id = ? AND l.stream = ? AND l.number = ?`
  return one(tx, batchRow, text, [gateway, stream, number])
}
