import { type Clock, fail, type MeterId, ok, type Random } from '@metergate/protocol'
import type { BusFault } from './bus/bus-fault.js'
import type { RegisterBus } from './bus/register-bus.js'
import type { LoadedConfig } from './config/load.js'
import type { ControlHandlers } from './control/calls.js'
import type { PlantZone } from './energy/plant-time.js'
import { clockCalls } from './flow/clock-calls.js'
import { ClockWatch } from './flow/clock-watch.js'
import { type EnergyReportParts, energyCalls } from './flow/energy-calls.js'
import { EnergyDraw } from './flow/energy-draw.js'
import type { EnergyFeed } from './flow/energy-feed.js'
import { gatewaySnapshot, type PollCounts, type ProcessFacts } from './flow/gateway-snapshot.js'
import { Journal } from './flow/journal.js'
import type { LatestBoard } from './flow/latest-board.js'
import { noteLink } from './flow/link-notices.js'
import { type RatioMeter, RatioWatch } from './flow/ratio-watch.js'
import { readMeter } from './flow/read-meter.js'
import { together } from './flow/together.js'
import { heartbeatOf } from './health/snapshot.js'
import type { MeterSession, PollOutcome } from './meter/meter-session.js'
import { type PolledMeter, PollLoop, type PollSink } from './poll/poll-loop.js'
import type { ClockEvidence, ClockTrust } from './reading/clock-trust.js'
import type { RecordStore } from './store/record-store.js'
import type { SyncLoop, SyncOptions } from './sync/sync-loop.js'
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
  /** Meters that keep the ratios of their transformers in registers. */
  readonly ratioMeters: readonly RatioMeter[]
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

/**
 * The way of a value, in one place. Each line has one poll loop. A poll becomes a reading, the reading goes to the
 * store, and once it is committed the energy feed draws it into intervals and energy per product, which go to the store as
 * well. The sync loop seals what the store holds into batches, signs them and frees what the cloud has committed.
 * Beside it the clock is watched, so that every record says what was known of the time.
 */
export class Gateway {
  readonly #journal: Journal
  readonly #clockWatch: ClockWatch
  readonly #energy: EnergyDraw
  readonly #ratios: RatioWatch
  readonly #sync: SyncLoop | undefined
  readonly #counts: PollCounts = { good: 0, failed: 0, skipped: 0, stored: 0 }
  readonly #startedAt: number

  constructor(private readonly parts: GatewayParts) {
    const { clock, trust, feed, logger } = parts
    this.#startedAt = clock.mono()
    this.#journal = new Journal({ ...parts, stamp: () => trust.stamp() })
    this.#energy = new EnergyDraw(feed, clock)
    this.#ratios = new RatioWatch({ ...parts, journal: this.#journal, meters: parts.ratioMeters })
    this.#clockWatch = new ClockWatch({
      ...parts,
      journal: this.#journal,
      waitsForClock: () => feed.waitsForClock(),
      onAnchor: (anchor) => {
        feed.anchored(anchor)
        this.#energy.soon()
      },
    })
    this.#sync = parts.sync?.({
      heartbeat: () => heartbeatOf(this.snapshot()),
      onServerTime: (sample) => this.#clockWatch.heardServer(sample),
      onNotice: (notice) => noteLink(notice, logger, this.#journal),
    })
  }

  /** Works until `signal` aborts or a part of it throws; either way stores what is in hand and says that it stopped. */
  async start(signal: AbortSignal): Promise<void> {
    let works = false
    try {
      await this.#begin()
      await together(signal, (stop) => this.#work(stop))
      works = true
    } finally {
      await this.#end(works)
    }
  }

  async #begin(): Promise<void> {
    const { lines, loaded, logger, software } = this.parts
    await this.#journal.event('gateway_started', { software, config: loaded.version }, { urgent: true })
    this.#noteConfiguration()
    this.#energy.soon()
    logger.info('metergate runs', { meters: loaded.config.meters.length, lines: lines.length })
  }

  /** Everything that runs side by side until `signal` aborts. */
  #work(signal: AbortSignal): Promise<void>[] {
    const { lines, clock } = this.parts
    // The first heartbeat should know already whether the system vouches for the clock.
    const asked = this.#clockWatch.askSystem()
    return [
      ...lines.map(({ meters }) => new PollLoop(clock, meters, this.#sink(signal)).start(signal)),
      this.#clockWatch.watch(signal),
      asked.then(() => this.#clockWatch.keepAskingSystem(signal)),
      asked.then(() => this.#sync?.start(signal)),
    ]
  }

  /** `clean` only when every part ended well and everything taken is on the disk. */
  async #end(works: boolean): Promise<void> {
    const { lines, store, feed, logger } = this.parts
    try {
      const flushed = await store.flush()
      feed.advance()
      const clean = works && flushed.ok
      const stored = await this.#journal.event('gateway_stopped', { clean }, { urgent: true })
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
    return gatewaySnapshot({
      ...parts,
      ratios: this.#ratios,
      buses,
      sync: this.#sync,
      counts: this.#counts,
      startedAt: this.#startedAt,
    })
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
      ...clockCalls({
        ...this.parts,
        watch: this.#clockWatch,
        offsetMs: () => this.#sync?.status().serverTime?.offsetMs,
        waitsForClock: () => this.parts.feed.waitsForClock(),
      }),
      ...energyCalls({
        ...this.parts,
        waitsForClock: () => this.parts.feed.waitsForClock(),
        now: () => this.parts.clock.wall(),
        declare: (entry) => this.parts.feed.declare(entry),
        exchange: (meter, change) => this.parts.feed.exchange(meter, change),
      }),
    }
  }

  #session(meter: MeterId): MeterSession | undefined {
    return this.parts.lines.flatMap(({ meters }) => meters).find(({ session }) => session.setup.id === meter)?.session
  }

  #sink(signal: AbortSignal): PollSink {
    return {
      reading: (outcome) => {
        this.#reading(outcome)
        if (outcome.answered > 0) void this.#ratios.answered(outcome.record.meter, signal)
      },
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
    void this.#journal.keep([record]).then((stored) => {
      if (!stored) return
      this.#counts.stored += 1
      this.#energy.soon()
    })
  }

  #silent(meter: MeterId, fault: BusFault | undefined, missed: number): void {
    this.parts.board.silence(meter, true)
    this.#ratios.silent(meter)
    this.parts.logger.warn('meter is silent', { meter, fault })
    void this.#journal.event('meter_silent', { fault: fault?.kind ?? null, missed }, { meter })
  }

  #back(meter: MeterId, silentForMs: number): void {
    this.parts.board.silence(meter, false)
    this.parts.logger.info('meter answers again', { meter, silent_s: Math.round(silentForMs / 1000) })
    void this.#journal.event('meter_back', { silent_s: Math.round(silentForMs / 1000) }, { meter })
  }

  /** A change of meters, ratios or products is itself a record: figures before and after it are not the same thing. */
  #noteConfiguration(): void {
    const { store, loaded } = this.parts
    const before = store.getState('config')
    if (before === loaded.version) return
    store.putState('config', loaded.version)
    if (before === undefined) return
    void this.#journal.event('config_changed', { before, after: loaded.version }, { urgent: true })
  }
}
