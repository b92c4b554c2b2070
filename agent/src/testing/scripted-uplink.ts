import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import {
  type Clock,
  type DecodedBatch,
  decodeBatch,
  durationMs,
  type EpochMs,
  epochMs,
  invariant,
  ok,
  type Result,
  type Seq,
} from '@metergate/protocol'
import type { SealedBatch } from '../store/record-store.js'
import type { HeartbeatReceipt, Uplink, UplinkFault, UplinkReceipt } from '../sync/uplink.js'

/** What the cloud does with one batch: an outcome, or `undefined` for an ordinary acknowledgement. */
export type Script = (batch: SealedBatch, attempt: number) => Result<UplinkReceipt, UplinkFault> | undefined

/** A cloud that does what a test says, and remembers what it was sent. Commits like a real one: by stream and number. */
export class ScriptedUplink implements Uplink {
  readonly attempts: { readonly batch: SealedBatch; readonly at: number }[] = []
  readonly heartbeats: number[] = []
  readonly committed = new Map<string, SealedBatch>()
  /** How the clock there differs from ours. */
  serverAheadMs = 0
  roundTripMs = 100
  /** Speed of the way up, shared by everything under way; undefined: takes no time. */
  bitsPerSecond: number | undefined
  private lineFreeAt = 0
  script: Script = () => undefined
  heartbeatFault: UplinkFault | undefined

  constructor(private readonly clock: Clock) {}

  async send(batch: SealedBatch, signal?: AbortSignal): Promise<Result<UplinkReceipt, UplinkFault>> {
    this.attempts.push({ batch, at: this.clock.mono() })
    const attempt = this.attempts.length
    const wait = await this.travel(signal, batch.body.length)
    if (wait) return wait
    return this.script(batch, attempt) ?? ok(this.commit(batch))
  }

  async heartbeat(_body: unknown, signal?: AbortSignal): Promise<Result<HeartbeatReceipt, UplinkFault>> {
    const wait = await this.travel(signal)
    if (wait) return wait
    this.heartbeats.push(this.clock.mono())
    if (this.heartbeatFault) return { ok: false, fault: this.heartbeatFault }
    return ok({ serverTime: this.serverTime(), roundTripMs: this.roundTripMs })
  }

  /** Commits a batch and says so. */
  commit(batch: SealedBatch): UplinkReceipt {
    this.committed.set(`${batch.stream}/${batch.number}`, batch)
    return this.receipt([batch])
  }

  receipt(committed: UplinkReceipt['committed'], rejected: UplinkReceipt['rejected'] = []): UplinkReceipt {
    const serverTime = this.serverTime()
    return { committed, rejected, serverTime, roundTripMs: this.roundTripMs, bytesSent: 1000 }
  }

  /** A rejection of one record of a batch that is otherwise committed. */
  rejecting(batch: SealedBatch, record: Seq, reason: string): UplinkReceipt {
    return { ...this.commit(batch), rejected: [{ stream: batch.stream, record, reason }] }
  }

  private serverTime(): EpochMs {
    return epochMs(Math.round(this.clock.wall() + this.serverAheadMs - this.roundTripMs / 2))
  }

  private async travel(signal?: AbortSignal, bytes = 0): Promise<Result<never, UplinkFault> | undefined> {
    const now = this.clock.mono()
    this.lineFreeAt = Math.max(now, this.lineFreeAt) + (this.bitsPerSecond ? (bytes * 8000) / this.bitsPerSecond : 0)
    try {
      await this.clock.sleep(durationMs(this.lineFreeAt - now + this.roundTripMs), signal)
      return undefined
    } catch {
      return { ok: false, fault: { kind: 'unreachable', why: 'aborted' } }
    }
  }
}

/** What is in a sealed batch. */
export function openBatch(batch: SealedBatch): DecodedBatch {
  const decoded = decodeBatch(batch.encoding === 'br' ? brotliDecompressSync(batch.body) : gunzipSync(batch.body))
  invariant(decoded.ok, `batch ${batch.number} cannot be read`)
  return decoded.value
}
