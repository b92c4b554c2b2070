import type { BatchHeader } from '@metergate/protocol'
import { z } from 'zod'
import type { NumberRange } from './number-ranges.js'
import { sqliteCode } from './open-database.js'
import { type BatchIndex, batchRow, type ChainStart, checked, DamagedRow, STATUS, type Tables } from './tables.js'

/** The SQL of a start that looks for decay: what rows and indexes say of each other, and rows written anew. */

/** Record numbers of the rows beside one; undefined where there is none. */
export interface Neighbours {
  readonly before: number | undefined
  readonly after: number | undefined
}

const neighbours = z.object({ before: z.number().nullable(), after: z.number().nullable() })
const batchId = batchRow.pick({ id: true })
const ends = batchRow.pick({ first: true, last: true })

/** Batches and chunks whose stream is not there. */
export function orphans(tables: Tables): number {
  const among = 'NOT INDEXED WHERE stream NOT IN (SELECT id FROM stream)'
  return tables.count(`SELECT (SELECT count(*) FROM batch ${among}) + (SELECT count(*) FROM chunk ${among})`)
}

/** A stream's newest batch, here or forgotten. */
export function newestBatch(tables: Tables, stream: number): ChainStart | undefined {
  return tables.batches('batch.stream = ?', 'number DESC', 1, stream)[0] ?? tables.chainStart(stream)
}

/** The highest number of a stream in a batch, also a forgotten one, or in a chunk. */
export function lastHeld(tables: Tables, stream: number): number {
  const unsealed = tables.count('SELECT coalesce(max(last), 0) FROM chunk WHERE stream = ?', stream)
  return Math.max(tables.lastSealed(stream), unsealed)
}

/** Last number of the row before, first number of the one after: of batches by number, of chunks by row id. */
export function neighboursOf(tables: Tables, table: 'batch' | 'chunk', stream: number, at: number): Neighbours {
  const key = table === 'batch' ? 'number' : 'id'
  const before = `SELECT last FROM ${table} WHERE stream = ? AND ${key} < ? ORDER BY ${key} DESC LIMIT 1`
  const after = `SELECT first FROM ${table} WHERE stream = ? AND ${key} > ? ORDER BY ${key} LIMIT 1`
  const row = tables.get(`SELECT (${before}) AS before, (${after}) AS after`, stream, at, stream, at)
  const found = checked(neighbours, row)
  return { before: found.before ?? undefined, after: found.after ?? undefined }
}

/**
 * Numbers that rows of a stream hold, of those that reach into a range, in the order of their beginnings; batches in whose place others
 * stand do not count.
 */
export function heldWithin(
  tables: Tables,
  stream: number,
  exceptBatch: number,
  from: number,
  to: number,
): readonly NumberRange[] {
  const sql = `SELECT first, last FROM batch WHERE stream = ? AND id <> ? AND last >= ? AND first <= ? AND (void = 0 OR first = last)
    UNION ALL SELECT first, last FROM chunk WHERE stream = ? AND last >= ? AND first <= ? ORDER BY first`
  return tables.all(sql, stream, exceptBatch, from, to, stream, from, to).map((row) => {
    const { first, last } = checked(ends, row)
    return [first, last]
  })
}

/**
 * The index of what waits is a second word on each row's status. Where they differ the batch waits if its bytes are there, for sent
 * twice is harmless: an entry that decayed may name any batch, also one long evicted. All indexes are then made anew. Throws a
 * {@link DamagedRow} when two rows claim one place. Returns how many rows it was.
 */
export function mendIndexes(tables: Tables): number {
  const indexed = `SELECT id FROM batch INDEXED BY batch_pending WHERE status = ${STATUS.pending}`
  const inRows = `SELECT id FROM batch NOT INDEXED WHERE status = ${STATUS.pending}`
  const onlyIndexed = tables.all(`${indexed} EXCEPT ${inRows}`).map((row) => checked(batchId, row).id)
  const onlyInRows = tables.count(`SELECT count(*) FROM (${inRows} EXCEPT ${indexed})`)
  reindex(tables)
  const wait = `UPDATE batch SET status = ${STATUS.pending} WHERE id = ? AND body IS NOT NULL`
  for (const id of onlyIndexed) tables.run(wait, id)
  return onlyIndexed.length + onlyInRows
}

/** Makes the indexes anew from the rows. */
export function reindex(tables: Tables): void {
  try {
    tables.run('REINDEX')
  } catch (error) {
    throw sqliteCode(error).startsWith('SQLITE_CONSTRAINT') ? new DamagedRow(String(error)) : error
  }
}

/** A batch with bytes that is neither sent nor waiting nor left behind with its stream says what nobody wrote: it waits. */
export function mendStatus(tables: Tables): number {
  const sent = `status IN (${STATUS.pending}, ${STATUS.acknowledged})`
  const left = `status = ${STATUS.superseded} AND stream IN (SELECT id FROM stream WHERE current = 0)`
  const sql = `SELECT id FROM batch NOT INDEXED WHERE NOT (${sent}) AND NOT (${left}) AND body IS NOT NULL`
  const ids = tables.all(sql).map((row) => checked(batchId, row).id)
  for (const id of ids) tables.setStatus(id, STATUS.pending)
  return ids.length
}

/** What a row says of its batch, from the batch's own header. */
export function rewriteBatch(
  tables: Tables,
  id: number,
  header: BatchHeader,
  { size, decodedSize }: { readonly size: number; readonly decodedSize: number },
): void {
  tables.run(
    'UPDATE batch SET first = ?, last = ?, previous = ?, void = ?, size = ?, decoded_size = ? WHERE id = ?',
    ...[header.first, header.last, header.previous, header.void ? 1 : 0, size, decodedSize, id],
  )
}

/** What a query needs to know of a batch, from its records. */
export function rewriteIndex(tables: Tables, id: number, index: BatchIndex): void {
  const { kinds, timeMin, timeMax, oldestWall, meters } = index
  tables.run(
    'UPDATE batch SET kinds = ?, time_min = ?, time_max = ?, oldest_wall = ?, meters = ? WHERE id = ?',
    ...[kinds, timeMin, timeMax, oldestWall, meters.join(' '), id],
  )
}

export function setBatchEnds(tables: Tables, id: number, first: number, last: number): void {
  tables.run('UPDATE batch SET first = ?, last = ? WHERE id = ?', first, last, id)
}

export function setChunkEnds(tables: Tables, id: number, first: number, last: number): void {
  tables.run('UPDATE chunk SET first = ?, last = ? WHERE id = ?', first, last, id)
  tables.forgetCounts()
}
