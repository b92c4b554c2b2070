import type { BatchHeader, OriginRun } from '@metergate/protocol'
import { z } from 'zod'
import { insertRows, type SqlTransaction } from './sql.js'

/** Records `first`..`last` of a stream that are here. */
const rangeRow = z.object({ first: z.number(), last: z.number() })

/**
 * Numbers of the batch whose record is here already, so that nothing is counted twice. A record may come under several
 * numbers: after a conflict a gateway goes on in a new stream and copies what was not acknowledged, and after a refusal on
 * the way it cuts up a batch. Whichever comes first counts; requests are repeated and overtake one another, so each is looked for in both
 * directions. To be called in the transaction that writes the batch, before it is written, under the gateway's lock: else
 * two at once would both find nothing.
 */
export async function heldCopies(tx: SqlTransaction, header: BatchHeader): Promise<ReadonlySet<number>> {
  const copies = new Set<number>()
  for (const run of mayBeHeld(header)) {
    for (const range of await heldRanges(tx, header, run)) {
      const from = Math.max(range.first, run.was)
      const to = Math.min(range.last, run.was + run.count - 1)
      for (let origin = from; origin <= to; origin += 1) copies.add(run.first + origin - run.was)
    }
  }
  return copies
}

/** Remembers where the records of a batch were before, for originals that come after their copies. */
export async function writeOrigins(tx: SqlTransaction, header: BatchHeader): Promise<void> {
  if (header.void || !header.origin) return
  const { gateway, stream, number } = header
  const rows = header.origin.map((run) => [gateway, run.stream, run.was, run.was + run.count - 1, stream, number])
  const head = 'INSERT INTO copy_origins (gateway_id, stream, first_record, last_record, copy_stream, copy_number)'
  await insertRows(tx, head, rows, 'ON CONFLICT DO NOTHING')
}

/** The numbers records of this batch may be known by: where they were before, and their own. */
function mayBeHeld({ first, last, stream, origin = [], void: voided }: BatchHeader): readonly OriginRun[] {
  return voided ? [] : [...origin, { first, count: last - first + 1, stream, was: first }]
}

/** What is here of a run: as its original, or as a copy of it that came first. */
function heldRanges(tx: SqlTransaction, { gateway }: BatchHeader, { stream, was, count }: OriginRun) {
  const run = [gateway, stream, was, was + count]
  return tx.all(
    rangeRow,
    `SELECT first_record AS first, last_record AS last FROM ledger
     WHERE gateway_id = ? AND stream = ? AND voided IS NULL AND last_record >= ? AND first_record < ?
     UNION ALL
     SELECT first_record AS first, last_record AS last FROM copy_origins
     WHERE gateway_id = ? AND stream = ? AND last_record >= ? AND first_record < ?`,
    [...run, ...run],
  )
}
