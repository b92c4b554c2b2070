import type { EpochMs, GatewayId, HeartbeatRequest, OriginRun, Sha256Hex, StreamId } from '@metergate/protocol'
import { sha256HexSchema } from '@metergate/protocol'
import { z } from 'zod'
import type { BatchToCommit, CommitOutcome, Ingest, Settled } from './series-store.js'
import { one, type SqlEngine, type SqlTransaction } from './sql.js'
import { verifyNeighbours } from './sql-chain.js'
import { writeContents } from './sql-contents.js'
import { heldCopies } from './sql-copies.js'
import { raiseCloudEvent } from './sql-events.js'
import { readRejections } from './sql-rejections.js'
import { advanceContiguous, openStream } from './sql-streams.js'

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
    const ordinal = await openStream(tx, gateway, batch.header.stream, batch.header.stream_kind)
    if (!(await insertLedgerRow(tx, batch))) return decideHeld(tx, batch)
    await insertBytes(tx, batch)
    await writeContents(tx, batch, ordinal)
    await verifyNeighbours(tx, batch)
    for (const stream of touchedStreams(batch)) await advanceContiguous(tx, gateway, stream)
    return { kind: 'committed', ...(await settled(tx, batch)) }
  }

  heldCopies(gateway: GatewayId, runs: readonly OriginRun[]): Promise<ReadonlySet<number>> {
    return this.engine.read((tx) => heldCopies(tx, gateway, runs))
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

/** The row count decides whether the batch is new; true when it is. */
async function insertLedgerRow(
  tx: SqlTransaction,
  { header, sha256, receivedAt, copies }: BatchToCommit,
): Promise<boolean> {
  const records = header.void ? 0 : header.last - header.first + 1
  const added = await tx.run(
    `INSERT INTO ledger (gateway_id, stream, number, sha256, previous, voided, first_record, last_record, records,
       copies, chain, software, config, received_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'unknown', ?, ?, ?) ON CONFLICT DO NOTHING`,
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
      header.software,
      header.config,
      receivedAt,
    ],
  )
  return added === 1
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
async function decideHeld(tx: SqlTransaction, batch: BatchToCommit): Promise<CommitOutcome> {
  const { gateway, stream, number } = batch.header
  const text = 'SELECT sha256 FROM ledger WHERE gateway_id = ? AND stream = ? AND number = ?'
  const held = await one(tx, shaRow, text, [gateway, stream, number])
  if (held?.sha256 === batch.sha256) {
    const count = 'UPDATE streams SET duplicates = duplicates + 1 WHERE gateway_id = ? AND stream = ?'
    await tx.run(count, [gateway, stream])
    return { kind: 'again', ...(await settled(tx, batch)) }
  }
  const heldHash: Sha256Hex = held?.sha256 ?? batch.sha256
  const added = await tx.run(
    `INSERT INTO conflicts (gateway_id, stream, number, sha256, encoding, body, received_at)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    [gateway, stream, number, batch.sha256, batch.encoding, batch.body, batch.receivedAt],
  )
  if (added > 0) {
    const facts = { stream, number, held: heldHash, came: batch.sha256 }
    await raiseCloudEvent(tx, gateway, batch.receivedAt, 'batch_conflict', facts)
  }
  return { kind: 'conflict', held: heldHash }
}

/** A gap record settles numbers of another stream, too. */
function touchedStreams({ header, contents }: BatchToCommit): ReadonlySet<StreamId> {
  return new Set([header.stream, ...contents.gaps.map(({ record }) => record.stream)])
}

const contiguousRow = z.object({ contiguous: z.number() })

async function settled(tx: SqlTransaction, { header }: BatchToCommit): Promise<Settled> {
  const { gateway, stream, number } = header
  const text = 'SELECT contiguous FROM streams WHERE gateway_id = ? AND stream = ?'
  const row = await one(tx, contiguousRow, text, [gateway, stream])
  return { contiguous: row?.contiguous ?? 0, rejected: await readRejections(tx, gateway, stream, number) }
}
