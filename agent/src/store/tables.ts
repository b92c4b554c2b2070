import {
  type BatchNumber,
  batchNumberSchema,
  type Sha256Hex,
  type StreamId,
  type StreamKind,
  seqSchema,
  sha256HexSchema,
  streamIdSchema,
  streamKindSchema,
} from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { z } from 'zod'
import type { ChunkBytes } from './chunk.js'
import type { PendingBatch, SealedBatch } from './record-store.js'

/** What may be done with a sealed batch. On disk: never renumber. */
export const STATUS = { pending: 0, acknowledged: 1, superseded: 2, lost: 3 } as const

const bytes = z.instanceof(Uint8Array)
const flag = z.number().transform((value) => value !== 0)

const streamRow = z.object({
  id: z.number(),
  stream: streamIdSchema,
  kind: streamKindSchema,
  current: flag,
  last_seq: z.number().int().min(0),
  last_batch: z.number().int().min(0),
  last_sha256: sha256HexSchema.nullable(),
})
export type StreamRow = z.infer<typeof streamRow>

const chunkRow = z.object({
  id: z.number(),
  stream: z.number(),
  first: seqSchema,
  last: seqSchema,
  checksum: z.string(),
  body: bytes,
})
export type ChunkRow = z.infer<typeof chunkRow>
const chunkEnd = chunkRow.pick({ id: true, last: true })
const chunkSum = z.object({ rows: z.number(), records: z.number() })

/** A batch's row without its body. */
export const batchRow = z.object({
  id: z.number(),
  stream: z.number(),
  stream_id: streamIdSchema,
  kind: streamKindSchema,
  number: batchNumberSchema,
  first: seqSchema,
  last: seqSchema,
  status: z.number(),
  void: flag,
  sha256: sha256HexSchema,
  voided_sha256: sha256HexSchema.nullable(),
  previous: sha256HexSchema.nullable(),
  encoding: z.enum(['br', 'gzip']),
  size: z.number(),
  decoded_size: z.number(),
  kinds: z.number(),
  time_min: z.number(),
  time_max: z.number(),
  oldest_wall: z.number(),
  meters: z.string(),
  has_body: flag,
})
export type BatchRow = z.infer<typeof batchRow>

const pendingRow = batchRow.pick({ id: true, stream_id: true, kind: true, number: true, sha256: true, size: true })
export type PendingRow = z.infer<typeof pendingRow>

const waiting = z.object({ records: z.number(), oldest_wall: z.number().nullable() })
export type Waiting = z.infer<typeof waiting>

/** The newest batch whose row is forgotten, with the highest record number up to there. */
const chainStart = batchRow.pick({ number: true, last: true, sha256: true, voided_sha256: true })
export type ChainStart = z.infer<typeof chainStart>

const refusedRow = batchRow.pick({ sha256: true, encoding: true }).extend({ body: bytes })
export type RefusedRow = z.infer<typeof refusedRow>

/** What a query needs to know about a batch without opening it. */
export interface BatchIndex {
  readonly kinds: number
  readonly timeMin: number
  readonly timeMax: number
  readonly oldestWall: number
  readonly meters: readonly string[]
}

const FROM_BATCH = 'FROM batch JOIN stream ON stream.id = batch.stream'
const BATCH = `SELECT batch.id, batch.stream, stream.stream AS stream_id, kind, number, first, last, status, void, sha256,
  voided_sha256, previous, encoding, size, decoded_size, kinds, time_min, time_max, oldest_wall, meters, body IS NOT NULL AS has_body
  ${FROM_BATCH}`

/**
 * A condition: what of a stream waits. The plus leaves SQLite only the index of what waits to choose from: acknowledged batches are
 * hundreds of thousands in a year.
 */
export const PENDING_OF_STREAM = `+batch.stream = ? AND status = ${STATUS.pending}`

export type Slot = string | number | null | Uint8Array

/** A row that holds what the store never wrote there: the file is damaged, though SQLite has not noticed. */
export class DamagedRow extends Error {}

/** A row of the shape that was written; else the file is damaged. */
export function checked<T>(schema: z.ZodType<T>, row: unknown): T {
  const parsed = schema.safeParse(row)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new DamagedRow(`a row says ${issue?.path.join('.')}: ${issue?.message}`)
}

/** The store's SQL, and nothing else: every statement once, every row checked on its way out. */
export class Tables {
  private readonly prepared = new Map<string, Database.Statement<Slot[], unknown>>()
  /** What is unsealed by stream, added up once: the table itself is walked over for it only after opening. */
  private sums = new Map<number, { rows: number; records: number }>()

  constructor(readonly db: Database.Database) {}

  // ---- streams

  streams(): StreamRow[] {
    return this.all('SELECT * FROM stream ORDER BY id').map((row) => checked(streamRow, row))
  }

  /** Begins a stream; new numbers of its kind go there from now on. */
  addStream(kind: StreamKind, stream: StreamId): void {
    this.run('UPDATE stream SET current = 0 WHERE kind = ?', kind)
    this.run('INSERT INTO stream (stream, kind, current, last_seq, last_batch) VALUES (?, ?, 1, 0, 0)', stream, kind)
  }

  /** A stream that only has a past; returns its row id. */
  addOldStream(kind: StreamKind, stream: StreamId, lastSeq: number, lastBatch: number): number {
    this.run(
      'INSERT INTO stream (stream, kind, current, last_seq, last_batch) VALUES (?, ?, 0, ?, ?)',
      ...[stream, kind, lastSeq, lastBatch],
    )
    return this.count('SELECT id FROM stream WHERE stream = ?', stream)
  }

  raiseSeq(stream: number, lastSeq: number): void {
    this.run('UPDATE stream SET last_seq = ? WHERE id = ? AND last_seq < ?', lastSeq, stream, lastSeq)
  }

  raiseBatch(stream: number, lastBatch: number, sha256: Sha256Hex): void {
    this.run('UPDATE stream SET last_batch = ?, last_sha256 = ? WHERE id = ?', lastBatch, sha256, stream)
  }

  // ---- chunks

  addChunk(stream: number, first: number, last: number, { checksum, body }: ChunkBytes): void {
    const slots = [stream, first, last, checksum, body]
    this.run('INSERT INTO chunk (stream, first, last, checksum, body) VALUES (?, ?, ?, ?, ?)', ...slots)
    this.countUnsealed(stream, 1, last - first + 1)
  }

  /** Puts back what is left of a chunk, in its old place. */
  addChunkAs(id: number, stream: number, first: number, last: number, { checksum, body }: ChunkBytes): void {
    const slots = [id, stream, first, last, checksum, body]
    this.run('INSERT INTO chunk (id, stream, first, last, checksum, body) VALUES (?, ?, ?, ?, ?, ?)', ...slots)
    this.countUnsealed(stream, 1, last - first + 1)
  }

  /** Chunks of a stream that reach beyond the number `after`, oldest first, one at a time so that memory stays small. */
  *chunks(stream: number, after = 0): Generator<ChunkRow> {
    if (this.counted(stream).rows === 0) return
    for (let id = after === 0 ? 0 : this.chunkBefore(stream, after); ; ) {
      const row = this.get('SELECT * FROM chunk WHERE stream = ? AND id > ? ORDER BY id LIMIT 1', stream, id)
      if (row === undefined) return
      const chunk = checked(chunkRow, row)
      yield chunk
      id = chunk.id
    }
  }

  /**
   * The last chunk that ends at the number `after` or before; 0 when none does. Ids and numbers of a stream's chunks grow together,
   * so a few looks find it among the weeks that a box not yet enrolled keeps.
   */
  private chunkBefore(stream: number, after: number): number {
    let low = 0
    let high = this.count('SELECT coalesce(max(id), 0) FROM chunk')
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const row = this.get('SELECT id, last FROM chunk WHERE stream = ? AND id > ? ORDER BY id LIMIT 1', stream, middle)
      const next = checked(chunkEnd.optional(), row)
      if (next === undefined || next.last > after) high = middle
      else low = next.id
    }
    return low
  }

  deleteChunk({ id, stream, first, last }: Omit<ChunkRow, 'checksum' | 'body'>): void {
    this.run('DELETE FROM chunk WHERE id = ?', id)
    this.countUnsealed(stream, -1, first - last - 1)
  }

  /** How many records of a stream are not sealed. */
  unsealed(stream: number): number {
    return this.counted(stream).records
  }

  private counted(stream: number): { rows: number; records: number } {
    const text = 'SELECT count(*) AS rows, coalesce(sum(last - first + 1), 0) AS records FROM chunk WHERE stream = ?'
    const sum = this.sums.get(stream) ?? checked(chunkSum, this.get(text, stream))
    this.sums.set(stream, sum)
    return sum
  }

  /** A transaction was rolled back: what was counted in it does not hold. */
  forgetCounts(): void {
    this.sums.clear()
  }

  private countUnsealed(stream: number, rows: number, records: number): void {
    const sum = this.sums.get(stream)
    if (sum) this.sums.set(stream, { rows: sum.rows + rows, records: sum.records + records })
  }

  // ---- batches

  addBatch(stream: number, batch: SealedBatch, previous: Sha256Hex | null, index: BatchIndex): void {
    const { number, first, last, sha256, encoding, body, decodedSize } = batch
    const { kinds, timeMin, timeMax, oldestWall, meters } = index
    this.run(
      `INSERT INTO batch (stream, number, first, last, status, void, sha256, previous, encoding, size, decoded_size,
       kinds, time_min, time_max, oldest_wall, meters, body) VALUES (?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[stream, number, first, last, sha256, previous, encoding, body.length, decodedSize],
      ...[kinds, timeMin, timeMax, oldestWall, meters.join(' '), body],
    )
  }

  voidBatch(id: number, batch: SealedBatch, voided: Sha256Hex): void {
    const { sha256, encoding, body, decodedSize } = batch
    this.run(
      `UPDATE batch SET void = 1, voided_sha256 = ?, sha256 = ?, encoding = ?, size = ?, decoded_size = ?, body = ?
       WHERE id = ?`,
      ...[voided, sha256, encoding, body.length, decodedSize, body, id],
    )
  }

  setStatus(id: number, status: number): void {
    this.run('UPDATE batch SET status = ? WHERE id = ?', status, id)
  }

  dropBody(id: number): void {
    this.run('UPDATE batch SET body = NULL WHERE id = ?', id)
  }

  batches(where: string, order: string, limit: number, ...slots: Slot[]): BatchRow[] {
    const rows = this.all(`${BATCH} WHERE ${where} ORDER BY ${order} LIMIT ?`, ...slots, limit)
    return rows.map((row) => checked(batchRow, row))
  }

  /** What waits for its acknowledgement, in that order. */
  pending(order: 'oldest' | 'newest', limit: number): PendingRow[] {
    const rows = this.all(
      `SELECT batch.id, stream.stream AS stream_id, kind, number, sha256, size ${FROM_BATCH}
       WHERE status = ${STATUS.pending} ORDER BY batch.id${order === 'newest' ? ' DESC' : ''} LIMIT ?`,
      limit,
    )
    return rows.map((row) => checked(pendingRow, row))
  }

  /** What of a stream waits, voids not counted: how many records, and when its oldest batch began by the wall clock (null: none does). */
  waiting(stream: number): Waiting {
    // Beside min() SQLite gives the other columns of that very row (sqlite.org/lang_select.html#bareagg).
    const sql = `SELECT coalesce(sum(last - first + 1), 0) AS records, oldest_wall, min(id) FROM batch
      WHERE ${PENDING_OF_STREAM} AND void = 0`
    return checked(waiting, this.get(sql, stream))
  }

  /** The highest number of a stream that is in a batch, or was in one that is forgotten. */
  lastSealed(stream: number): number {
    const newest = this.count('SELECT coalesce(max(last), 0) FROM batch WHERE stream = ?', stream)
    return Math.max(newest, this.chainStart(stream)?.last ?? 0)
  }

  /** The lowest last number of a stream's batches that reach to that instant or beyond it; undefined when none does. */
  lastSince(stream: number, time: number): number | undefined {
    const found = this.value('SELECT min(last) FROM batch WHERE stream = ? AND time_max >= ?', stream, time)
    return checked(z.number().nullable().optional(), found) ?? undefined
  }

  /** Where a stream's chain goes on; undefined while it is here from its first batch. */
  chainStart(stream: number): ChainStart | undefined {
    return checked(chainStart.optional(), this.get('SELECT * FROM chain_start WHERE stream = ?', stream))
  }

  /** Forgets the rows of a stream's batches up to `start`, which the next one chains to. */
  forgetBatches(stream: number, start: ChainStart): void {
    const { number, last, sha256, voided_sha256 } = start
    this.run('DELETE FROM batch WHERE stream = ? AND number <= ?', stream, number)
    this.run('INSERT OR REPLACE INTO chain_start VALUES (?, ?, ?, ?, ?)', stream, number, last, sha256, voided_sha256)
  }

  batch(stream: StreamId, number: BatchNumber): BatchRow | undefined {
    return this.batches('stream.stream = ? AND number = ?', 'batch.id', 1, stream, number)[0]
  }

  body(id: number): Uint8Array | undefined {
    return checked(bytes.nullable().optional(), this.value('SELECT body FROM batch WHERE id = ?', id)) ?? undefined
  }

  // ---- set aside

  quarantine(stream: StreamId, seq: number, reason: string): void {
    this.run('INSERT OR IGNORE INTO quarantine (stream, seq, reason) VALUES (?, ?, ?)', stream, seq, reason)
  }

  keepRefused(batch: SealedBatch, reason: string): void {
    const { stream, number, sha256, encoding, body } = batch
    this.run('INSERT OR IGNORE INTO refused VALUES (?, ?, ?, ?, ?, ?)', stream, number, sha256, encoding, reason, body)
  }

  /** The bytes of a batch that was refused, as they were sealed; undefined when there is none of that number. */
  refused(stream: StreamId, number: number): RefusedRow | undefined {
    const rows = this.all('SELECT sha256, encoding, body FROM refused WHERE stream = ? AND number = ?', stream, number)
    return rows.map((row) => checked(refusedRow, row))[0]
  }

  keepDamaged(
    what: string,
    stream: StreamId,
    first: number,
    last: number,
    reason: string,
    body: Uint8Array | null,
  ): void {
    this.run(
      'INSERT INTO damaged (what, stream, first, last, reason, body) VALUES (?, ?, ?, ?, ?, ?)',
      ...[what, stream, first, last, reason, body],
    )
  }

  damagedRanges(): { stream: StreamId; first: number; last: number }[] {
    const range = z.object({ stream: streamIdSchema, first: z.number(), last: z.number() })
    return this.all('SELECT stream, first, last FROM damaged').map((row) => checked(range, row))
  }

  quarantined(): number {
    return this.count('SELECT (SELECT count(*) FROM quarantine) + (SELECT count(*) FROM damaged)')
  }

  // ---- small values

  state(key: string): string | undefined {
    return checked(z.string().optional(), this.value('SELECT value FROM state WHERE key = ?', key))
  }

  putState(key: string, value: string): void {
    this.run('INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, value)
  }

  deleteState(key: string): void {
    this.run('DELETE FROM state WHERE key = ?', key)
  }

  stateKeys(prefix: string): string[] {
    const keys = this.all('SELECT key FROM state WHERE substr(key, 1, ?) = ? ORDER BY key', prefix.length, prefix)
    return keys.map((row) => checked(z.object({ key: z.string() }), row).key)
  }

  counter(name: string): number {
    return this.count('SELECT coalesce((SELECT value FROM counter WHERE name = ?), 0)', name)
  }

  raiseCounter(name: string, by: number): void {
    this.run(
      'INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value',
      name,
      by,
    )
  }

  setCounter(name: string, value: number): void {
    this.run('INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value', name, value)
  }

  // ---- room

  pragma(name: string): number {
    return Number(this.db.pragma(name, { simple: true }))
  }

  /** Bytes of pages in use; free pages inside the file are room. */
  usedBytes(): number {
    return (this.pragma('page_count') - this.pragma('freelist_count')) * this.pragma('page_size')
  }

  count(sql: string, ...slots: Slot[]): number {
    return Number(this.value(sql, ...slots))
  }

  private value(sql: string, ...slots: Slot[]): unknown {
    const row = this.get(sql, ...slots)
    return typeof row === 'object' && row !== null ? Object.values(row)[0] : undefined
  }

  run(sql: string, ...slots: Slot[]): void {
    this.statement(sql).run(...slots)
  }

  get(sql: string, ...slots: Slot[]): unknown {
    return this.statement(sql).get(...slots)
  }

  all(sql: string, ...slots: Slot[]): unknown[] {
    return this.statement(sql).all(...slots)
  }

  private statement(sql: string): Database.Statement<Slot[], unknown> {
    const known = this.prepared.get(sql)
    if (known) return known
    const statement = this.db.prepare<Slot[], unknown>(sql)
    this.prepared.set(sql, statement)
    return statement
  }
}

export function sealedOf(row: BatchRow, body: Uint8Array): SealedBatch {
  const { kind, stream_id, number, first, last, sha256, encoding, decoded_size } = row
  return { streamKind: kind, stream: stream_id, number, first, last, sha256, encoding, body, decodedSize: decoded_size }
}

export function pendingOf({ kind, stream_id, number, sha256, size }: PendingRow): PendingBatch {
  return { streamKind: kind, stream: stream_id, number, sha256, size }
}
