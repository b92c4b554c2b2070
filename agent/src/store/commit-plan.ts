import {
  type GapRecord,
  invariant,
  type Seq,
  type Stamp,
  type StreamId,
  type StreamKind,
  type StreamRecord,
  seqSchema,
} from '@metergate/protocol'
import { encodeChunk } from './chunk.js'
import type { RecordPlace } from './record-store.js'
import type { StreamRow, Tables } from './tables.js'
import type { Brought, Load } from './write-queue.js'

/** Records of one chunk at most, so that a damaged one costs little. */
const CHUNK_RECORDS = 200

/** A run of records with consecutive numbers, to be written as one chunk. */
interface Run {
  readonly stream: StreamRow
  readonly first: number
  readonly mono: number
  readonly origin: RecordPlace | undefined
  readonly records: StreamRecord[]
}

/** Numbers that are used up although their records are gone. */
export interface LostRun {
  readonly stream: StreamId
  readonly kind: StreamKind
  readonly first: number
  last: number
}

/** What a commit will write, worked out before it is tried: the same load on the same file gives the same plan. */
export interface CommitPlan {
  readonly runs: readonly Run[]
  /** By the streams' row ids. */
  readonly lastSeq: ReadonlyMap<number, number>
}

/** A plan, and what it brings of the queue. */
export interface QueuePlan extends CommitPlan {
  readonly brought: Brought
  /** The same high-water marks by the streams' names: row ids change when a damaged file is salvaged. */
  readonly reached: ReadonlyMap<StreamId, number>
}

/** Gives every waiting record its number; lost ones get theirs too, and a gap record in the ledger that names them. */
export function planCommit({ lost, entries }: Load, streams: readonly StreamRow[], stamp: () => Stamp): QueuePlan {
  const planner = new Planner(streams)
  const used = { ...lost }
  for (const kind of ['detail', 'ledger'] as const) if (lost[kind] > 0) planner.lose(kind, lost[kind])
  const seqs = new Map<number, readonly Seq[]>()
  for (const { order, items, mono } of entries) {
    seqs.set(
      order,
      items.map(({ stream, record }) => planner.put(stream, record, mono)),
    )
    for (const { stream } of items) used[stream] += 1
  }
  const mono = entries[0]?.mono ?? stamp().mono
  for (const run of planner.lost) planner.put('ledger', gapOf(run, 'storage_full', stamp()), mono)
  const brought = { used, upTo: entries.at(-1)?.order ?? 0, seqs }
  return { ...planner.plan, brought, reached: planner.reached }
}

/** Writes a plan; to be called inside a transaction. */
export function writePlan(tables: Tables, plan: CommitPlan, stamp: Stamp): void {
  for (const { stream, first, mono, origin, records } of plan.runs) {
    const head = { stream: stream.stream, kind: stream.kind, first: seqSchema.parse(first), boot: stamp.boot, mono }
    const chunk = encodeChunk({ ...head, ...(origin ? { origin } : {}) }, records)
    tables.addChunk(stream.id, first, first + records.length - 1, chunk)
  }
  for (const [stream, lastSeq] of plan.lastSeq) tables.raiseSeq(stream, lastSeq)
}

/** Writes records at the end of their streams; to be called inside a transaction. */
export function writeNow(
  tables: Tables,
  rows: readonly { readonly kind: StreamKind; readonly record: StreamRecord; readonly origin?: RecordPlace }[],
  stamp: Stamp,
): void {
  const planner = new Planner(tables.streams())
  for (const { kind, record, origin } of rows) planner.put(kind, record, stamp.mono, origin)
  writePlan(tables, planner.plan, stamp)
}

export function gapOf(lost: LostRun, reason: GapRecord['reason'], stamp: Stamp, batches?: [number, number]): GapRecord {
  return {
    kind: 'gap',
    stamp,
    stream: lost.stream,
    stream_kind: lost.kind,
    first: seqSchema.parse(lost.first),
    last: seqSchema.parse(lost.last),
    ...(batches ? { first_batch: batches[0], last_batch: batches[1] } : {}),
    reason,
  }
}

class Planner {
  readonly lost: LostRun[] = []
  private readonly runs: Run[] = []
  private readonly lastSeq = new Map<number, number>()
  private readonly open = new Map<number, Run>()

  constructor(private readonly streams: readonly StreamRow[]) {}

  put(kind: StreamKind, record: StreamRecord, mono: number, origin?: RecordPlace): Seq {
    const stream = this.current(kind)
    const seq = this.next(stream)
    const run = this.open.get(stream.id)
    if (run && continues(run, seq, origin)) run.records.push(record)
    else {
      const begun = { stream, first: seq, mono, origin, records: [record] }
      this.open.set(stream.id, begun)
      this.runs.push(begun)
    }
    return seq
  }

  lose(kind: StreamKind, count: number): void {
    const stream = this.current(kind)
    const first = this.next(stream)
    const last = first + count - 1
    this.lastSeq.set(stream.id, last)
    this.lost.push({ stream: stream.stream, kind, first, last })
  }

  get plan(): CommitPlan {
    return { runs: this.runs, lastSeq: this.lastSeq }
  }

  get reached(): ReadonlyMap<StreamId, number> {
    return new Map(
      this.streams.flatMap(({ id, stream }) => {
        const last = this.lastSeq.get(id)
        return last === undefined ? [] : [[stream, last] as const]
      }),
    )
  }

  private next(stream: StreamRow): Seq {
    const seq = (this.lastSeq.get(stream.id) ?? stream.last_seq) + 1
    this.lastSeq.set(stream.id, seq)
    return seqSchema.parse(seq)
  }

  private current(kind: StreamKind): StreamRow {
    const stream = this.streams.find((each) => each.kind === kind && each.current)
    invariant(stream, `no ${kind} stream`)
    return stream
  }
}

function continues(run: Run, seq: number, origin: RecordPlace | undefined): boolean {
  const length = run.records.length
  if (length >= CHUNK_RECORDS || seq !== run.first + length) return false
  if (!run.origin || !origin) return run.origin === origin
  return run.origin.stream === origin.stream && origin.seq === run.origin.seq + length
}
