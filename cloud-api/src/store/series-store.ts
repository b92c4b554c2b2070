import type {
  Amount,
  Anchor,
  AnchorRecord,
  BatchHeader,
  BatchNumber,
  BootId,
  DecodedBatch,
  EpochMs,
  EventRecord,
  EventRow,
  GapRecord,
  GatewayId,
  HeartbeatRequest,
  IntervalRecord,
  IntervalRow,
  MeterId,
  MonoMs,
  Numbered,
  ProductionRecord,
  ProductionRow,
  QualityFlag,
  QuantityName,
  ReadingValue,
  RejectedRecord,
  Seq,
  Sha256Hex,
  StreamId,
  StreamKind,
  UnitEnergyRecord,
  UnitEnergyRow,
} from '@metergate/protocol'

/**
 * What the cloud remembers. Three doors of one store: the registry (who may speak), ingest (one transaction per
 * batch) and the reader. Every method may throw `StoreUnavailable`; nothing is answered as stored before its commit.
 */
export interface SeriesStore {
  readonly kind: 'sqlite' | 'postgres'
  readonly registry: Registry
  readonly ingest: Ingest
  readonly reader: Reader
  /** Resolves when the store answers. */
  ping(): Promise<void>
  /** Work ahead that must never be on the ingest path; to be done at start and a few times a day. */
  upkeep(now: EpochMs): Promise<void>
  close(): Promise<void>
}

// ---- Who may speak -----------------------------------------------------------------------------------------------

export interface Invitation {
  readonly codeHash: Sha256Hex
  readonly name: string
  readonly createdAt: EpochMs
  readonly expiresAt: EpochMs
}
export interface Enrolment {
  readonly codeHash: Sha256Hex
  /** Used when the code is fresh; an earlier enrolment with the same code and key keeps its own id. */
  readonly gateway: GatewayId
  /** Raw Ed25519 key, base64. */
  readonly publicKey: string
  readonly name: string | undefined
  readonly software: string
  readonly at: EpochMs
}
export type EnrolOutcome =
  | { readonly kind: 'enrolled'; readonly gateway: GatewayId; readonly name: string }
  | { readonly kind: 'unknown_code' | 'used_code' | 'expired_code' | 'known_key' }

export interface GatewayEntry {
  readonly id: GatewayId
  readonly name: string
  readonly publicKey: string
  readonly software: string
  readonly enrolledAt: EpochMs
  readonly revokedAt: EpochMs | undefined
}
export interface TokenEntry {
  readonly name: string
  readonly createdAt: EpochMs
}

export interface Registry {
  invite(invitation: Invitation): Promise<void>
  /** Whether such a code was ever given; only looked up, so that it costs little to ask. */
  invited(codeHash: Sha256Hex): Promise<boolean>
  /** Uses the code up, once; the same code with the same key is the same enrolment again (its answer was lost). */
  enrol(enrolment: Enrolment): Promise<EnrolOutcome>
  gateway(id: GatewayId): Promise<GatewayEntry | undefined>
  gateways(): Promise<readonly GatewayEntry[]>
  /** False when there is no such gateway; revoking twice keeps the first instant. */
  revoke(id: GatewayId, at: EpochMs): Promise<boolean>
  addToken(hash: Sha256Hex, name: string, at: EpochMs): Promise<void>
  token(hash: Sha256Hex): Promise<TokenEntry | undefined>
}

// ---- Ingest ------------------------------------------------------------------------------------------------------

/** Width of a stored slot: charts with wider buckets are answered from slots, finer ones from the batches. */
export const SLOT_MS = 300_000

/** The values of one quantity over a while: enough for a chart bucket, never for energy. */
export interface Rollup {
  readonly count: number
  readonly min: number
  readonly max: number
  readonly sum: number
  readonly last: number
  readonly lastAt: number
  readonly suspect: number
  readonly absent: number
}
export interface MeterSpan {
  readonly meter: MeterId
  /** First and last instant of any value, as recorded. */
  readonly from: EpochMs
  readonly to: EpochMs
  readonly readings: number
}
/** Readings of one meter and boot in one batch that were taken while the clock was unknown: where they lie in the boot. */
export interface UndatedSpan extends MeterSpan {
  readonly boot: BootId
  readonly fromMono: MonoMs
  readonly toMono: MonoMs
}
/** One meter's five minutes, starting at a multiple of {@link SLOT_MS}: one row, all quantities. */
export interface Slot {
  readonly meter: MeterId
  readonly start: EpochMs
  readonly rollups: ReadonlyMap<string, Rollup>
}
/** The newest value of one quantity and boot in a batch: `good` when it has an amount nobody doubts. */
export interface NewestValue {
  readonly meter: MeterId
  readonly good: boolean
  readonly at: EpochMs
  readonly seq: Seq
  readonly value: ReadingValue
  /** Where on the boot's own clock; not known of values kept by older programs. */
  readonly taken?: { readonly boot: BootId; readonly mono: MonoMs } | undefined
  /** Taken while the clock was unknown: then `at` is only a label, and this is `taken`. */
  readonly undated?: { readonly boot: BootId; readonly mono: MonoMs } | undefined
}
export interface BatchContents {
  /** Of readings whose time was known; so are the slots. */
  readonly spans: readonly MeterSpan[]
  readonly undated: readonly UndatedSpan[]
  readonly slots: readonly Slot[]
  readonly newest: readonly NewestValue[]
  readonly intervals: readonly Numbered<IntervalRecord>[]
  readonly production: readonly Numbered<ProductionRecord>[]
  readonly unitEnergy: readonly Numbered<UnitEnergyRecord>[]
  readonly events: readonly Numbered<EventRecord>[]
  readonly gaps: readonly Numbered<GapRecord>[]
  readonly anchors: readonly Numbered<AnchorRecord>[]
  readonly rejected: readonly { readonly record: Seq | undefined; readonly reason: string }[]
}
export interface BatchToCommit {
  readonly header: BatchHeader
  /** Of the decoded bytes. */
  readonly sha256: Sha256Hex
  readonly encoding: BatchEncoding
  /** As they came. */
  readonly body: Uint8Array
  readonly decodedSize: number
  readonly receivedAt: EpochMs
  /** Those that are understood, in order. */
  readonly records: readonly Numbered[]
  /** Reads a batch that is stored; undefined when its bytes are damaged. Asked where a record may be here already. */
  readHeld(stored: StoredBatch): Promise<DecodedBatch | undefined>
  /**
   * What is understood of the batch but for the records with these numbers, which are here already: only their bytes are
   * kept. Asked inside the commit, where no other batch can bring the same record in between.
   */
  contentsWithout(copies: ReadonlySet<number>): BatchContents
}
/** What of a new batch is filed. */
export interface BatchToFile {
  readonly header: BatchHeader
  readonly receivedAt: EpochMs
  readonly contents: BatchContents
}
export type BatchEncoding = 'br' | 'gzip'

export interface Settled {
  readonly contiguous: number
  readonly rejected: readonly RejectedRecord[]
}
export type CommitOutcome =
  /** `rejections`: all that could not be interpreted, findings without a record number included. */
  | ({ readonly kind: 'committed'; readonly rejections: number } & Settled)
  | ({ readonly kind: 'again' } & Settled)
  | { readonly kind: 'conflict'; readonly held: Sha256Hex }
  | { readonly kind: 'not_enrolled' }

export interface Ingest {
  /**
   * One transaction: ledger row, bytes, everything understood. The same (gateway, stream, number) with the same hash
   * changes nothing but a counter; with another hash, or with other records under numbers that are taken in its stream,
   * both are kept and an alarm event is raised. A record that came before, under its origin, under its own number or as a
   * copy, is counted and filed once; the same number with other contents is another record.
   */
  commit(batch: BatchToCommit): Promise<CommitOutcome>
  heartbeat(gateway: GatewayId, body: HeartbeatRequest, at: EpochMs): Promise<void>
}

// ---- Reading back ------------------------------------------------------------------------------------------------

export interface Range {
  readonly from: EpochMs
  /** Not in the range itself. */
  readonly to: EpochMs
}
export interface SpanRow {
  readonly stream: StreamId
  readonly number: BatchNumber
  readonly from: EpochMs
  readonly to: EpochMs
}
/** Batches with readings of unknown time that lie in a range as well as can be known, and what dates them. */
export interface UndatedRows {
  readonly spans: readonly SpanRow[]
  readonly anchors: readonly Anchor[]
}
export interface SlotRow {
  readonly start: EpochMs
  readonly rollup: Rollup
}
export interface StoredBatch {
  readonly encoding: BatchEncoding
  readonly body: Uint8Array
  readonly sha256: Sha256Hex
}
export interface StreamRow {
  readonly stream: StreamId
  readonly kind: StreamKind
  readonly batches: number
  readonly records: number
  readonly copies: number
  readonly firstRecord: number
  readonly lastRecord: number
  readonly lastBatch: number
  readonly contiguous: number
  readonly voidBatches: number
  readonly gapRecords: number
  readonly duplicates: number
  readonly conflicts: number
  readonly rejected: number
  readonly chainVerified: number
  readonly chainBroken: number
}
export interface StoredValue extends NewestValue {
  readonly stream: StreamId
}
export interface StoredHeartbeat {
  readonly at: EpochMs
  readonly body: HeartbeatRequest
}

/** Every zone's offset is a multiple of a quarter hour, so civil hours and days are made of whole ones. */
export const ENERGY_QUARTER_MS = 900_000

/** What one counter took in the intervals of one flag that start in one quarter hour. */
export interface EnergySum {
  /** Start of the quarter hour. */
  readonly start: EpochMs
  readonly energy: Amount
  /** `mixed`: only what no meter saw; what it saw of the same interval is `measured`. */
  readonly flag: QualityFlag
  /** How much of the time of these intervals was metered. */
  readonly coveredMs: number
}

export interface Reader {
  heartbeat(gateway: GatewayId): Promise<StoredHeartbeat | undefined>
  lastBatchAt(gateway: GatewayId): Promise<EpochMs | undefined>
  /**
   * Newest good and newest bad value per meter and quantity (which is newer: see sql-newest.ts); dated by an anchor where
   * the clock was unknown.
   */
  newestValues(gateway: GatewayId): Promise<readonly StoredValue[]>
  /** Batches holding values of a meter in the range whose time was known, oldest first. */
  spans(gateway: GatewayId, meter: MeterId, range: Range): Promise<readonly SpanRow[]>
  undated(gateway: GatewayId, meter: MeterId, range: Range): Promise<UndatedRows>
  /** The slots of one quantity that start in the range, oldest first; none where nothing was polled. */
  slots(gateway: GatewayId, meter: MeterId, quantity: QuantityName, range: Range): Promise<readonly SlotRow[]>
  batch(gateway: GatewayId, stream: StreamId, number: BatchNumber): Promise<StoredBatch | undefined>
  intervals(gateway: GatewayId, meter: MeterId, range: Range): Promise<readonly IntervalRow[]>
  /** The known energy of one counter per quarter hour and flag, newest revision, oldest first. */
  energy(gateway: GatewayId, meter: MeterId, quantity: QuantityName, range: Range): Promise<readonly EnergySum[]>
  unitEnergy(gateway: GatewayId, range: Range, period: string | undefined): Promise<readonly UnitEnergyRow[]>
  production(gateway: GatewayId, range: Range): Promise<readonly ProductionRow[]>
  events(gateway: GatewayId, range: Range, limit: number): Promise<readonly EventRow[]>
  streams(gateway: GatewayId): Promise<readonly StreamRow[]>
  /** Readings and intervals held per meter. */
  counts(gateway: GatewayId): Promise<readonly { meter: MeterId; readings: number; intervals: number }[]>
  rejected(gateway: GatewayId, limit: number): Promise<readonly RejectedRecord[]>
}
