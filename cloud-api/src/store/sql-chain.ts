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
import { one, type SqlTransaction } from './sql.js'
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

/**
 * Checks the chain on both sides of a new batch. Fresh batches come before the backlog, so often it is the
 * predecessor that arrives later and settles its successor.
 */
export async function verifyNeighbours(tx: SqlTransaction, batch: BatchToCommit): Promise<void> {
  const { header, sha256 } = batch
  const before = header.number > 1 ? await link(tx, batch, header.number - 1) : undefined
  await note(tx, batch, header.number, verifyChain(before && known(before), header))
  const after = await link(tx, batch, header.number + 1)
  if (!after) return
  const self = known({ number: header.number, sha256, voided: header.void?.sha256 ?? null })
  await note(tx, batch, after.number, verifyChain(self, after))
}

function link(tx: SqlTransaction, { header }: BatchToCommit, number: number): Promise<Link | undefined> {
  const text = `SELECT number, sha256, previous, voided FROM ledger
                WHERE gateway_id = ? AND stream = ? AND number = ?`
  return one(tx, linkRow, text, [header.gateway, header.stream, number])
}

async function note(tx: SqlTransaction, batch: BatchToCommit, number: number, verdict: ChainVerdict): Promise<void> {
  if (verdict === 'unknown') return
  const { gateway, stream } = batch.header
  const text = 'UPDATE ledger SET chain = ? WHERE gateway_id = ? AND stream = ? AND number = ?'
  await tx.run(text, [verdict, gateway, stream, number])
  if (verdict === 'broken') {
    await raiseCloudEvent(tx, gateway, batch.receivedAt, 'chain_broken', { stream, number })
  }
}
