import type { GapRecord, Stamp, StreamId, StreamKind } from '@metergate/protocol'
import { decodeChunk, peekChunk } from './chunk.js'
import { gapOf, type LostRun, writeNow } from './commit-plan.js'
import { openSealed } from './open-sealed.js'
import type { RecordPlace } from './record-store.js'
import { bodyFault } from './sealing.js'
import { type BatchRow, type ChunkRow, STATUS, sealedOf, type Tables } from './tables.js'

/** The counter of records whose loss a gap record names. */
export const EVICTED = 'evicted_records'

/** How many batches one eviction takes at most, so that its transaction stays small. */
const SLICE = 64

/** Something that may go: a batch's body, or a chunk. `gap`: its records are nowhere else, so a gap record names them. */
interface Victim {
  readonly lost: LostRun
  readonly size: number
  readonly gap: boolean
  readonly batch?: number
  /** What a gap record must name beside the victim's own numbers. */
  contents?(): Contents
  drop(): void
}

interface Contents {
  /** Where its records were before the stream was left for this one: they were promised under those numbers. */
  readonly copies: readonly LostRun[]
  /** Losses that only its records name: what was named stays named, whatever else is given up. */
  readonly named: readonly GapRecord[]
}
const NOTHING: Contents = { copies: [], named: [] }

/**
 * Makes at least `wanted` bytes of room inside the file, or as much as one slice gives: acknowledged detail batches
 * oldest first, then unacknowledged detail with a gap record, then the ledger likewise. The rows keep their place in
 * the chain, until all before them are gone as well. To be called inside a transaction; returns the bytes freed, 0 when
 * nothing is left to give.
 */
export function evictSlice(
  tables: Tables,
  wanted: number,
  reason: GapRecord['reason'],
  acknowledgedOnly: boolean,
  stamp: Stamp,
): number {
  const victims = firstClass(tables, acknowledgedOnly)
  let freed = 0
  const gaps: NamedLoss[] = []
  const carried: GapRecord[] = []
  for (const victim of victims) {
    if (freed >= wanted) break
    const { copies, named } = victim.contents?.() ?? NOTHING
    carried.push(...named)
    victim.drop()
    freed += victim.size
    if (!victim.gap) continue
    name(gaps, victim.lost, victim.batch)
    for (const lost of copies) name(gaps, lost, undefined)
    tables.raiseCounter(EVICTED, victim.lost.last - victim.lost.first + 1)
  }
  const records = [...joined(carried, stamp), ...gaps.map(({ lost, batches }) => gapOf(lost, reason, stamp, batches))]
  writeNow(
    tables,
    records.map((record) => ({ kind: 'ledger' as const, record })),
    stamp,
  )
  for (const { id } of tables.streams()) forgetOldest(tables, id)
  return freed
}

interface NamedLoss {
  readonly lost: LostRun
  readonly batches: [number, number] | undefined
}

/** Adds a loss, to the run of its stream that it continues if there is one. */
function name(gaps: NamedLoss[], lost: LostRun, batch: number | undefined): void {
  const open = gaps.findLast((each) => each.lost.stream === lost.stream)
  const follows = open && open.lost.last + 1 === lost.first && (open.batches === undefined) === (batch === undefined)
  if (!follows) {
    gaps.push({ lost: { ...lost }, batches: batch === undefined ? undefined : [batch, batch] })
    return
  }
  open.lost.last = lost.last
  if (open.batches && batch !== undefined) open.batches[1] = batch
}

/**
 * Forgets a stream's oldest batches once their bytes are gone, because the rows alone would fill the disk in some years. Only from the
 * beginning: what remains is chained without a hole to the hash that is kept of the last one forgotten.
 */
function forgetOldest(tables: Tables, stream: number): void {
  const oldest = tables.batches('batch.stream = ?', 'number', 2 * SLICE, stream)
  const held = oldest.findIndex(({ has_body, status }) => has_body || status === STATUS.pending)
  const gone = held < 0 ? oldest : oldest.slice(0, held)
  const end = gone.at(-1)
  if (!end) return
  const before = tables.chainStart(stream)?.last ?? end.last
  const last = gone.reduce((most, each) => (each.last > most ? each.last : most), before)
  tables.forgetBatches(stream, { ...end, last })
}

function firstClass(tables: Tables, acknowledgedOnly: boolean): readonly Victim[] {
  for (const victims of victimClasses(tables, acknowledgedOnly)) if (victims.length > 0) return victims
  return []
}

function* victimClasses(tables: Tables, acknowledgedOnly: boolean): Generator<readonly Victim[]> {
  for (const kind of ['detail', 'ledger'] as const) {
    yield batchVictims(tables, kind, `status IN (${STATUS.acknowledged}, ${STATUS.superseded})`, false)
    if (acknowledgedOnly) continue
    yield batchVictims(tables, kind, `status = ${STATUS.pending} AND void = 0`, true)
    yield chunkVictims(tables, kind)
  }
}

function batchVictims(tables: Tables, kind: StreamKind, where: string, gap: boolean): readonly Victim[] {
  const rows = tables.batches(`kind = ? AND body IS NOT NULL AND ${where}`, 'batch.id', SLICE, kind)
  // Gap records are in the ledger, and only a stream that followed another holds copies: else no body need be opened.
  const tells = gap && (kind === 'ledger' || tables.streams().some(({ current }) => !current))
  return rows.map((row) => ({
    lost: lostOf(row),
    size: row.size,
    gap,
    batch: row.number,
    ...(tells ? { contents: () => contentsOf(tables, row) } : {}),
    drop: () => {
      tables.dropBody(row.id)
      if (gap) tables.setStatus(row.id, STATUS.lost)
    },
  }))
}

function contentsOf(tables: Tables, row: BatchRow): Contents {
  const body = tables.body(row.id)
  if (!body || bodyFault(row, body) !== undefined) return NOTHING
  const { header, records } = openSealed(sealedOf(row, body))
  return {
    copies: (header.origin ?? []).map(({ stream, was, count }) => runOf(stream, row.kind, was, count)),
    named: records.flatMap(({ record }) => (record.kind === 'gap' ? [record] : [])),
  }
}

const runOf = (stream: StreamId, kind: StreamKind, first: number, count: number): LostRun => ({
  stream,
  kind,
  first,
  last: first + count - 1,
})

/** The same losses in as few records as can be: on a disk that stays full, slice follows slice. */
function joined(gaps: readonly GapRecord[], stamp: Stamp): readonly GapRecord[] {
  const runs: GapRecord[] = []
  for (const gap of gaps) {
    const at = runs.findLastIndex((each) => each.stream === gap.stream)
    const before = runs[at]
    const follows = before?.reason === gap.reason && before.last + 1 === gap.first && sameBatches(before, gap)
    if (before && follows) runs[at] = { ...before, last: gap.last, ...lastBatchOf(gap) }
    else runs.push({ ...gap, stamp })
  }
  return runs
}

/** Both of sealed batches, one after the other, or both of records never sealed. */
const sameBatches = (before: GapRecord, { first_batch }: GapRecord): boolean =>
  before.last_batch === undefined ? first_batch === undefined : before.last_batch + 1 === first_batch
const lastBatchOf = ({ last_batch }: GapRecord) => (last_batch === undefined ? {} : { last_batch })

const lostOf = ({ stream_id, kind, first, last }: BatchRow): LostRun => ({ stream: stream_id, kind, first, last })

/**
 * Unsealed records. On a box that is not enrolled there is nothing else, so those of the ledger may go as well: the gap records in
 * them are carried on, and rows of gap records alone stay.
 */
function chunkVictims(tables: Tables, kind: StreamKind): readonly Victim[] {
  const victims: Victim[] = []
  for (const stream of tables.streams().filter((each) => each.kind === kind)) {
    for (const row of tables.chunks(stream.id)) {
      const contents = chunkContents(row, kind)
      if (!contents) continue
      const lost = { stream: stream.stream, kind, first: row.first, last: row.last }
      victims.push({ lost, size: row.body.length, gap: true, contents, drop: () => tables.deleteChunk(row) })
      if (victims.length >= SLICE) return victims
    }
  }
  return victims
}

/** Undefined for a row that must stay. */
function chunkContents(row: ChunkRow, kind: StreamKind): (() => Contents) | undefined {
  const copiesOf = (origin: RecordPlace | undefined) =>
    origin ? [runOf(origin.stream, kind, origin.seq, row.last - row.first + 1)] : []
  if (kind === 'detail') return () => ({ ...NOTHING, copies: copiesOf(peekChunk(row)?.head.origin) })
  const chunk = decodeChunk(row)
  if (!chunk.ok) return undefined
  const named = chunk.value.rows.flatMap(({ record }) => (record.kind === 'gap' ? [record] : []))
  if (named.length === chunk.value.rows.length) return undefined
  return () => ({ copies: copiesOf(chunk.value.head.origin), named })
}
