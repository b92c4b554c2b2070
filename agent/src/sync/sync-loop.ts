import { setMaxListeners } from 'node:events'
import {
  type Clock,
  type DurationMs,
  durationMs,
  type HeartbeatRequest,
  minutes,
  type Random,
  type Result,
  type StreamId,
  seconds,
  unreachable,
  WIRE_LIMITS,
} from '@metergate/protocol'
import type { PendingBatch, RecordStore, SealedBatch } from '../store/record-store.js'
import { BatchPicker } from './batch-picker.js'
import { compareContiguous } from './contiguous.js'
import { DataUsage } from './data-usage.js'
import { Delivery } from './delivery.js'
import { LinkBook } from './link-book.js'
import { Pause } from './pause.js'
import { askedWait, retryWaits, slowWait } from './retry-schedule.js'
import type { ServerTimeSample } from './server-time.js'
import type { LinkState, SyncNotice, SyncStatus } from './sync-status.js'
import type { Uplink, UplinkFault, UplinkReceipt } from './uplink.js'

/** With a free link the oldest unsealed record waits this long at most. */
const EVERY = seconds(60)
/** Without one, records are gathered into fuller batches. */
const EVERY_OFFLINE = minutes(15)
/** At once on a line that carries them: many small batches, few large ones (64 KiB are 8 s at 64 kbit/s). */
const MOST_IN_FLIGHT = 16
const MOST_BYTES_IN_FLIGHT = 64 * 1024
/** Before going on after one exchange of several broke off, at most. */
const BROKE_OFF_WAIT = seconds(1)
/** Between two batches sealed one after the other. */
const BETWEEN_SEALS = durationMs(1)
/** With nothing to send. */
const LOOK_EVERY = seconds(5)
const HEARTBEAT_EVERY = seconds(60)
/** So many batches refused in a row, and it is the server that is wrong, not the data: then nothing more is cut up. */
const REFUSALS_IN_A_ROW = 20

export interface SyncParts {
  readonly clock: Clock
  /** Seeded per device, so that gateways do not retry in step. */
  readonly random: Random
  readonly store: RecordStore
  readonly uplink: Uplink
}

export interface SyncOptions {
  /** `sync.every`: 60 s by default; a data plan may want 15 min. */
  readonly every?: DurationMs
  /** `sync.heartbeat`: 60 s by default. */
  readonly heartbeatEvery?: DurationMs
  /** The plant's zone, whose days and months the data plan counts. */
  readonly timeZone?: string
  /** Body of the heartbeat, made when it is sent. */
  readonly heartbeat: () => HeartbeatRequest
  /** True time as each answer tells it. */
  readonly onServerTime?: (sample: ServerTimeSample) => void
  /** Something a person may want in the log: every change of the link, every batch refused. */
  readonly onNotice?: (notice: SyncNotice) => void
}

/**
 * Carries sealed batches to the cloud: seals lazily, sends fresh ones first and then the backlog, frees exactly what
 * the cloud says it has durably committed, and waits with growing, random pauses while it cannot. Beside it a
 * heartbeat goes out every minute or as configured; the first that gets through after an outage ends the wait.
 */
export class SyncLoop {
  private readonly picker: BatchPicker
  private readonly delivery: Delivery
  private readonly usage: DataUsage
  private readonly book: LinkBook
  private readonly uploadPause: Pause
  private readonly heartbeatPause: Pause
  private waits: Generator<DurationMs, never>
  private refusalsInARow = 0
  private inFlight = 1
  /** An exchange alone under way has just broken off on a link that worked. */
  private isStumbling = false
  /** Streams left for a new one after a conflict. */
  private readonly left = new Set<StreamId>()
  /** What the cloud was found to lack, so that it is said once. */
  private readonly forgotten = new Set<string>()

  constructor(
    private readonly parts: SyncParts,
    private readonly options: SyncOptions,
  ) {
    this.picker = new BatchPicker(parts.store)
    this.delivery = new Delivery(parts.store)
    this.usage = new DataUsage(parts.store, options.timeZone ?? 'UTC')
    this.book = new LinkBook(parts.clock, options)
    this.uploadPause = new Pause(parts.clock)
    this.heartbeatPause = new Pause(parts.clock)
    this.waits = retryWaits(parts.random)
  }

  /** Works until `signal` aborts, then resolves; an exchange under way is cut off and its batch sent again later. */
  async start(signal: AbortSignal): Promise<void> {
    // Each exchange under way listens to it, and the two pauses: above ten Node suspects a leak.
    const stop = AbortSignal.any([signal])
    setMaxListeners(2 * MOST_IN_FLIGHT + 2, stop)
    await Promise.all([
      this.uploadPause.between(() => this.uploadStep(stop), stop),
      this.heartbeatPause.between(() => this.heartbeatStep(stop), stop),
    ])
  }

  /** Looks at once for something to send, whatever wait is on: `metergate sync`, or a link known to be back. */
  nudge(): void {
    this.uploadPause.end()
  }

  status(): SyncStatus {
    return { ...this.book.status(), usage: this.usage.at(this.parts.clock.wall()) }
  }

  /** Sends what comes next, one batch or a few at once, and says how long to wait before the next look. */
  private async uploadStep(signal: AbortSignal): Promise<DurationMs> {
    const next = await this.whatComesNext(signal)
    if (next.length === 0) return durationMs(Math.min(LOOK_EVERY, this.options.every ?? EVERY))
    const batches = next
      .map(({ stream, number }) => this.parts.store.load(stream, number))
      .filter((batch) => batch !== undefined)
    // Evicted between the two looks: there is nothing to send, and the gap record says so.
    if (batches.length === 0) return seconds(1)
    const outcomes = await Promise.all(batches.map((batch) => this.exchange(batch, signal)))
    // Successes first: a fault among them is the newer news about the link.
    outcomes.sort(([, a], [, b]) => Number(b.ok) - Number(a.ok))
    let worked = 0
    let broken = 0
    const waits = outcomes.map(([batch, outcome]) => {
      if (outcome.ok) {
        worked += 1
        return this.received(batch, outcome.value)
      }
      if (signal.aborted) return durationMs(0)
      broken += 1
      return outcome.fault.kind === 'unreachable' && (worked > 0 || this.stumbles(broken))
        ? this.brokeOff(batch, outcome.fault)
        : this.failed(batch, outcome.fault)
    })
    this.inFlight = this.nextInFlight(worked, broken)
    return durationMs(Math.max(...waits))
  }

  /**
   * One exchange of several broke off while others went through, or one alone on a link that has just worked: the link
   * is bad, not gone. The second in a row is an outage.
   */
  private stumbles(broken: number): boolean {
    if (broken > 1 || this.isStumbling || this.book.status().link !== 'up') return false
    this.isStumbling = true
    return true
  }

  /**
   * A slow line is filled by several exchanges at once, but only after it has shown that it carries them. Resets here
   * and there are not a sign of too many; when more break off than go through, fewer are tried.
   */
  private nextInFlight(worked: number, broken: number): number {
    if (!this.book.isFree) return 1
    if (broken === 0) return Math.min(MOST_IN_FLIGHT, this.inFlight * 2)
    return broken < worked ? this.inFlight : Math.max(1, this.inFlight >> 1)
  }

  private async exchange(
    batch: SealedBatch,
    signal: AbortSignal,
  ): Promise<[SealedBatch, Result<UplinkReceipt, UplinkFault>]> {
    this.delivery.sending(batch)
    this.book.count('sent')
    const outcome = await this.parts.uplink.send(batch, signal)
    // At once: the server's time in it is true now, not when the slowest of the exchanges under way has ended.
    if (outcome.ok) this.book.batchAnswered(outcome.value)
    this.usage.add(outcome.ok ? outcome.value.bytesSent : batch.body.length, this.parts.clock.wall())
    return [batch, outcome]
  }

  /**
   * Without a link records are gathered into fuller batches, as long as there is one to try it with: after a conflict
   * everything sealed may have gone into a new stream, and a link that works would stay unused for a quarter of an hour.
   */
  private async whatComesNext(signal: AbortSignal): Promise<readonly PendingBatch[]> {
    const every = this.options.every ?? EVERY
    const take = () => this.picker.take(this.inFlight, MOST_BYTES_IN_FLIGHT, this.parts.clock.mono())
    await this.sealWhatIsDue(this.book.isFree ? every : Math.max(every, EVERY_OFFLINE), signal)
    const next = take()
    if (next.length > 0 || this.book.isFree) return next
    await this.sealWhatIsDue(every, signal)
    return take()
  }

  private async sealWhatIsDue(minAgeMs: number, signal: AbortSignal): Promise<void> {
    for (const kind of ['ledger', 'detail'] as const) {
      // Until nothing more is due: after an outage or an enrolment there may be hundreds, and polls must have their turn.
      const limits = { minAgeMs, maxDecodedBytes: WIRE_LIMITS.sealedBytes }
      for (let count = 0; !signal.aborted && this.parts.store.seal(kind, limits); count += 1)
        if (count > 0) await this.parts.clock.sleep(BETWEEN_SEALS)
    }
  }

  private received(batch: SealedBatch, receipt: UplinkReceipt): DurationMs {
    const { freed, rejected, strange } = this.delivery.settle(receipt)
    this.book.count('acknowledged', freed.length)
    this.book.count('rejected', rejected)
    this.book.count('strange', strange)
    if (rejected > 0) this.options.onNotice?.({ kind: 'records_rejected', count: rejected })
    if (strange > 0) this.options.onNotice?.({ kind: 'strange_answer', claims: strange })
    if (this.delivery.isOpen(batch)) {
      this.book.count('unacknowledged')
      const why = 'the answer does not acknowledge the batch it answers'
      return this.linkDown({ kind: 'malformed_answer', status: 200, why }, this.nextWait())
    }
    this.picker.delivered(batch)
    this.compare(batch, receipt)
    this.book.up()
    this.isStumbling = false
    this.refusalsInARow = 0
    this.waits = retryWaits(this.parts.random)
    return durationMs(0)
  }

  /** What the cloud says it has throughout against what we know: a check, it frees nothing. */
  private compare({ stream, number }: SealedBatch, { contiguous = [] }: UplinkReceipt): void {
    const reached = contiguous.find((each) => each.stream === stream)?.number
    if (reached === undefined || reached === number) return
    const verdict = compareContiguous(this.parts.store, stream, reached)
    if (verdict === 'never_sent') this.book.count('strange')
    if (verdict !== 'forgotten' || this.forgotten.has(`${stream}/${reached}`)) return
    this.forgotten.add(`${stream}/${reached}`)
    this.options.onNotice?.({ kind: 'cloud_forgot', stream, number: reached + 1 })
  }

  private failed(batch: SealedBatch, fault: UplinkFault): DurationMs {
    switch (fault.kind) {
      case 'unreachable':
      case 'malformed_answer':
      case 'redirect':
        return this.linkDown(fault, this.nextWait())
      case 'busy':
      case 'server_error':
        return this.linkDown(fault, this.waitAsAsked(fault.retryAfterMs))
      case 'refused_gateway':
        return this.linkDown(fault, slowWait(this.parts.random), 'blocked')
      case 'refused_batch':
        return this.refused(batch, fault)
      case 'conflict':
        return this.conflicted(batch, fault)
      default:
        return unreachable(fault)
    }
  }

  /** Sent again soon; with only one in flight, the next failure is an outage like any other. */
  private brokeOff(batch: SealedBatch, fault: UplinkFault): DurationMs {
    this.picker.again(batch)
    this.book.fault(fault)
    return durationMs(Math.floor(this.parts.random.next() * BROKE_OFF_WAIT))
  }

  /** 413 and 422 mean these bytes will never be taken; a 400 may be a proxy's mood, and cutting up would not cure it. */
  private refused(batch: SealedBatch, fault: UplinkFault & { readonly kind: 'refused_batch' }): DurationMs {
    if (fault.status === 400 || this.refusalsInARow >= REFUSALS_IN_A_ROW) {
      return this.linkDown(fault, slowWait(this.parts.random), 'blocked')
    }
    this.refusalsInARow += 1
    this.book.count('refused')
    this.book.fault(fault)
    this.delivery.forget(batch.stream, batch.number)
    if (!this.parts.store.refuse(batch.stream, batch.number, fault.why)) {
      this.picker.postpone(batch, this.parts.clock.mono())
      return seconds(1)
    }
    this.options.onNotice?.({ kind: 'batch_refused', batch, why: fault.why })
    return seconds(1)
  }

  private conflicted(batch: SealedBatch, fault: UplinkFault & { readonly kind: 'conflict' }): DurationMs {
    this.delivery.forget(batch.stream, batch.number)
    // Several of one stream may have been under way; one new stream is enough.
    if (this.left.has(batch.stream)) return this.linkDown(fault, this.nextWait())
    this.book.count('conflicts')
    // The disk refuses: the batch is sent again, and met with the same answer.
    if (!this.parts.store.restartStream(batch.stream, fault.why)) return this.linkDown(fault, this.nextWait())
    this.left.add(batch.stream)
    this.options.onNotice?.({ kind: 'stream_restarted', batch, why: fault.why })
    // A cloud that contradicts every new stream must not make a thousand of them.
    return this.linkDown(fault, this.nextWait())
  }

  private async heartbeatStep(signal: AbortSignal): Promise<DurationMs> {
    const body = this.options.heartbeat()
    const outcome = await this.parts.uplink.heartbeat(body, signal)
    if (signal.aborted && !outcome.ok) return durationMs(0)
    const size = (outcome.ok ? outcome.value.bytesSent : undefined) ?? JSON.stringify(body).length
    this.usage.add(size, this.parts.clock.wall())
    // The period, give or take a twelfth, so that a fleet switched on together does not stay in step.
    const pause = Math.floor(
      (this.options.heartbeatEvery ?? HEARTBEAT_EVERY) * (11 / 12 + this.parts.random.next() / 6),
    )
    if (outcome.ok) {
      const isBack = this.book.heartbeat(outcome.value)
      if (isBack) this.nudge()
      return durationMs(pause)
    }
    this.book.heartbeatFault(outcome.fault)
    const asked = 'retryAfterMs' in outcome.fault ? outcome.fault.retryAfterMs : undefined
    return durationMs(Math.max(pause, asked === undefined ? 0 : askedWait(asked, this.parts.random)))
  }

  private linkDown(fault: UplinkFault, wait: DurationMs, state: LinkState = 'waiting'): DurationMs {
    this.picker.linkLost()
    this.book.fault(fault)
    this.book.down(state, fault, wait)
    return wait
  }

  private nextWait(): DurationMs {
    return this.waits.next().value
  }

  private waitAsAsked(retryAfterMs: number | undefined): DurationMs {
    return retryAfterMs === undefined ? this.nextWait() : askedWait(retryAfterMs, this.parts.random)
  }
}
