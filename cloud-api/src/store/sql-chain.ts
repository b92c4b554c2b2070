import {
  batchNumberSchema,
  type ChainVerdict,
  type KnownBatch,
  type Sha256Hex,
  sha256HexSchema,
  verifyChain,
} from '@metergate/protocol'
import { z } from 'zod'
import type { BatchToCommit } from './series-store.js'
import type { SqlTransaction } from './sql.js'
import { raiseCloudEvent } from './sql-events.js'

const linkRow = z.object({
  number: batchNumberSchema,
  sha256: sha256HexSchema,
  previous: sha256HexSchema.nullable(),
  voided: sha256HexSchema.nullable(),
})
type Link = z.infer<typeof linkRow>

const known = (link: { number: number; sha256: Sha256Hex; voided: Sha256Hex | null }): KnownBatch => ({
  number: link.number,
  sha256: link.sha256,
  voided: link.voided ?? undefined,
})

/** The batches on both sides of one, as far as they are here. */
export interface Neighbours {
  readonly before: Link | undefined
  readonly after: Link | undefined
}

/**
 * Looks for the batches on both sides of a new one. Fresh batches come before the backlog, so often it is the predecessor that arrives
 * later and settles its successor.
 */
export async function neighboursOf(tx: SqlTransaction, { header }: BatchToCommit): Promise<Neighbours> {
  const text = `SELECT number, sha256, previous, voided FROM ledger
                WHERE gateway_id = ? AND stream = ? AND number IN (?, ?)`
  const links = await tx.all(linkRow, text, [header.gateway, header.stream, header.number - 1, header.number + 1])
  const at = (number: number): Link | undefined => links.find((link) => link.number === number)
  return { before: at(header.number - 1), after: at(header.number + 1) }
}

/** How the new batch stands to the one before it; its row is written with that. */
export const chainTo = ({ header }: BatchToCommit, { before }: Neighbours): ChainVerdict =>
  verifyChain(before && known(before), header)

/** After the new batch has been written with its `verdict`: settles its successor, and raises an alarm for each break. */
export async function settleChain(
  tx: SqlTransaction,
  batch: BatchToCommit,
  verdict: ChainVerdict,
  { after }: Neighbours,
): Promise<void> {
  const { header, sha256 } = batch
  if (verdict === 'broken') await raiseBreak(tx, batch, header.number)
  if (!after) return
  const self = known({ number: header.number, sha256, voided: header.void?.sha256 ?? null })
  const verdictAfter = verifyChain(self, after)
  const text = 'UPDATE ledger SET chain = ? WHERE gateway_id = ? AND stream = ? AND number = ?'
  await tx.run(text, [verdictAfter, header.gateway, header.stream, after.number])
  if (verdictAfter === 'broken') await raiseBreak(tx, batch, after.number)
}

async function raiseBreak(tx: SqlTransaction, { header, receivedAt }: BatchToCommit, number: number): Promise<void> {
  await raiseCloudEvent(tx, header.gateway, receivedAt, 'chain_broken', { stream: header.stream, number })
}
