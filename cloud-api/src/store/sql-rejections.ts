import {
  type BatchNumber,
  batchNumberSchema,
  type GatewayId,
  type RejectedRecord,
  type StreamId,
  seqSchema,
  streamIdSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import type { SqlTransaction } from './sql.js'

const row = z
  .object({ stream: streamIdSchema, number: batchNumberSchema, record: seqSchema, reason: z.string() })
  .transform((each): RejectedRecord => each)

/** What of one batch could not be interpreted. Findings without a record number stay in the table for a person. */
export function readRejections(
  tx: SqlTransaction,
  gateway: GatewayId,
  stream: StreamId,
  number: BatchNumber,
): Promise<RejectedRecord[]> {
  return tx.all(
    row,
    `SELECT stream, number, record, reason FROM rejections
     WHERE gateway_id = ? AND stream = ? AND number = ? AND record IS NOT NULL ORDER BY record`,
    [gateway, stream, number],
  )
}

/** The newest rejections of a gateway. */
export function readAllRejections(tx: SqlTransaction, gateway: GatewayId, limit: number): Promise<RejectedRecord[]> {
  return tx.all(
    row,
    `SELECT stream, number, record, reason FROM rejections WHERE gateway_id = ? AND record IS NOT NULL
     ORDER BY stream, number DESC, record LIMIT ?`,
    [gateway, limit],
  )
}
