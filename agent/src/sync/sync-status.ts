import type { EpochMs, MonoMs, StreamId } from '@metergate/protocol'
import type { SealedBatch } from '../store/record-store.js'
import type { Usage } from './data-usage.js'
import type { ServerTimeSample } from './server-time.js'
import type { UplinkFault } from './uplink.js'

/**
 * `up`: the last exchange went well. `waiting`: it did not, the next try is due at `retryAt`. `blocked`: the cloud
 * refuses this gateway or everything it sends; it is still tried, slowly, and a person should look.
 */
export type LinkState = 'starting' | 'up' | 'waiting' | 'blocked'

export interface SyncCounters {
  /** Batches handed to the uplink, and those freed by an acknowledgement. */
  readonly sent: number
  readonly acknowledged: number
  /** Records the cloud could not interpret; set aside on both sides. */
  readonly rejected: number
  /** Acknowledgements, rejections and totals of what was never sent: they freed nothing. */
  readonly strange: number
  /** Answers that went well but left out the batch they answer. */
  readonly unacknowledged: number
  readonly refused: number
  readonly conflicts: number
  readonly heartbeats: number
  /** Failed exchanges by kind of fault. */
  readonly faults: Readonly<Partial<Record<UplinkFault['kind'], number>>>
}

export const NOTHING_COUNTED: SyncCounters = {
  sent: 0,
  acknowledged: 0,
  rejected: 0,
  strange: 0,
  unacknowledged: 0,
  refused: 0,
  conflicts: 0,
  heartbeats: 0,
  faults: {},
}

/** What `metergate status` shows of the way to the cloud. */
export interface SyncStatus {
  readonly link: LinkState
  /** The last good answer of either kind. */
  readonly lastSuccess: { readonly wall: EpochMs; readonly mono: MonoMs } | undefined
  readonly lastBatchAt: EpochMs | undefined
  readonly lastHeartbeatAt: EpochMs | undefined
  readonly lastFault: { readonly fault: UplinkFault; readonly wall: EpochMs; readonly mono: MonoMs } | undefined
  /** Monotonic time of the next try while `waiting` or `blocked`. */
  readonly retryAt: MonoMs | undefined
  readonly serverTime: ServerTimeSample | undefined
  readonly usage: Usage
  readonly counters: SyncCounters
}

/** What a person may want to find in the log. */
export type SyncNotice =
  | { readonly kind: 'link_up' }
  | { readonly kind: 'link_down'; readonly fault: UplinkFault; readonly retryInMs: number }
  | { readonly kind: 'batch_refused'; readonly batch: SealedBatch; readonly why: string }
  | { readonly kind: 'stream_restarted'; readonly batch: SealedBatch; readonly why: string }
  | { readonly kind: 'records_rejected'; readonly count: number }
  | { readonly kind: 'strange_answer'; readonly claims: number }
  /** The cloud once acknowledged this batch and does not have it any more. */
  | { readonly kind: 'cloud_forgot'; readonly stream: StreamId; readonly number: number }
