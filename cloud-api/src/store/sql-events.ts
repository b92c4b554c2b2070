import type { EpochMs, EventRecord, GatewayId } from '@metergate/protocol'
import type { SqlTransaction } from './sql.js'

/** The stream name under which the server files its own events. */
export const CLOUD_STREAM = 'cloud'

/** Files an alarm of the server beside the gateway's own events. */
export async function raiseCloudEvent(
  tx: SqlTransaction,
  gateway: GatewayId,
  at: EpochMs,
  code: string,
  facts: EventRecord['facts'],
): Promise<void> {
  await tx.run(
    `INSERT INTO events (gateway_id, stream, record, at_ms, body)
     VALUES (?, ?, (SELECT COALESCE(MAX(record), 0) + 1 FROM events WHERE gateway_id = ? AND stream = ?), ?, ?)`,
    [gateway, CLOUD_STREAM, gateway, CLOUD_STREAM, at, JSON.stringify({ code, facts, clock: 'S' })],
  )
}
