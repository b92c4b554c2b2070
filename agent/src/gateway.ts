import { setMaxListeners } from 'node:events'
import {
  type AnchorRecord,
  type Clock,
  type DurationMs,
  durationMs,
  type EventRecord,
  fail,
  type MeterId,
  ok,
  type Random,
  type StreamRecord,
} from '@metergate/protocol'
import type { BusFault } from './bus/bus-fault.js'
import type { RegisterBus } from './bus/register-bus.js'
import type { LoadedConfig } from './config/load.js'
import type { ControlHandlers } from './control/calls.js'
import type { PlantZone } from './energy/plant-time.js'
import { type EnergyReportParts, energyCalls } from './flow/energy-calls.js'
import type { EnergyFeed } from './flow/energy-feed.js'
import { faultInWords, gatewaySnapshot, type PollCounts, type ProcessFacts } from './flow/gateway-snapshot.js'
import type { LatestBoard } from './flow/latest-board.js'
import { readMeter } from './flow/read-meter.js'
import { heartbeatOf } from './health/snapshot.js'
import type { MeterSession, PollOutcome } from './meter/meter-session.js'
import { type PolledMeter, PollLoop, type PollSink } from './poll/poll-loop.js'
import type { ClockEvidence, ClockFinding, ClockTrust } from './reading/clock-trust.js'
import type { RecordStore } from './store/record-store.js'
import type { SyncLoop, SyncOptions } from './sync/sync-loop.js'
import type { SyncNotice } from './sync/sync-status.js'
import type { Logger } from './system/logger.js'

/** One line with the meters on it. */
export interface GatewayLine {
  readonly id: string
  readonly bus: RegisterBus
  readonly meters: readonly PolledMeter[]
}

export interface GatewayParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly loaded: LoadedConfig
  readonly software: string
  readonly zone: PlantZone
  readonly store: RecordStore
  readonly lines: readonly GatewayLine[]
  readonly trust: ClockTrust
  readonly board: LatestBoard
  readonly feed: EnergyFeed
  readonly report: EnergyReportParts
  /** Whether the operating system vouches for its clock. */
  readonly clockEvidence: () => Promise<ClockEvidence | undefined>
  readonly process: ProcessFacts
  /** The id given at enrolment, and the way to the cloud; undefined while the gateway works alone. */
  readonly gateway: string | undefined
  readonly sync: ((options: Pick<SyncOptions, 'heartbeat' | 'onServerTime' | 'onNotice'>) => SyncLoop) | undefined
}

const WATCH_CLOCK_EVERY = durationMs(5_000)
const ASK_SYSTEM_EVERY = durationMs(60_000)
/** Between two goes of a long backlog the line gets its turn. */
const FEED_PAUSE = durationMs(20)

/**
 * The way of a value, in one place. Each line has one poll loop. A poll becomes a reading, the reading goes to the
 * store, and once it is committed the energy feed draws it into intervals and energy per product, which go to the store as
 * well. The sync loop seals what the store holds into batches, signs them and frees what the cloud has committed.
 * Beside it the clock is watched, so that every record says what was known of the time.
 */
export class Gateway {
  readonly #sync: SyncLoop | undefined
  readonly #counts: PollCounts = { good: 0, failed: 0, skipped: 0, stored: 0 }
  readonly #startedAt: number
  #feeding = false

  constructor(private readonly parts: GatewayParts) {
    this.#startedAt = parts.clock.mono()
    this.#sync = parts.sync?.({
      heartbeat: () => heartbeatOf(this.snapshot()),
      onServerTime: ({ serverWall, roundTripMs }) => this.#learn(parts.trust.serverTime(serverWall, roundTripMs)),
      onNotice: (notice) => this.#linkNotice(notice),
    })
  }

  /**
   * Works until `signal` aborts, then stores what is in hand and says that it stopped. When a part of it throws, all of it
   * ends the same way, and then it throws that: half a gateway that looks alive would be worse than none.
   */
  async start(signal: AbortSignal): Promise<void> {
    const stop = new AbortController()
    // Every exchange under way listens to it.
    setMaxListeners(0, stop.signal)
    const pass = (): void => stop.abort(signal.reason)
    signal.addEventListener('abort', pass)
    if (signal.aborted) pass()
    let works = true
    try {
      await this.#begin()
      const parts = this.#work(stop.signal).map((part) =>
        part.catch((error: unknown) => {
          stop.abort(error)
          throw error
        }),
      )
      await Promise.allSettled(parts)
      await Promise.all(parts)
    } catch (error) {
      works = false
      throw error
    } finally {
      signal.removeEventListener('abort', pass)
      await this.#end(works)
    }
  }

  async #begin(): Promise<void> {
    const { lines, loaded, logger, software } = this.parts
    await this.#event('gateway_started', { software, config: loaded.version }, true)
    this.#noteConfiguration()
    this.#feedSoon()
    logger.info('metergate runs', { meters: loaded.config.meters.length, lines: lines.length })
  }

  #work(signal: AbortSignal): Promise<void>[] {
    const { lines, clock, trust } = this.parts
    // The first heartbeat should know already whether the system vouches for the clock.
    const asked = this.#askSystemClock()
    return [
      ...lines.map(({ meters }) => new PollLoop(clock, meters, this.#sink()).start(signal)),
      this.#repeat(WATCH_CLOCK_EVERY, signal, () => this.#learn(trust.watch())),
      asked.then(() => this.#sync?.start(signal)),
      asked.then(() => this.#pauseThenRepeat(ASK_SYSTEM_EVERY, signal, () => this.#askSystemClock())),
    ]
  }

  /** `clean` only when every part ended well and everything taken is on the disk. */
  async #end(works: boolean): Promise<void> {
    const { lines, store, feed, logger } = this.parts
    try {
      const flushed = await store.flush()
      feed.advance()
      const clean = works && flushed.ok
      const stored = await this.#event('gateway_stopped', { clean }, true)
      const { good, failed, stored: kept } = this.#counts
      const facts = { polls: good + failed, failed, stored: kept }
      if (clean && stored) logger.info('metergate stopped', facts)
      else logger.error('metergate stopped, but not cleanly', { ...facts, why: flushed.ok ? null : flushed.fault.why })
    } finally {
      await Promise.allSettled(lines.map(({ bus }) => bus.close()))
      await store.close()
    }
  }

  snapshot() {
    const { lines, ...parts } = this.parts
    const buses = new Map(lines.map(({ id, bus }) => [id, bus]))
    return gatewaySnapshot({ ...parts, buses, sync: this.#sync, counts: this.#counts, startedAt: this.#startedAt })
  }

  /** What the local socket offers of the running gateway; what is asked of the disk alone stands beside it. */
  handlers(): Omit<ControlHandlers, 'verify' | 'history'> {
    return {
      status: async () => ok(this.snapshot()),
      read: async ({ meter }, signal) => {
        const session = this.#session(meter)
        if (!session) return fail({ kind: 'unknown_meter', why: `no meter is called ${meter}` })
        return ok(await readMeter(session, this.parts.loaded, signal))
      },
      ...energyCalls({
        ...this.parts,
        declare: (entry) => this.parts.feed.declare(entry),
        exchange: (meter, change) => this.parts.feed.exchange(meter, change),
      }),
    }
  }

  #session(meter: MeterId): MeterSession | undefined {
    return this.parts.lines.flatMap(({ meters }) => meters).find(({ session }) => session.setup.id === meter)?.session
  }

  #sink(): PollSink {
    return {
      reading: (outcome) => this.#reading(outcome),
      silent: (meter, fault, missed) => this.#silent(meter, fault, missed),
      back: (meter, silentForMs) => this.#back(meter, silentForMs),
      skipped: (_meter, slots) => {
        this.#counts.skipped += slots
      },
    }
  }

  #reading({ record, answered, fault }: PollOutcome): void {
    this.parts.board.note(record)
    if (answered > 0) this.#counts.good += 1
    else this.#counts.failed += 1
    if (fault) {
      const cause = `${record.meter} ${fault.kind}`
      this.parts.logger.warn('a poll brought a fault', { meter: record.meter, fault, cause })
    }
    void this.#store([record]).then((stored) => {
      if (!stored) return
      this.#counts.stored += 1
      this.#feedSoon()
    })
  }

  #silent(meter: MeterId, fault: BusFault | undefined, missed: number): void {
    this.parts.board.silence(meter, true)
    this.parts.logger.warn('meter is silent', { meter, fault })
    void this.#event('meter_silent', { fault: fault?.kind ?? null, missed }, false, meter)
  }

  #back(meter: MeterId, silentForMs: number): void {
    this.parts.board.silence(meter, false)
    this.parts.logger.info('meter answers again', { meter, silent_s: Math.round(silentForMs / 1000) })
    void this.#event('meter_back', { silent_s: Math.round(silentForMs / 1000) }, false, meter)
  }

  /** Takes what a commit brought into energy, once however many readings it held; a long backlog bit by bit. */
  #feedSoon(): void {
    if (this.#feeding) return
    this.#feeding = true
    void this.#feedEnergy().finally(() => {
      this.#feeding = false
    })
  }

  async #feedEnergy(): Promise<void> {
    // One turn later every reading of the commit has resolved.
    await Promise.resolve()
    while (this.parts.feed.advance()) await this.parts.clock.sleep(FEED_PAUSE)
  }

  async #askSystemClock(): Promise<void> {
    const evidence = await this.parts.clockEvidence()
    if (evidence) this.#learn(this.parts.trust.systemEvidence(evidence))
  }

  #learn({ anchor, steppedMs }: ClockFinding): void {
    if (steppedMs !== undefined) {
      this.parts.logger.warn('the wall clock was set', { by_ms: steppedMs })
      void this.#event('clock_step', { by_ms: steppedMs }, true)
    }
    if (!anchor) return
    const record: AnchorRecord = { kind: 'anchor', stamp: this.parts.trust.stamp(), ...anchor }
    void this.#store([record], true).then((stored) => {
      if (!stored) return
      this.parts.feed.anchored(anchor)
      this.#feedSoon()
    })
  }

  /** A change of meters, ratios or products is itself a record: figures before and after it are not the same thing. */
  #noteConfiguration(): void {
    const { store, loaded } = this.parts
    const before = store.getState('config')
    if (before === loaded.version) return
    store.putState('config', loaded.version)
    if (before !== undefined) void this.#event('config_changed', { before, after: loaded.version }, true)
  }

  #linkNotice(notice: SyncNotice): void {
    const { logger } = this.parts
    switch (notice.kind) {
      case 'link_up':
        logger.info('the cloud answers')
        break
      case 'link_down':
        logger.warn('the cloud does not take batches', {
          why: faultInWords(notice.fault),
          retry_in_s: Math.round(notice.retryInMs / 1000),
          cause: `link ${notice.fault.kind}`,
        })
        break
      case 'batch_refused':
      case 'stream_restarted':
        logger.error(notice.kind, { number: notice.batch.number, stream: notice.batch.stream, why: notice.why })
        void this.#event(
          notice.kind,
          { number: notice.batch.number, stream: notice.batch.stream, why: notice.why },
          true,
        )
        break
      case 'records_rejected':
        logger.warn('the cloud could not interpret records; they are set aside', { count: notice.count })
        break
      case 'strange_answer':
        logger.warn('the cloud acknowledged what was never sent', { claims: notice.claims })
        break
      case 'cloud_forgot':
        logger.error('the cloud lacks a batch it once acknowledged', { stream: notice.stream, number: notice.number })
        void this.#event('cloud_forgot', { number: notice.number, stream: notice.stream }, true)
        break
    }
  }

  #event(code: string, facts: EventRecord['facts'], urgent = false, meter?: MeterId): Promise<boolean> {
    const stamp = this.parts.trust.stamp()
    return this.#store([{ kind: 'event', stamp, code, ...(meter ? { meter } : {}), facts }], urgent)
  }

  async #store(records: readonly StreamRecord[], urgent = false): Promise<boolean> {
    const stored = await this.parts.store.append(records, { urgent })
    if (!stored.ok) {
      this.parts.logger.error('the store cannot write; records wait in memory', { ...stored.fault, cause: 'store' })
    }
    return stored.ok
  }

  async #repeat(every: DurationMs, signal: AbortSignal, work: () => void | Promise<void>): Promise<void> {
    if (signal.aborted) return
    await work()
    await this.#pauseThenRepeat(every, signal, work)
  }

  async #pauseThenRepeat(every: DurationMs, signal: AbortSignal, work: () => void | Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.parts.clock.sleep(every, signal)
      } catch (error) {
        if (!signal.aborted) throw error
        return
      }
      await work()
    }
  }
}
