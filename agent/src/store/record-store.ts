import type {
  BatchNumber,
  EpochMs,
  GatewayId,
  MeterId,
  Numbered,
  Result,
  Seq,
  Sha256Hex,
  StreamId,
  StreamKind,
  StreamRecord,
} from '@metergate/protocol'

/** A sealed batch as stored: its bytes never change again. */
export interface SealedBatch {
  readonly streamKind: StreamKind
  readonly stream: StreamId
  readonly number: BatchNumber
  readonly first: Seq
  readonly last: Seq
  /** Hash of `decoded bytes` (before compression). */
  readonly sha256: Sha256Hex
  readonly encoding: 'br' | 'gzip'
  readonly body: Uint8Array
  readonly decodedSize: number
}

/** One committed batch as the cloud names it. */
export interface Acknowledgement {
  readonly stream: StreamId
  readonly number: BatchNumber
  readonly sha256: Sha256Hex
}

export interface StreamState {
  readonly kind: StreamKind
  readonly stream: StreamId
  readonly lastSeq: number
  readonly lastSealed: number
  readonly lastBatch: number
  /** Records stored but not acknowledged (sealed or not). */
  readonly unacknowledged: number
  /** Wall time of the oldest of them as recorded, for display only. */
  readonly oldestUnacknowledged: EpochMs | undefined
  readonly unsealed: number
  readonly oldestUnsealedAgeMs: number | undefined
}

export interface StoreHealth {
  readonly streams: readonly StreamState[]
  readonly sizeBytes: number
  readonly capBytes: number
  readonly quarantined: number
  readonly evictedRecords: number
  readonly degraded: string | undefined
}

/**
 * Why records are not on disk yet. Unless `closed`, they stay queued in memory, in order, and the store tries again by
 * itself; whatever has to be dropped meanwhile gets its numbers and a gap record naming them.
 */
export type StoreFault = { readonly kind: 'full' | 'io' | 'closed'; readonly why: string }

/** Who seals: goes into each batch's header. */
export interface Sealer {
  readonly gateway: GatewayId
  /** Software version, e.g. `metergate/0.1.0`. */
  readonly software: string
  /** Version or hash of the configuration in force. */
  readonly config: string
}

/**
 * The box's memory. A record gets its number inside the commit that stores it; nothing uncommitted is sealed,
 * sent or called stored; numbers are never reused.
 */
export interface RecordStore {
  /**
   * Queues records for the next group commit (`urgent`: commits now) and resolves with their numbers once they
   * are on disk. Records of one call stay together and in order.
   */
  append(
    records: readonly StreamRecord[],
    options?: { readonly urgent?: boolean },
  ): Promise<Result<readonly Seq[], StoreFault>>
  /** Commits what is queued now. */
  flush(): Promise<Result<void, StoreFault>>
  /**
   * Seals the oldest committed, unsealed records of a stream when they are old or large enough for `limits`;
   * undefined when nothing is due, the gateway has no identity yet, or the disk refuses (then: try again later).
   */
  seal(kind: StreamKind, limits: SealLimits): SealedBatch | undefined
  /** The unacknowledged sealed batches of all streams, cheap rows without bodies, oldest first. */
  pending(limit: number): readonly PendingBatch[]
  /** The newest unacknowledged sealed batches, for fresh-first sending. */
  freshest(limit: number): readonly PendingBatch[]
  load(stream: StreamId, number: BatchNumber): SealedBatch | undefined
  /** Frees exactly the listed batches whose stored hash agrees; returns those freed. */
  acknowledge(list: readonly Acknowledgement[]): readonly Acknowledgement[]
  /** Keeps what the cloud refused, with the reason; the records stay in history. */
  quarantine(records: readonly Rejected[]): void
  /**
   * Whole batch definitely refused: its bytes are set aside, its records copied with their numbers into smaller new
   * batches, and under its own number a void batch (naming hash, reason and successors) is pending. A batch of one
   * record is not cut further: the record is quarantined and the void has no successors. A gap record is then written anew, a
   * few times at most: nothing else names what is gone. False when nothing was done: the batch is a void itself, or the disk refuses.
   */
  refuse(stream: StreamId, number: BatchNumber, reason: string): boolean
  /**
   * Other hash at the cloud: goes on in a new stream, copying what was unacknowledged with its origin. False when the disk refuses:
   * the stream has not been left, and must be once more.
   */
  restartStream(stream: StreamId, reason: string): boolean
  /** Records of a stream that was left are still being copied: until that is over history is in two places. */
  isLeaving(): boolean
  /**
   * Stored records, stream by stream in the order of their numbers, newest revision not resolved. Local history and
   * restart of energy.
   */
  records(query: RecordQuery): Iterable<FoundRecord>
  /** Small named values of other parts (e.g. energy checkpoints), committed with the next commit. */
  getState(key: string): string | undefined
  putState(key: string, value: string): void
  health(): StoreHealth
  close(): Promise<void>
}

/** A record the cloud refused. */
export interface Rejected {
  readonly stream: StreamId
  readonly record: Seq
  readonly reason: string
}

/** Where a record is: its stream and its number in it. */
export interface RecordPlace {
  readonly stream: StreamId
  readonly seq: Seq
}

/** A record under its number; of a copy, where it was first, before its stream was left. */
export interface StoredRecord extends Numbered {
  readonly origin?: RecordPlace | undefined
}

/** A record as history shows it: its place, and its origin. */
export interface FoundRecord extends StoredRecord, RecordPlace {}

export interface PendingBatch {
  readonly streamKind: StreamKind
  readonly stream: StreamId
  readonly number: BatchNumber
  readonly sha256: Sha256Hex
  readonly size: number
}

export interface SealLimits {
  /**
   * Seal only when the oldest unsealed record is at least this old on the monotonic clock (0: whatever there is), or
   * when there is enough for a full batch. Records of an earlier boot count as old.
   */
  readonly minAgeMs: number
  readonly maxDecodedBytes: number
}

export interface RecordQuery {
  readonly stream: StreamKind
  readonly kinds?: readonly StreamRecord['kind'][]
  readonly meter?: MeterId
  /** Only what follows this place: later numbers of its stream, and streams begun later. Everything, when there is no such stream. */
  readonly after?: RecordPlace
  /** By the time the record is about (interval start, reading wall), as recorded: `from` inclusive, `to` exclusive. */
  readonly from?: EpochMs
  readonly to?: EpochMs
}
