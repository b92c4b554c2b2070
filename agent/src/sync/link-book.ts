import { type Clock, type DurationMs, type MonoMs, monoMs } from '@metergate/protocol'
import { type ServerTimeSample, sampleServerTime } from './server-time.js'
import { type LinkState, NOTHING_COUNTED, type SyncCounters, type SyncNotice, type SyncStatus } from './sync-status.js'
import type { HeartbeatReceipt, UplinkFault } from './uplink.js'

interface Listeners {
  readonly onServerTime?: (sample: ServerTimeSample) => void
  readonly onNotice?: (notice: SyncNotice) => void
}

/** Keeps book of the link: its state, what went well and wrong, and the server's time as answers tell it. */
export class LinkBook {
  private link: LinkState = 'starting'
  private counters: SyncCounters = NOTHING_COUNTED
  private lastSuccess: SyncStatus['lastSuccess']
  private lastBatchAt: SyncStatus['lastBatchAt']
  private lastHeartbeatAt: SyncStatus['lastHeartbeatAt']
  private lastFault: SyncStatus['lastFault']
  private retryAt: MonoMs | undefined
  private serverTime: ServerTimeSample | undefined
  private cause: UplinkFault | undefined
  private heartbeatFailed = false

  constructor(
    private readonly clock: Clock,
    private readonly listeners: Listeners,
  ) {}

  /** Nothing speaks against sending small, prompt batches. */
  get isFree(): boolean {
    return this.link === 'up' || this.link === 'starting'
  }

  count(what: Exclude<keyof SyncCounters, 'faults'>, by = 1): void {
    this.counters = { ...this.counters, [what]: this.counters[what] + by }
  }

  /** A batch was answered with 2xx in the right shape. */
  batchAnswered(receipt: HeartbeatReceipt): void {
    this.lastBatchAt = this.clock.wall()
    this.answered(receipt)
  }

  /**
   * A heartbeat got through. True when it is the first after one that did not, so that waiting on has no point; a
   * cloud that asked for patience gets it all the same.
   */
  heartbeat(receipt: HeartbeatReceipt): boolean {
    this.count('heartbeats')
    this.lastHeartbeatAt = this.clock.wall()
    this.answered(receipt)
    if (this.link === 'starting') this.up()
    const isBack = this.heartbeatFailed && this.link === 'waiting' && this.cause?.kind !== 'busy'
    this.heartbeatFailed = false
    return isBack
  }

  heartbeatFault(fault: UplinkFault): void {
    this.heartbeatFailed = true
    this.fault(fault)
  }

  fault(fault: UplinkFault): void {
    this.lastFault = { fault, wall: this.clock.wall(), mono: this.clock.mono() }
    const before = this.counters.faults[fault.kind] ?? 0
    this.counters = { ...this.counters, faults: { ...this.counters.faults, [fault.kind]: before + 1 } }
  }

  up(): void {
    const wasUp = this.link === 'up'
    this.link = 'up'
    this.retryAt = undefined
    this.cause = undefined
    if (!wasUp) this.listeners.onNotice?.({ kind: 'link_up' })
  }

  down(state: LinkState, cause: UplinkFault, wait: DurationMs): void {
    this.link = state
    this.cause = cause
    this.retryAt = monoMs(this.clock.mono() + wait)
    this.listeners.onNotice?.({ kind: 'link_down', fault: cause, retryInMs: wait })
  }

  status(): Omit<SyncStatus, 'usage'> {
    const { link, lastSuccess, lastBatchAt, lastHeartbeatAt, lastFault, retryAt, serverTime, counters } = this
    return { link, lastSuccess, lastBatchAt, lastHeartbeatAt, lastFault, retryAt, serverTime, counters }
  }

  /** The cloud's time is in every good answer. */
  private answered(receipt: HeartbeatReceipt): void {
    this.serverTime = sampleServerTime(receipt, this.clock)
    this.lastSuccess = { wall: this.clock.wall(), mono: this.clock.mono() }
    this.listeners.onServerTime?.(this.serverTime)
  }
}
