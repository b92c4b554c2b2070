import {
  type BatchNumber,
  type Clock,
  durationMs,
  fail,
  type GapRecord,
  ok,
  type Random,
  type Result,
  type Seq,
  type Stamp,
  type StreamId,
  type StreamKind,
  type StreamRecord,
  WIRE_LIMITS,
} from '@metergate/protocol'
import { planCommit, type QueuePlan, writePlan } from './commit-plan.js'
import { type Compression, DEFAULT_COMPRESSION } from './compression.js'
import type { Disk } from './disk.js'
import { DiskRoom, type RoomSettings } from './disk-room.js'
import { type FolderLock, lockFolder } from './folder-lock.js'
import { healthOf } from './health-of.js'
import { queryRecords } from './history.js'
import { mendInUse } from './mend.js'
import type { OpenFault } from './open-database.js'
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
  StoreFault,
  StoreHealth,
} from './record-store.js'
import { beginRestart, copySlice, SLICE_RECORDS, streamsBeingLeft } from './restart-stream.js'
import { rowAgrees } from './row-agrees.js'
import { isDue, refuseBatch, sealDue, sealedBytes, setBatchAside } from './sealing.js'
import { evictSlice } from './space.js'
import { type StartReport, StoreFile, type WriteFault } from './store-file.js'
import { type BatchRow, pendingOf, STATUS, type StreamRow, sealedOf, type Tables } from './tables.js'
import { type Verdict, verifyStore } from './verify.js'
import { WriteQueue } from './write-queue.js'

export interface StoreSettings extends RoomSettings {
  /** Group commit: the longest a reading waits for the disk, and so what a power cut may cost. */
  readonly commitEveryMs: number
  /** The folder's bound, write-ahead log included. */
  readonly capBytes: number
  /** Records held in memory while the disk refuses. */
  readonly queueBytes: number
  readonly compression: Compression
  /** Only the power-cut rig's control says NORMAL. */
  readonly synchronous: 'FULL' | 'NORMAL'
}

const MIB = 1024 * 1024
export const DEFAULT_STORE_SETTINGS: StoreSettings = {
  commitEveryMs: 10_000,
  capBytes: 1024 * MIB,
  ballastBytes: 2 * MIB,
  reserveBytes: 16 * MIB,
  queueBytes: 8 * MIB,
  compression: DEFAULT_COMPRESSION,
  synchronous: 'FULL',
}

export interface SqliteRecordStoreOptions {
  readonly folder: string
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  /** Undefined until the gateway is enrolled: then nothing is sealed. */
  readonly sealer: () => Sealer | undefined
  /** For the store's own records (gaps, events); by default the clock's, with unknown quality. */
  readonly stamp?: () => Stamp
  readonly settings?: Partial<StoreSettings>
}

/**
 * The store on disk. One commit brings everything that waits: numbers are given in it, `append` resolves when COMMIT
 * has returned. After a failed write the handle is never trusted again (a failed fsync marks pages clean): the file
 * is closed, opened, read again, and the same records are tried with the same numbers.
 */
export class SqliteRecordStore implements RecordStore {
  private readonly settings: StoreSettings
  private readonly queue: WriteQueue
  private readonly file: StoreFile
  private readonly room: DiskRoom
  private readonly stopping = new AbortController()
  private readonly states = new Map<string, string>()
  /** Row ids of batches whose acknowledgement waits for the next commit. */
  private readonly acknowledged = new Set<number>()
  private lock: FolderLock | undefined
  private timer = false
  /** False when a stream that was left still holds records that the disk did not let us copy. */
  private isLeft = true
  /** Others have a turn before the next slice of such a stream. */
  private isPausing = false
  private degraded: string | undefined
  /** A commit under way, or one that reported a failure and may have landed. */
  private unsure: QueuePlan | undefined
  private lastHealth: StoreHealth | undefined

  constructor(private readonly options: SqliteRecordStoreOptions) {
    this.settings = { ...DEFAULT_STORE_SETTINGS, ...options.settings }
    this.queue = new WriteQueue(this.settings.queueBytes)
    this.file = new StoreFile(options.folder, options.random, this.settings, () => this.stamp())
    this.room = new DiskRoom(options.disk, options.folder, this.settings)
  }

  /** Takes the folder's lock, opens or makes the store, and repairs what a crash or a bad medium left. */
  start(): Result<StartReport, OpenFault> {
    const folder = this.file.makeFolder()
    if (!folder.ok) return folder
    const lock = lockFolder(this.options.folder)
    if (!lock.ok) return lock
    this.lock = lock.value
    let report = this.file.start()
    // A medium may hiccup once; and on a full disk even opening may need room.
    if (!report.ok && report.fault.kind === 'io') report = this.file.start()
    if (!report.ok && report.fault.kind === 'io' && this.room.giveBallast()) report = this.file.start()
    if (!report.ok) this.lock.release()
    else {
      this.room.keepBallast()
      this.copyLeftStreams()
    }
    return report
  }

  append(
    records: readonly StreamRecord[],
    options: { readonly urgent?: boolean } = {},
  ): Promise<Result<readonly Seq[], StoreFault>> {
    if (this.stopping.signal.aborted) return Promise.resolve(fail(CLOSED))
    if (records.length === 0) return Promise.resolve(ok([]))
    return new Promise((resolve) => {
      this.queue.add(records, this.options.clock.mono(), resolve)
      if (options.urgent) this.commit()
      else this.schedule()
    })
  }

  flush(): Promise<Result<void, StoreFault>> {
    return Promise.resolve(this.stopping.signal.aborted ? fail(CLOSED) : this.commit())
  }

  seal(kind: StreamKind, limits: SealLimits): SealedBatch | undefined {
    const sealer = this.options.sealer()
    if (!sealer || !this.read((tables) => isDue(tables, kind, limits, this.stamp()), false)) return undefined
    // Sealing rides with the group commit, or the group commit with it: one flush instead of two.
    const sealed = this.commitWith((tables) =>
      sealDue(tables, kind, limits, sealer, this.settings.compression, this.stamp()),
    )
    return sealed.ok ? sealed.value : undefined
  }

  pending(limit: number): readonly PendingBatch[] {
    return this.unacknowledged('oldest', limit)
  }

  freshest(limit: number): readonly PendingBatch[] {
    return this.unacknowledged('newest', limit)
  }

  load(stream: StreamId, number: BatchNumber): SealedBatch | undefined {
    const row = this.read((tables) => tables.batch(stream, number), undefined)
    const body = row && this.read((tables) => tables.body(row.id), undefined)
    if (!row || !body) return undefined
    const bytes = sealedBytes(row, body)
    if (bytes.ok) return row.id > this.file.uncompared ? sealedOf(row, body) : this.compared(row, body, bytes.value)
    this.write((tables) => {
      const again = tables.batch(stream, number)
      if (again?.has_body && again.sha256 === row.sha256) setBatchAside(tables, again, bytes.fault, this.stamp())
    })
    return undefined
  }

  /** A batch whose index the start had no time for: its row is mended, should it say something else than the bytes. */
  private compared(row: BatchRow, body: Uint8Array, bytes: Uint8Array): SealedBatch | undefined {
    if (rowAgrees(row, body, bytes)) return sealedOf(row, body)
    this.write((tables) => {
      // Asked again, for a repair on the way gives batches other row ids.
      const again = tables.batch(row.stream_id, row.number)
      if (again?.has_body && again.sha256 === row.sha256) mendInUse(tables, again, body, bytes)
    })
    const again = this.read((tables) => tables.batch(row.stream_id, row.number), undefined)
    return again && sealedOf(again, body)
  }

  /** Freed at once for the callers, on disk with the next commit: lost in a crash, it is sent again and nothing else. */
  acknowledge(list: readonly Acknowledgement[]): readonly Acknowledgement[] {
    const freed = list.filter(({ stream, number, sha256 }) => {
      const row = this.read((tables) => tables.batch(stream, number), undefined)
      if (row?.status !== STATUS.pending || row.sha256 !== sha256 || this.acknowledged.has(row.id)) return false
      this.acknowledged.add(row.id)
      return true
    })
    if (freed.length > 0) this.schedule()
    return freed
  }

  quarantine(records: readonly Rejected[]): void {
    this.write((tables) => {
      for (const { stream, record, reason } of records) tables.quarantine(stream, record, reason)
    })
  }

  refuse(stream: StreamId, number: BatchNumber, reason: string): boolean {
    const sealer = this.options.sealer()
    const batch = this.load(stream, number)
    if (!sealer || !batch) return false
    const refused = this.write((tables) => {
      const row = tables.batch(stream, number)
      if (row?.status !== STATUS.pending || row.void) return false
      refuseBatch(tables, row, batch, reason, sealer, this.settings.compression, this.stamp())
      return true
    })
    return refused.ok && refused.value
  }

  restartStream(stream: StreamId, reason: string): boolean {
    const begun = this.write((tables) => beginRestart(tables, stream, reason, this.options.random, this.stamp()))
    if (begun.ok) this.copyLeftStreams()
    return begun.ok
  }

  isLeaving(): boolean {
    return this.read((tables) => streamsBeingLeft(tables).length > 0, true)
  }

  records(query: RecordQuery): Iterable<FoundRecord> {
    return this.untilDamaged(queryRecords(() => this.file.tables, query))
  }

  /** History ends where the file turns out damaged; the next commit repairs it. */
  private *untilDamaged(records: Iterable<FoundRecord>): Generator<FoundRecord> {
    const iterator = records[Symbol.iterator]()
    for (;;) {
      let next: IteratorResult<FoundRecord>
      try {
        next = iterator.next()
      } catch (error) {
        return this.file.giveUp(error)
      }
      if (next.done) return
      yield next.value
    }
  }

  getState(key: string): string | undefined {
    return this.states.get(key) ?? this.read((tables) => tables.state(key), undefined)
  }

  putState(key: string, value: string): void {
    this.states.set(key, value)
    this.schedule()
  }

  health(): StoreHealth {
    // By the clock alone, not by a stamp: what is told of the store must not hang on what a record would say of the time.
    const { clock } = this.options
    const now = { boot: clock.bootId, mono: clock.mono() }
    const fresh = this.read((tables) => healthOf(tables, this.file.sizeBytes(), this.settings.capBytes, now), undefined)
    this.lastHealth = fresh ?? this.lastHealth
    const known = this.lastHealth ?? {
      streams: [],
      sizeBytes: 0,
      capBytes: this.settings.capBytes,
      quarantined: 0,
      evictedRecords: 0,
    }
    // A shortage is said also while everything can be stored: the next thing to happen is that something is given up.
    return { ...known, degraded: this.degraded ?? this.room.shortage() }
  }

  /** Walks over everything stored and names what was tampered with or decayed. */
  verify(): Verdict {
    return this.read(verifyStore, { batches: 0, rows: 0, findings: [] })
  }

  async close(): Promise<void> {
    if (this.stopping.signal.aborted) return
    this.commit()
    this.stopping.abort()
    this.queue.refuseAll(fail(CLOSED))
    const isShort = this.room.isShort()
    this.file.close(isShort ? this.room.logBytes : 0)
    if (isShort) this.room.keepForStart()
    this.lock?.release()
  }

  // ---- writing

  private commit(): Result<void, StoreFault> {
    if (this.queue.isEmpty && this.states.size === 0 && this.acknowledged.size === 0) return ok(undefined)
    for (;;) {
      const stored = this.commitWith(() => undefined)
      if (!stored.ok) return stored
      if (this.queue.isEmpty) return ok(undefined)
    }
  }

  /**
   * Commits the oldest of what waits, mostly all of it, and `also` in the same transaction. Tries again with a fresh handle, then with
   * room made; else it all stays queued.
   */
  private commitWith<T>(also: (tables: Tables) => T): Result<T, StoreFault> {
    this.keepWithinCap()
    const states = [...this.states]
    const stored = this.write((tables) => {
      const plan = planCommit(this.queue.head(), tables.streams(), () => this.stamp())
      this.unsure = plan
      writePlan(tables, plan, this.stamp())
      for (const [key, value] of states) tables.putState(key, value)
      return { plan, value: also(tables) }
    })
    if (!stored.ok) return this.refused(stored.fault)
    this.unsure = undefined
    for (const [key, value] of states) if (this.states.get(key) === value) this.states.delete(key)
    const { plan, value } = stored.value
    this.queue.brought(plan.brought)
    if (!this.queue.isEmpty) this.schedule()
    return ok(value)
  }

  private refused(fault: StoreFault): Result<never, StoreFault> {
    this.queue.refuseAll(fail(fault))
    this.queue.shrink()
    this.schedule()
    return fail(fault)
  }

  /** One transaction, with the ladder behind it: fresh handle, ballast, acknowledged history, then the oldest detail. */
  private write<T>(work: (tables: Tables) => T): Result<T, StoreFault> {
    let fault: WriteFault | undefined
    for (const step of LADDER) {
      if (!this.isReady(step, fault)) continue
      const acknowledged = [...this.acknowledged]
      const written = this.written((tables) => {
        for (const id of acknowledged) tables.setStatus(id, STATUS.acknowledged)
        return work(tables)
      })
      if (written.ok) for (const id of acknowledged) this.acknowledged.delete(id)
      if (written.ok) return this.recovered(written.value)
      fault = written.fault
      // Rolled back, with the handle still good: nothing is in doubt. Kept, the doubt would take the numbers of what is written next for its own.
      if (this.file.tables) this.unsure = undefined
      // Somebody else holds the file: waiting for it again and again would hold up everything else.
      if (fault.kind === 'busy') break
    }
    const why = fault?.why ?? 'unknown'
    this.degraded = why
    return fail({ kind: fault?.kind === 'full' ? 'full' : 'io', why })
  }

  private written<T>(work: (tables: Tables) => T): Result<T, WriteFault> {
    try {
      return this.transaction(work)
    } catch (error) {
      // Not the disk's doing, and rolled back: nothing is in doubt.
      this.unsure = undefined
      throw error
    }
  }

  /** Whether the file may grow is asked each time: held any longer than the shortage lasts, it would give up what there is room for. */
  private transaction<T>(work: (tables: Tables) => T): Result<T, WriteFault> {
    this.file.holdSize(this.room.isCramped())
    return this.file.write(work)
  }

  /** Does what is done before this step of the ladder; false when it could not be, or would be of no use. */
  private isReady(step: (typeof LADDER)[number], fault: WriteFault | undefined): boolean {
    if (this.file.needsRepair && step !== 'as it is') {
      // The new file has other row ids; what was acknowledged but not marked is just sent again.
      this.acknowledged.clear()
      return this.file.repair() && this.isSure()
    }
    if (!fault) return true
    const makesRoom = step === 'history' || step === 'oldest'
    // A medium that hiccups is not full: nothing is given up for it.
    if (makesRoom && fault.kind !== 'full' && !this.room.isNearlyFull()) return false
    if (step === 'ballast' && !this.giveBallast()) return false
    return this.file.makeReady() && this.isSure() && (!makesRoom || this.makeRoom(step))
  }

  private makeRoom(step: 'history' | 'oldest'): boolean {
    const bound = this.file.boundBytes()
    const wanted = Math.min(Math.max(512 * 1024, bound / 32), bound / 8)
    const reason = this.file.isAtCap() ? 'storage_cap' : 'storage_full'
    const made = this.evict(wanted, reason, step === 'history')
    return made.ok && made.value > 0
  }

  /**
   * Whether it is known what became of the last commit that reported a failure: it may be on the disk all the same. Asked of each new
   * handle before anything is written with it, because whatever is written next uses up numbers as well.
   */
  private isSure(): boolean {
    const plan = this.unsure
    if (!plan || plan.reached.size === 0) return true
    const streams = this.read<readonly StreamRow[] | undefined>((tables) => tables.streams(), undefined)
    if (!streams) return false
    this.unsure = undefined
    const isThere = ([id, seq]: [StreamId, number]) =>
      streams.some(({ stream, last_seq }) => stream === id && last_seq >= seq)
    if ([...plan.reached].every(isThere)) this.queue.brought(plan.brought)
    return true
  }

  private recovered<T>(value: T): Result<T, never> {
    if (this.degraded !== undefined) this.degraded = undefined
    this.room.keepBallast()
    if (this.room.isNearlyFull()) this.secureRoom()
    return ok(value)
  }

  /** What made the file longer must be in it, and the log long enough, before somebody else takes the room. */
  private secureRoom(): void {
    this.file.fold()
    this.file.lengthenLog(this.room.logBytes)
  }

  private giveBallast(): boolean {
    // Not where the file is at its cap and the disk has room.
    const mayBeTaken = this.room.isNearlyFull()
    const isGiven = this.room.giveBallast()
    if (mayBeTaken) this.file.lengthenLog(this.room.logBytes)
    return isGiven
  }

  /**
   * Brings over what streams that were left still hold, slice by slice, with a turn for others after each large one. Full batches are
   * sealed as they come together: unsealed, weeks of backlog would take several times their room and drive itself out. What a crash
   * or the disk stops is done next time.
   */
  private copyLeftStreams(): void {
    if (this.isPausing) return
    this.isLeft = true
    for (const stream of this.read(streamsBeingLeft, [])) {
      for (;;) {
        this.keepWithinCap()
        const copied = this.write((tables) => copySlice(tables, stream, this.stamp()))
        if (!copied.ok) {
          this.isLeft = false
          this.schedule()
        }
        if (!copied.ok || copied.value === 0) break
        if (copied.value < SLICE_RECORDS) continue
        for (const kind of ['detail', 'ledger'] as const) while (this.seal(kind, ONLY_FULL));
        this.pauseLeaving()
        return
      }
    }
  }

  private pauseLeaving(): void {
    this.isPausing = true
    this.options.clock.sleep(durationMs(1), this.stopping.signal).then(
      () => {
        this.isPausing = false
        this.copyLeftStreams()
      },
      () => undefined,
    )
  }

  private evict(wanted: number, reason: GapRecord['reason'], acknowledgedOnly: boolean): Result<number, WriteFault> {
    return this.transaction((tables) => {
      // What only waits to be marked is acknowledged all the same, and must not be named as lost.
      for (const id of this.acknowledged) tables.setStatus(id, STATUS.acknowledged)
      const freed = evictSlice(tables, wanted, reason, acknowledgedOnly, this.stamp())
      if (!acknowledgedOnly) this.sealLosses(tables)
      return freed
    })
  }

  /** Where slice follows slice, the records that name what is gone would fill the room: sealed they take a tenth of it. */
  private sealLosses(tables: Tables): void {
    const sealer = this.options.sealer()
    const unsealed = tables
      .streams()
      .reduce((sum, { id, kind }) => sum + (kind === 'ledger' ? tables.unsealed(id) : 0), 0)
    if (!sealer || unsealed < MANY_LOSSES) return
    sealDue(tables, 'ledger', ALL_THERE_IS, sealer, this.settings.compression, this.stamp())
  }

  /** Whole batches go before SQLite runs into the cap; acknowledged history also while the disk is nearly full. */
  private keepWithinCap(): void {
    const limit = this.file.capBytes()
    const used = this.read((tables) => tables.usedBytes(), 0)
    const nearlyFull = this.room.isNearlyFull()
    if (used <= limit * 0.9 && !nearlyFull) return
    const target = nearlyFull ? used - 256 * 1024 : limit * 0.85
    const only = used <= limit * 0.9
    for (let round = 0; round < 100; round += 1) {
      const over = this.read((tables) => (only ? needsRoom(tables) : tables.usedBytes() - target), 0)
      if (over <= 0) return
      const made = this.evict(over, 'storage_cap', only)
      if (!made.ok || made.value === 0) return
    }
  }

  private schedule(): void {
    if (this.timer || this.stopping.signal.aborted) return
    this.timer = true
    this.options.clock.sleep(durationMs(this.settings.commitEveryMs), this.stopping.signal).then(
      () => {
        this.timer = false
        this.commit()
        if (!this.isLeft) this.copyLeftStreams()
      },
      () => undefined,
    )
  }

  private unacknowledged(order: 'oldest' | 'newest', limit: number): readonly PendingBatch[] {
    const rows = this.read((tables) => tables.pending(order, limit + this.acknowledged.size), [])
    return rows
      .filter((row) => !this.acknowledged.has(row.id))
      .slice(0, limit)
      .map(pendingOf)
  }

  private read<T>(work: (tables: Tables) => T, otherwise: T): T {
    return this.file.read(work, otherwise)
  }

  private stamp(): Stamp {
    if (this.options.stamp) return this.options.stamp()
    const { clock } = this.options
    return { boot: clock.bootId, mono: clock.mono(), wall: clock.wall(), quality: 'U' }
  }
}

/** What is done between two tries of the same transaction. */
const LADDER = ['as it is', 'fresh handle', 'ballast', 'history', 'oldest', 'oldest'] as const
const ONLY_FULL: SealLimits = { minAgeMs: Number.POSITIVE_INFINITY, maxDecodedBytes: WIRE_LIMITS.sealedBytes }
const ALL_THERE_IS: SealLimits = { minAgeMs: 0, maxDecodedBytes: WIRE_LIMITS.sealedBytes }
const MANY_LOSSES = 64
const CLOSED: StoreFault = { kind: 'closed', why: 'the store is closed' }

/** On a nearly full disk: enough free pages inside the file for the next commits. */
const needsRoom = (tables: Tables): number => 256 * 1024 - tables.pragma('freelist_count') * tables.pragma('page_size')
