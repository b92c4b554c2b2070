import {
  type BatchNumber,
  batchNumberSchema,
  type Clock,
  fail,
  ok,
  type Random,
  type Result,
  type Seq,
  type Sha256Hex,
  type StreamId,
  type StreamKind,
  type StreamRecord,
  streamIdSchema,
} from '@metergate/protocol'
import { matches, streamKindOf } from './classify.js'
import { type Compression, DEFAULT_COMPRESSION } from './compression.js'
import { halves, openSealed } from './open-sealed.js'
import type {
  Acknowledgement,
  FoundRecord,
  PendingBatch,
  RecordQuery,
  RecordStore,
  Rejected,
  SealedBatch,
  Sealer,
  SealLimits,
  StoredRecord,
  StoreFault,
  StoreHealth,
  StreamState,
} from './record-store.js'
import { sealPrefix, sealVoid, toSeq } from './seal.js'

interface MemoryRow extends StoredRecord {
  readonly mono: number
}
interface MemoryBatch {
  sealed: SealedBatch
  readonly previous: Sha256Hex | null
  readonly records: readonly MemoryRow[]
  status: 'pending' | 'acknowledged' | 'superseded'
}
interface MemoryStream {
  readonly kind: StreamKind
  readonly id: StreamId
  lastSeq: number
  rows: MemoryRow[]
  readonly batches: MemoryBatch[]
}

export interface MemoryRecordStoreOptions {
  readonly clock: Clock
  readonly random: Random
  /** Undefined until the gateway is enrolled: then nothing is sealed. */
  readonly sealer: () => Sealer | undefined
  readonly compression?: Compression
}

/** A new stream's id: 128 random bits. */
export function newStreamId(random: Random): StreamId {
  return streamIdSchema.parse(Buffer.from(random.bytes(16)).toString('hex'))
}

/** The port without a disk, for tests of other parts: commits at once and forgets everything when it goes. */
export class MemoryRecordStore implements RecordStore {
  private streams: MemoryStream[] = []
  private readonly states = new Map<string, string>()
  private readonly quarantined: { readonly stream: StreamId; readonly seq: Seq; readonly reason: string }[] = []
  private closed = false

  constructor(private readonly options: MemoryRecordStoreOptions) {}

  append(records: readonly StreamRecord[]): Promise<Result<readonly Seq[], StoreFault>> {
    if (this.closed) return Promise.resolve(fail({ kind: 'closed', why: 'the store is closed' }))
    const mono = this.options.clock.mono()
    return Promise.resolve(ok(records.map((record) => put(this.current(streamKindOf(record)), record, mono))))
  }

  flush(): Promise<Result<void, StoreFault>> {
    return Promise.resolve(this.closed ? fail({ kind: 'closed', why: 'the store is closed' }) : ok(undefined))
  }

  seal(kind: StreamKind, limits: SealLimits): SealedBatch | undefined {
    const stream = this.current(kind)
    const sealer = this.options.sealer()
    const [oldest] = stream.rows
    if (!sealer || !oldest) return undefined
    const { batch, count } = this.sealNext(stream, sealer, stream.rows, limits.maxDecodedBytes)
    const young = this.options.clock.mono() - oldest.mono < limits.minAgeMs
    if (young && count === stream.rows.length) return undefined
    const records = stream.rows.slice(0, count)
    stream.rows = stream.rows.slice(count)
    stream.batches.push({ sealed: batch, previous: lastHash(stream), records, status: 'pending' })
    return batch
  }

  pending(limit: number): readonly PendingBatch[] {
    return this.pendingBatches().slice(0, limit).map(toPending)
  }

  freshest(limit: number): readonly PendingBatch[] {
    return this.pendingBatches().reverse().slice(0, limit).map(toPending)
  }

  load(stream: StreamId, number: BatchNumber): SealedBatch | undefined {
    return this.find(stream, number)?.sealed
  }

  acknowledge(list: readonly Acknowledgement[]): readonly Acknowledgement[] {
    return list.filter(({ stream, number, sha256 }) => {
      const batch = this.find(stream, number)
      if (batch?.status !== 'pending' || batch.sealed.sha256 !== sha256) return false
      batch.status = 'acknowledged'
      return true
    })
  }

  quarantine(records: readonly Rejected[]): void {
    for (const { stream, record, reason } of records) {
      const known = this.quarantined.some((each) => each.stream === stream && each.seq === record)
      if (!known) this.quarantined.push({ stream, seq: record, reason })
    }
  }

  refuse(id: StreamId, number: BatchNumber, reason: string): boolean {
    const stream = this.streams.find((each) => each.id === id)
    const batch = this.find(id, number)
    const sealer = this.options.sealer()
    if (!stream || !sealer || batch?.status !== 'pending' || isVoid(batch.sealed)) return false
    const successors: BatchNumber[] = []
    for (const half of halves(batch.records)) {
      const previous = lastHash(stream)
      const { batch: sealed } = this.sealNext(stream, sealer, half, Number.MAX_SAFE_INTEGER)
      stream.batches.push({ sealed, previous, records: half, status: 'pending' })
      successors.push(sealed.number)
    }
    const [only] = batch.records
    if (successors.length === 0 && only) this.quarantine([{ stream: id, record: only.seq, reason }])
    batch.sealed = sealVoid(batch.sealed, batch.previous, sealer, reason, successors, this.compression())
    return true
  }

  restartStream(id: StreamId, _reason: string): boolean {
    const stream = this.streams.find((each) => each.id === id)
    if (!stream) return true
    const batches = stream.batches.filter((each) => each.status === 'pending')
    // A void tells of one record that never comes, or has successors that are here themselves.
    const own = batches.filter((each) => !isVoid(each.sealed) || each.records.length === 1)
    const left = [...own.flatMap((each) => each.records), ...stream.rows]
    for (const batch of batches) batch.status = 'superseded'
    stream.rows = []
    const next = this.current(stream.kind) === stream ? this.open(stream.kind) : this.current(stream.kind)
    for (const { seq, record, mono, origin } of [...left].sort((a, b) => a.seq - b.seq)) {
      put(next, record, mono, origin ?? { stream: id, seq })
    }
    return true
  }

  isLeaving(): boolean {
    return false
  }

  *records(query: RecordQuery): Iterable<FoundRecord> {
    const place = query.after
    const streams = this.streams.filter(({ kind }) => kind === query.stream)
    const begin = streams.findIndex(({ id }) => id === place?.stream)
    for (const stream of streams.slice(Math.max(0, begin))) {
      const after = stream.id === place?.stream ? place.seq : 0
      const isKept = ({ sealed, records }: MemoryBatch) => !isVoid(sealed) || records.length === 1
      const kept = stream.batches.filter((each) => each.status !== 'superseded' && isKept(each))
      const rows = [...kept.flatMap((each) => each.records), ...stream.rows].sort((a, b) => a.seq - b.seq)
      for (const { seq, record, origin } of rows) {
        if (seq > after && matches(record, query)) yield { stream: stream.id, seq, record, origin }
      }
    }
  }

  getState(key: string): string | undefined {
    return this.states.get(key)
  }

  putState(key: string, value: string): void {
    this.states.set(key, value)
  }

  health(): StoreHealth {
    this.current('detail')
    this.current('ledger')
    const size = this.streams.flatMap((each) => each.batches).reduce((sum, each) => sum + each.sealed.body.length, 0)
    return {
      streams: this.streams.map((stream) => this.stateOf(stream)),
      sizeBytes: size,
      capBytes: Number.MAX_SAFE_INTEGER,
      quarantined: this.quarantined.length,
      evictedRecords: 0,
      degraded: undefined,
    }
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }

  private stateOf(stream: MemoryStream): StreamState {
    const waiting = stream.batches.filter((each) => each.status === 'pending' && !isVoid(each.sealed))
    const unacknowledged = [...waiting.flatMap((each) => each.records), ...stream.rows]
    const [oldest] = stream.rows
    return {
      kind: stream.kind,
      stream: stream.id,
      lastSeq: stream.lastSeq,
      lastSealed: stream.batches.reduce((last, each) => Math.max(last, each.sealed.last), 0),
      lastBatch: stream.batches.length,
      unacknowledged: unacknowledged.length,
      oldestUnacknowledged: unacknowledged[0]?.record.stamp.wall,
      unsealed: stream.rows.length,
      oldestUnsealedAgeMs: oldest && this.options.clock.mono() - oldest.mono,
    }
  }

  private sealNext(stream: MemoryStream, sealer: Sealer, rows: readonly MemoryRow[], maxDecodedBytes: number) {
    const place = {
      streamKind: stream.kind,
      stream: stream.id,
      number: batchNumberSchema.parse(stream.batches.length + 1),
      previous: lastHash(stream),
    }
    return sealPrefix(place, sealer, rows, maxDecodedBytes, this.compression())
  }

  private compression(): Compression {
    return this.options.compression ?? DEFAULT_COMPRESSION
  }

  private current(kind: StreamKind): MemoryStream {
    return this.streams.findLast((each) => each.kind === kind) ?? this.open(kind)
  }

  private open(kind: StreamKind): MemoryStream {
    const stream = { kind, id: newStreamId(this.options.random), lastSeq: 0, rows: [], batches: [] }
    this.streams = [...this.streams, stream]
    return stream
  }

  private find(stream: StreamId, number: BatchNumber): MemoryBatch | undefined {
    return this.streams.find((each) => each.id === stream)?.batches[number - 1]
  }

  private pendingBatches(): MemoryBatch[] {
    const all = this.streams.flatMap((each) => each.batches).filter((each) => each.status === 'pending')
    return all.sort((a, b) => ageOf(a) - ageOf(b))
  }
}

function put(stream: MemoryStream, record: StreamRecord, mono: number, origin?: MemoryRow['origin']): Seq {
  stream.lastSeq += 1
  const seq = toSeq(stream.lastSeq)
  stream.rows.push({ seq, record, mono, origin })
  return seq
}

const ageOf = (batch: MemoryBatch): number => batch.records[0]?.mono ?? 0
const lastHash = (stream: MemoryStream): Sha256Hex | null => stream.batches.at(-1)?.sealed.sha256 ?? null
const toPending = ({ sealed: { streamKind, stream, number, sha256, body } }: MemoryBatch): PendingBatch => ({
  streamKind,
  stream,
  number,
  sha256,
  size: body.length,
})

const isVoid = (batch: SealedBatch): boolean => openSealed(batch).header.void !== undefined
