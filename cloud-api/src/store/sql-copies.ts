import {
  type BatchHeader,
  batchNumberSchema,
  type OriginRun,
  type Sha256Hex,
  sha256HexSchema,
  streamIdSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import type { BatchToCommit } from './series-store.js'
import { insertRows, type SqlTransaction } from './sql.js'
import { HeldBatches } from './sql-held.js'

/** Records `first`..`last` of the asked stream are in batch `number` of `stream`; `sha256` when they are at home there. */
const rangeRow = z.object({
  first: z.number(),
  last: z.number(),
  stream: streamIdSchema,
  number: batchNumberSchema,
  sha256: sha256HexSchema.nullable(),
})

/** What of a new batch is here already. */
export interface Held {
  /** Numbers of the batch whose record is here. */
  readonly copies: ReadonlySet<number>
  /** A batch of the same stream that has another record under one of these numbers. */
  readonly rival: Sha256Hex | undefined
}

/**
 * Finds records of the batch that are here already, so that nothing is counted twice. A record may come under several
 * numbers: after a conflict a gateway goes on in a new stream and copies what was not acknowledged, and after a refusal on
 * the way it cuts up a batch. Whichever comes first counts; requests are repeated and overtake one another, so each is looked for in both
 * directions. To be called in the transaction that writes the batch, before it is written, under the gateway's lock: else
 * two at once would both find nothing.
 *
 * An equal number is not enough: a box that went on from an older copy of its store gives numbers out again. So where a
 * number is held the records are compared, and only an equal one is a copy (decision 13).
 */
export async function findHeld(tx: SqlTransaction, batch: BatchToCommit): Promise<Held> {
  const { header } = batch
  const copies = new Set<number>()
  let rival: Sha256Hex | undefined
  const held = new HeldBatches(tx, batch)
  for (const run of mayBeHeld(header)) {
    for (const range of await heldRanges(tx, header, run)) {
      const to = Math.min(range.last, run.was + run.count - 1)
      for (let record = Math.max(range.first, run.was); record <= to; record += 1) {
        const seq = run.first + record - run.was
        if (copies.has(seq)) continue
        const verdict = await held.compare(seq, range, { stream: run.stream, record })
        if (verdict === 'same') copies.add(seq)
        else if (verdict === 'other' && run.stream === header.stream) rival ??= range.sha256 ?? undefined
      }
    }
  }
  return { copies, rival }
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
    `SELECT first_record AS first, last_record AS last, stream, number, sha256 FROM ledger
     WHERE gateway_id = ? AND stream = ? AND voided IS NULL AND last_record >= ? AND first_record < ?
     UNION ALL
     SELECT first_record AS first, last_record AS last, copy_stream AS stream, copy_number AS number, NULL AS sha256
     FROM copy_origins WHERE gateway_id = ? AND stream = ? AND last_record >= ? AND first_record < ?`,
    [...run, ...run],
  )
}
