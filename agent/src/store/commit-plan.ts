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
import type { Entry } from './write-queue.js'

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

/** What a commit will write, worked out before it is tried: the same entries on the same file give the same plan. */
export interface CommitPlan {
  readonly runs: readonly Run[]
  readonly lastSeq: ReadonlyMap<number, number>
  /** Numbers of each entry's records. */
  readonly seqs: readonly (readonly Seq[])[]
}

/** Gives every waiting record its number; lost ones get theirs too, and a gap record in the ledger that names them. */
export function planCommit(entries: readonly Entry[], streams: readonly StreamRow[], stamp: () => Stamp): CommitPlan {
  const planner = new Planner(streams)
  const seqs = entries.map((entry) =>
    entry.items.map((item) =>
      item.kind === 'lost' ? planner.lose(item.stream) : planner.put(item.stream, item.record, entry.mono),
    ),
  )
  const mono = entries[0]?.mono ?? 0
  for (const lost of planner.lost) planner.put('ledger', gapOf(lost, 'storage_full', stamp()), mono)
  return { runs: planner.runs, lastSeq: planner.lastSeq, seqs }
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
  writePlan(tables, { runs: planner.runs, lastSeq: planner.lastSeq, seqs: [] }, stamp)
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
  readonly runs: Run[] = []
  readonly lost: LostRun[] = []
  readonly lastSeq = new Map<number, number>()
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

  lose(kind: StreamKind): Seq {
    const stream = this.current(kind)
    const seq = this.next(stream)
    const before = this.lost.findLast((each) => each.stream === stream.stream)
    if (before && before.last === seq - 1) before.last = seq
    else this.lost.push({ stream: stream.stream, kind, first: seq, last: seq })
    return seq
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
