import type { BatchNumber, EpochMs, Result, Seq, Sha256Hex, StreamId } from '@metergate/protocol'
import type { SealedBatch } from '../store/record-store.js'

/** Why an upload failed, by what the agent must do about it. */
export type UplinkFault =
  | { readonly kind: 'unreachable'; readonly why: string }
  | { readonly kind: 'busy'; readonly status: number; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'server_error'; readonly status: number; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'refused_gateway'; readonly status: 401 | 403 | 404; readonly why: string }
  | { readonly kind: 'refused_batch'; readonly status: 413 | 422 | 400; readonly why: string }
  | { readonly kind: 'conflict'; readonly why: string }
  | { readonly kind: 'malformed_answer'; readonly status: number; readonly why: string }
  | { readonly kind: 'redirect'; readonly to: string }

/** What a 2xx answer said, already checked against the contract; whether it is about what was sent is the loop's to see. */
export interface UplinkReceipt {
  readonly committed: readonly { readonly stream: StreamId; readonly number: BatchNumber; readonly sha256: Sha256Hex }[]
  readonly rejected: readonly { readonly stream: StreamId; readonly record: Seq; readonly reason: string }[]
  /** Highest batch number of each stream up to which the cloud has everything: a check, it frees nothing. */
  readonly contiguous?: readonly { readonly stream: StreamId; readonly number: number }[]
  readonly serverTime: EpochMs
  readonly roundTripMs: number
  readonly bytesSent: number
}

/** The way to the cloud. Never throws for what the network or the server does. */
export interface Uplink {
  send(batch: SealedBatch, signal?: AbortSignal): Promise<Result<UplinkReceipt, UplinkFault>>
  heartbeat(body: unknown, signal?: AbortSignal): Promise<Result<HeartbeatReceipt, UplinkFault>>
}

export interface HeartbeatReceipt {
  readonly serverTime: EpochMs
  readonly roundTripMs: number
  readonly bytesSent?: number
}
