import { decodeBatch, type OriginRun, type StreamId } from '@metergate/protocol'
import { decodeChunk } from './chunk.js'
import { decompress } from './compression.js'
import { queryRecords } from './history.js'
import { rowAgrees } from './row-agrees.js'
import { sealedBytes } from './sealing.js'
import { type BatchRow, type ChainStart, STATUS, type StreamRow, type Tables } from './tables.js'

/** What can be wrong with a batch, a row of unsealed records, or a stream's own marks. */
export const FINDING_KINDS = [
  'changed',
  'contradicts_itself',
  'bytes_removed',
  'removed',
  'inserted',
  'reordered',
  'unchained',
  'records_missing',
  'end_removed',
  'turned_back',
] as const
export type FindingKind = (typeof FINDING_KINDS)[number]

/** Something in the store that is not as it was written. */
export interface Finding {
  readonly stream: StreamId
  readonly what: 'batch' | 'row' | 'stream'
  readonly kind: FindingKind
  /** Batch number, or the record's number for rows and streams; `last` is the last one concerned. */
  readonly number: number
  readonly last: number
  /** The first record concerned. */
  readonly first: number
}

/** How much was looked at, and what was found, in the order of each stream's numbers: the first is where it begins. */
export interface Verdict {
  readonly batches: number
  readonly rows: number
  readonly findings: readonly Finding[]
}

/**
 * Walks over the whole store and names whatever was changed, removed, inserted or reordered: each body against its
 * hash, each header against its row and its predecessor, each number against the one before it. Reads only.
 * Unsealed rows carry a checksum against decay; it is the chain and the cloud's receipt that bind a person with root.
 */
export function verifyStore(tables: Tables): Verdict {
  const steps = verifySteps(tables)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** The same in steps of a batch or a row each, for whoever has other work meanwhile. */
export function* verifySteps(tables: Tables): Generator<void, Verdict> {
  const settled = yield* settledRanges(tables)
  const walks: Verdict[] = []
  for (const each of tables.streams())
    walks.push(yield* new StreamWalk(tables, each, settled.get(each.stream) ?? []).run())
  return {
    batches: walks.reduce((sum, each) => sum + each.batches, 0),
    rows: walks.reduce((sum, each) => sum + each.rows, 0),
    findings: walks.flatMap((each) => each.findings),
  }
}

class StreamWalk {
  private readonly findings: Finding[] = []
  private batches = 0
  private rows = 0
  private next = 1
  private lastId = 0

  constructor(
    private readonly tables: Tables,
    private readonly stream: StreamRow,
    private readonly settled: readonly Range[],
  ) {}

  *run(): Generator<void, Verdict> {
    yield* this.walkBatches()
    yield* this.walkRows()
    const { last_seq } = this.stream
    if (this.next <= last_seq && !this.isSettled(this.next, last_seq))
      this.report('row', 'end_removed', this.next, last_seq)
    if (this.next > last_seq + 1) this.report('stream', 'turned_back', last_seq, this.next - 1)
    return { batches: this.batches, rows: this.rows, findings: this.findings }
  }

  private *walkBatches(): Generator<void> {
    const start = this.tables.chainStart(this.stream.id)
    let before: ChainStart | undefined = start
    let expected = (start?.number ?? 0) + 1
    this.next = (start?.last ?? 0) + 1
    for (const row of batchesOf(this.tables, this.stream.id)) {
      const named = row.first > this.next && this.isSettled(this.next, row.first - 1)
      if (row.number > expected && !named) this.report('batch', 'removed', expected, row.number - 1)
      if (row.number < expected) this.reportBatch('inserted', row)
      this.look(row, before)
      expected = row.number + 1
      before = row
      yield
    }
    const { last_batch, last_sha256 } = this.stream
    if (expected <= last_batch) this.report('batch', 'removed', expected, last_batch)
    else if (before && last_sha256 !== null && last_sha256 !== before.sha256 && last_sha256 !== before.voided_sha256)
      this.report('batch', 'changed', before.number, before.number)
  }

  private look(row: BatchRow, before: ChainStart | undefined): void {
    this.batches += 1
    if (row.id <= this.lastId) this.reportBatch('reordered', row)
    this.lastId = row.id
    const body = this.tables.body(row.id)
    if (!body && row.status === STATUS.pending) this.reportBatch('bytes_removed', row)
    const bytes = body && sealedBytes(row, body)
    if (bytes && !bytes.ok) this.reportBatch('changed', row)
    else if (body && bytes && !rowAgrees(row, body, bytes.value)) this.reportBatch('contradicts_itself', row)
    const chained = row.previous === null ? row.number === 1 : row.number > 1
    const broken =
      before &&
      before.number === row.number - 1 &&
      row.previous !== before.sha256 &&
      row.previous !== before.voided_sha256
    if (!chained || broken) this.reportBatch('unchained', row)
    // Successors of a refused batch bring its records again under their own numbers.
    if (row.first > this.next && !this.isSettled(this.next, row.first - 1)) this.reportBatch('records_missing', row)
    this.next = Math.max(this.next, row.last + 1)
  }

  private *walkRows(): Generator<void> {
    let lastId = 0
    for (const row of this.tables.chunks(this.stream.id)) {
      const chunk = decodeChunk(row)
      this.rows += row.last - row.first + 1
      if (!chunk.ok) this.reportRow('changed', row)
      else if (
        chunk.value.head.first !== row.first ||
        chunk.value.head.stream !== this.stream.stream ||
        chunk.value.rows.length !== row.last - row.first + 1
      )
        this.reportRow('contradicts_itself', row)
      if (row.first < this.next || row.id <= lastId) this.reportRow('reordered', row)
      else if (row.first > this.next && !this.isSettled(this.next, row.first - 1))
        this.report('row', 'removed', this.next, row.first - 1)
      this.next = Math.max(this.next, row.last + 1)
      lastId = row.id
      yield
    }
  }

  /** Is every number of the range named by gap records or by rows set aside? */
  private isSettled(first: number, last: number): boolean {
    let next = first
    for (const [from, to] of this.settled) if (from <= next && to >= next) next = to + 1
    return next > last
  }

  private reportBatch(kind: FindingKind, { number, first }: BatchRow): void {
    this.report('batch', kind, number, number, kind === 'records_missing' ? this.next : first)
  }

  private reportRow(kind: FindingKind, { first, last }: { readonly first: number; readonly last: number }): void {
    this.report('row', kind, first, last)
  }

  private report(what: Finding['what'], kind: FindingKind, number: number, last: number, first?: number): void {
    this.findings.push({
      stream: this.stream.stream,
      what,
      kind,
      number,
      last,
      first: first ?? this.firstOf(what, number),
    })
  }

  private firstOf(what: Finding['what'], number: number): number {
    return what === 'batch' ? this.next : number
  }
}

type Range = readonly [first: number, last: number]

/**
 * Numbers of each stream that need not be in it: named by a gap record, set aside as damaged, or copied to the stream
 * that follows it (as that stream's records say).
 */
function* settledRanges(tables: Tables): Generator<void, ReadonlyMap<StreamId, readonly Range[]>> {
  const settled = new Map<StreamId, Range[]>()
  const add = (stream: StreamId, range: Range): void => {
    const known = settled.get(stream) ?? []
    settled.set(stream, known)
    known.push(range)
  }
  for (const { record } of queryRecords(() => tables, { stream: 'ledger', kinds: ['gap', 'event'] })) {
    if (record.kind === 'gap') add(record.stream, [record.first, record.last])
    if (record.kind === 'event' && record.code === 'stream_restarted') {
      // What was not sealed then is elsewhere; a copy of a copy says only where it was first.
      const left = tables.streams().find(({ stream }) => stream === record.facts.stream)
      const { last_sealed } = record.facts
      if (left && typeof last_sealed === 'number') add(left.stream, [last_sealed + 1, left.last_seq])
    }
    yield
  }
  for (const { stream, first, last } of tables.damagedRanges()) add(stream, [first, last])
  if (tables.streams().some((each) => !each.current)) {
    for (const runs of copies(tables)) {
      for (const { stream, was, count } of runs) add(stream, [was, was + count - 1])
      yield
    }
  }
  for (const ranges of settled.values()) ranges.sort(([a], [b]) => a - b)
  return settled
}

type Copied = Pick<OriginRun, 'stream' | 'was' | 'count'>

/** Where the records of each row or batch were before. */
function* copies(tables: Tables): Generator<readonly Copied[]> {
  for (const { id } of tables.streams()) {
    for (const row of tables.chunks(id)) {
      const chunk = decodeChunk(row)
      const origin = chunk.ok ? chunk.value.head.origin : undefined
      yield origin ? [{ stream: origin.stream, was: origin.seq, count: row.last - row.first + 1 }] : []
    }
    for (const row of batchesOf(tables, id)) yield originsOf(tables, row)
  }
}

/** Every batch of a stream by its number, a few hundred rows at a time. */
function* batchesOf(tables: Tables, stream: number): Generator<BatchRow> {
  for (let after = -1e15; ; ) {
    const page = tables.batches('batch.stream = ? AND number > ?', 'number', 200, stream, after)
    if (page.length === 0) return
    for (const row of page) {
      after = row.number
      yield row
    }
  }
}

function originsOf(tables: Tables, row: BatchRow): readonly Copied[] {
  const body = tables.body(row.id)
  const bytes = body && decompress(body, row.encoding)
  const decoded = bytes?.ok ? decodeBatch(bytes.value) : undefined
  return decoded?.ok ? (decoded.value.header.origin ?? []) : []
}
