import type { GatewayId, OriginRun } from '@metergate/protocol'
import { z } from 'zod'
import type { SqlTransaction } from './sql.js'

const rangeRow = z.object({ first: z.number(), last: z.number() })

/**
 * After a conflict a gateway goes on in a new stream and copies what was not acknowledged. Where only the answer was
 * lost, the originals are here: the copies' own numbers are returned, so that nothing is counted twice.
 */
export async function heldCopies(
  tx: SqlTransaction,
  gateway: GatewayId,
  runs: readonly OriginRun[],
): Promise<ReadonlySet<number>> {
  const copies = new Set<number>()
  for (const { first, count, stream, was } of runs) {
    const held = await tx.all(
      rangeRow,
      `SELECT first_record AS first, last_record AS last FROM ledger
       WHERE gateway_id = ? AND stream = ? AND voided IS NULL AND last_record >= ? AND first_record < ?`,
      [gateway, stream, was, was + count],
    )
    for (const range of held) {
      const from = Math.max(range.first, was)
      const to = Math.min(range.last, was + count - 1)
      for (let origin = from; origin <= to; origin += 1) copies.add(first + origin - was)
    }
  }
  return copies
}
