import type { PendingBatch, RecordStore, SealLimits, SqliteRecordStore, StoreHealth } from '@metergate/agent'
import {
  type Clock,
  decodeBatch,
  encodeRecord,
  type Seq,
  type StreamId,
  type StreamKind,
  type StreamRecord,
} from '@metergate/protocol'
import type { PlantedBug } from './bugs.js'
import { unpack } from './cloud.js'
import type { Life } from './life.js'

/** What the agent was told is stored, kept where no fault reaches: stream, number, record. */
export class Ledger {
  readonly told = new Map<StreamId, Map<Seq, string>>()
  /** Numbers given to two different records. */
  readonly givenTwice: string[] = []
  count = 0

  note(stream: StreamId, seq: Seq, record: StreamRecord): void {
    const records = this.told.get(stream) ?? new Map<Seq, string>()
    this.told.set(stream, records)
    const text = encodeRecord(record)
    const before = records.get(seq)
    if (before !== undefined && before !== text) this.givenTwice.push(`${stream.slice(0, 6)}/${seq}`)
    records.set(seq, text)
    this.count += 1
  }
}

const kindOf = (record: StreamRecord): StreamKind => (record.kind === 'reading' ? 'detail' : 'ledger')

/**
 * The real store, watched: what it says is stored goes into the ledger in the moment it is said. The process may die at every
 * call, and between a commit and the news of it. Planted bugs of the store live here.
 */
export function toldStore(
  inner: SqliteRecordStore,
  ledger: Ledger,
  life: Life,
  clock: Clock,
  bug: PlantedBug | undefined,
): RecordStore {
  let current = new Map<StreamKind, StreamId>()
  // Many look every few seconds, the store changes every ten: looked up again only after a change.
  let seen: Look | undefined
  let lists = new Map<string, readonly PendingBatch[]>()
  const list = (key: string, look: () => readonly PendingBatch[]): readonly PendingBatch[] => {
    const known = lists.get(key) ?? look()
    lists.set(key, known)
    return known
  }
  const looked = (): Look => {
    seen ??= { health: inner.health(), at: clock.mono() }
    return seen
  }
  const health = (): StoreHealth => looked().health
  // What was not due is not due before it has aged, unless something changes.
  const notDue = new Map<string, number>()
  const changed = (): void => {
    notDue.clear()
    seen = undefined
    lists = new Map()
  }
  const streamOf = (kind: StreamKind): StreamId | undefined => {
    if (!current.has(kind)) current = new Map(inner.health().streams.map((each) => [each.kind, each.stream]))
    return current.get(kind)
  }
  // News of a commit is heard a moment after it: a stream may have been left between the two.
  let left = { at: Number.NaN, streams: new Map<StreamKind, StreamId>() }
  const leave = (): void => {
    const kinds = ['detail', 'ledger'] as const
    const known = kinds.flatMap((kind) => [[kind, streamOf(kind)] as const])
    left = { at: clock.mono(), streams: new Map(known.flatMap(([kind, id]) => (id ? [[kind, id] as const] : []))) }
  }
  const storedIn = (record: StreamRecord, seq: Seq): StreamId | undefined => {
    const kind = kindOf(record)
    const old = left.at === clock.mono() ? left.streams.get(kind) : undefined
    return old !== undefined && wasIn(inner, kind, old, seq, record) ? old : streamOf(kind)
  }
  const note = (records: readonly StreamRecord[], seqs: readonly Seq[]): void => {
    for (const [index, record] of records.entries()) {
      const seq = seqs[index]
      const stream = seq && storedIn(record, seq)
      if (stream && seq !== undefined) ledger.note(stream, seq, record)
    }
  }
  return {
    async append(records, options) {
      life.step()
      const stored = inner.append(records, options)
      const outcome = await life.heard(stored)
      changed()
      life.step()
      // Dead between the commit and the news of it: nobody was told.
      if (outcome.ok && life.alive) note(records, outcome.value)
      return life.heard(Promise.resolve(outcome))
    },
    flush: () => {
      changed()
      return life.heard(inner.flush())
    },
    seal(kind, limits) {
      life.step()
      if (bug === 'purges_by_wall_clock') purge(inner, clock.wall())
      const key = `${kind} ${limits.minAgeMs}`
      if (clock.mono() < (notDue.get(key) ?? 0)) return undefined
      const sealed = inner.seal(kind, limits)
      if (sealed) changed()
      else notDue.set(key, dueAt(looked(), kind, limits))
      return sealed
    },
    pending: (limit) => list(`pending ${limit}`, () => inner.pending(limit)),
    freshest: (limit) => list(`freshest ${limit}`, () => inner.freshest(limit)),
    load: (stream, number) => inner.load(stream, number),
    acknowledge(list) {
      life.step()
      changed()
      return inner.acknowledge(list)
    },
    quarantine: (records) => inner.quarantine(records),
    refuse(stream, number, reason) {
      life.step()
      const refused = inner.refuse(stream, number, reason)
      changed()
      life.step()
      return refused
    },
    restartStream(stream, reason) {
      life.step()
      leave()
      const begun = inner.restartStream(stream, reason)
      current = new Map()
      changed()
      life.step()
      return begun
    },
    isLeaving: () => inner.isLeaving(),
    records: (query) => inner.records(query),
    getState: (key) => inner.getState(key),
    putState: (key, value) => inner.putState(key, value),
    health,
    close: () => inner.close(),
  }
}

/** Is this record, or a copy that says so, what a stream had under that number? */
function wasIn(store: RecordStore, kind: StreamKind, old: StreamId, seq: Seq, record: StreamRecord): boolean {
  const text = encodeRecord(record)
  for (const found of store.records({ stream: kind })) {
    const place = found.origin ?? found
    if (place.stream === old && place.seq === seq && encodeRecord(found.record) === text) return true
  }
  return false
}

/** The store's health, and when it was so by the monotonic clock. */
interface Look {
  readonly health: StoreHealth
  readonly at: number
}

/** When the oldest unsealed record of a kind will have aged enough; never, when there is none. */
function dueAt({ health: { streams, degraded }, at }: Look, kind: StreamKind, { minAgeMs }: SealLimits): number {
  if (degraded !== undefined) return at
  const ages = streams.flatMap((each) =>
    each.kind === kind && each.unsealed > 0 ? [each.oldestUnsealedAgeMs ?? 0] : [],
  )
  return at + minAgeMs - Math.max(...ages)
}

/** The planted janitor: whatever looks older than a day by the wall clock is as good as sent. */
function purge(store: SqliteRecordStore, wall: number): void {
  for (const { stream, number, sha256 } of store.pending(50)) {
    const batch = store.load(stream, number)
    const read = batch && decodeBatch(unpack(batch.body, batch.encoding))
    if (!read?.ok) continue
    const isOld = read.value.records.every(({ record }) => record.stamp.wall < wall - 24 * 3_600_000)
    if (isOld && read.value.records.length > 0) store.acknowledge([{ stream, number, sha256 }])
  }
}
