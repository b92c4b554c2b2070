import type { ChainVerdict, EpochMs, GatewayId, HeartbeatRequest, RejectedRecord, Sha256Hex } from '@metergate/protocol'
import { sha256HexSchema } from '@metergate/protocol'
import { z } from 'zod'
import type { BatchContents, BatchToCommit, CommitOutcome, Ingest, Settled } from './series-store.js'
import { one, type SqlEngine, type SqlTransaction } from './sql.js'
import { chainTo, neighboursOf, settleChain } from './sql-chain.js'
import { writeContents } from './sql-contents.js'
import { findHeld, writeOrigins } from './sql-copies.js'
import { raiseCloudEvent } from './sql-events.js'
import { readRejections } from './sql-rejections.js'
import { advanceContiguous, knownStream, openStream } from './sql-streams.js'

const shaRow = z.object({ sha256: sha256HexSchema })
const enrolledRow = z.object({ gateway_id: z.string() })

/** Takes batches in: bytes, ledger row and everything understood in one transaction. */
export class SqlIngest implements Ingest {
  constructor(private readonly engine: SqlEngine) {}

  commit(batch: BatchToCommit): Promise<CommitOutcome> {
    return this.engine.write((tx) => this.commitIn(tx, batch))
  }

  private async commitIn(tx: SqlTransaction, batch: BatchToCommit): Promise<CommitOutcome> {
    const { gateway } = batch.header
    // One writer per gateway at a time: stream numbers, chain and contiguity are decided under this lock.
    const lock = `SELECT gateway_id FROM gateways WHERE gateway_id = ? AND revoked_at IS NULL${this.engine.forUpdate}`
    if (!(await one(tx, enrolledRow, lock, [gateway]))) return { kind: 'not_enrolled' }
    const stream = await openStream(tx, gateway, batch.header.stream, batch.header.stream_kind)
    const held = await heldHash(tx, batch)
    if (held) return decideHeld(tx, batch, held)
    const { copies, rival } = await findHeld(tx, batch)
    // Filed under the same record numbers one of the two would hide the other; in a new stream both have room.
    if (rival) return refuse(tx, batch, rival)
    const contents = batch.contentsWithout(copies)
    const neighbours = await neighboursOf(tx, batch)
    const chain = chainTo(batch, neighbours)
    await insertLedgerRow(tx, batch, copies.size, chain)
    await insertBytes(tx, batch)
    await writeOrigins(tx, batch.header)
    await writeContents(tx, { header: batch.header, receivedAt: batch.receivedAt, contents }, stream.ordinal)
    await settleChain(tx, batch, chain, neighbours)
    await advanceNamed(tx, batch, contents)
    const contiguous = await advanceContiguous(tx, gateway, batch.header.stream, stream.contiguous)
    const rejections = contents.rejected.length
    return { kind: 'committed', rejections, contiguous, rejected: rejections > 0 ? await rejectedOf(tx, batch) : [] }
  }

  async heartbeat(gateway: GatewayId, body: HeartbeatRequest, at: EpochMs): Promise<void> {
    await this.engine.write((tx) =>
      tx.run(
        `INSERT INTO heartbeats (gateway_id, at_ms, body) VALUES (?, ?, ?)
         ON CONFLICT (gateway_id) DO UPDATE SET at_ms = excluded.at_ms, body = excluded.body`,
        [gateway, at, JSON.stringify(body)],
      ),
    )
  }
}

/** The hash stored under the batch's number, if the number is taken. */
async function heldHash(tx: SqlTransaction, { header }: BatchToCommit): Promise<Sha256Hex | undefined> {
  const text = 'SELECT sha256 FROM ledger WHERE gateway_id = ? AND stream = ? AND number = ?'
  return (await one(tx, shaRow, text, [header.gateway, header.stream, header.number]))?.sha256
}

async function insertLedgerRow(
  tx: SqlTransaction,
  { header, sha256, receivedAt }: BatchToCommit,
  copies: number,
  chain: ChainVerdict,
): Promise<void> {
  const records = header.void ? 0 : header.last - header.first + 1
  await tx.run(
    `INSERT INTO ledger (gateway_id, stream, number, sha256, previous, voided, first_record, last_record, records,
       copies, chain, software, config, received_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      header.gateway,
      header.stream,
      header.number,
      sha256,
      header.previous,
      header.void?.sha256 ?? null,
      header.first,
      header.last,
      records,
      copies,
      chain,
      header.software,
      header.config,
      receivedAt,
    ],
  )
}

async function insertBytes(
  tx: SqlTransaction,
  { header, encoding, decodedSize, body, receivedAt }: BatchToCommit,
): Promise<void> {
  await tx.run(
    `INSERT INTO batch_bytes (gateway_id, stream, number, received_at, encoding, decoded_size, body)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    [header.gateway, header.stream, header.number, receivedAt, encoding, decodedSize, body],
  )
}

/** The number is taken: by the same bytes (acknowledged again) or by others (both kept, alarm). */
async function decideHeld(tx: SqlTransaction, batch: BatchToCommit, held: Sha256Hex): Promise<CommitOutcome> {
  const { gateway, stream } = batch.header
  if (held === batch.sha256) {
    const count = 'UPDATE streams SET duplicates = duplicates + 1 WHERE gateway_id = ? AND stream = ?'
    await tx.run(count, [gateway, stream])
    return { kind: 'again', ...(await settled(tx, batch)) }
  }
  return refuse(tx, batch, held)
}

/** Keeps the bytes beside those that hold its number, or numbers of its records, and raises an alarm. */
async function refuse(tx: SqlTransaction, batch: BatchToCommit, held: Sha256Hex): Promise<CommitOutcome> {
  const { gateway, stream, number } = batch.header
  const added = await tx.run(
    `INSERT INTO conflicts (gateway_id, stream, number, sha256, encoding, body, received_at)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    [gateway, stream, number, batch.sha256, batch.encoding, batch.body, batch.receivedAt],
  )
  if (added > 0) {
    const facts = { stream, number, held, came: batch.sha256 }
    await raiseCloudEvent(tx, gateway, batch.receivedAt, 'batch_conflict', facts)
  }
  return { kind: 'conflict', held }
}

/** A gap record settles numbers of another stream, too. */
async function advanceNamed(tx: SqlTransaction, { header }: BatchToCommit, { gaps }: BatchContents): Promise<void> {
  const named = new Set(gaps.map(({ record }) => record.stream))
  named.delete(header.stream)
  for (const stream of named) {
    const known = await knownStream(tx, header.gateway, stream)
    if (known) await advanceContiguous(tx, header.gateway, stream, known.contiguous)
  }
}

const rejectedOf = (tx: SqlTransaction, { header }: BatchToCommit): Promise<RejectedRecord[]> =>
  readRejections(tx, header.gateway, header.stream, header.number)

async function settled(tx: SqlTransaction, batch: BatchToCommit): Promise<Settled> {
  const known = await knownStream(tx, batch.header.gateway, batch.header.stream)
  return { contiguous: known?.contiguous ?? 0, rejected: await rejectedOf(tx, batch) }
}
