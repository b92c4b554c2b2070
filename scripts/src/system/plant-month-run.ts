import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type CloudHttp,
  createKey,
  enrol,
  type Gateway,
  HttpUplink,
  heartbeatOf,
  type LoadedConfig,
  loadConfig,
  type SqliteRecordStore,
  SyncLoop,
} from '@metergate/agent'
import { type Cloud, createCloud } from '@metergate/cloud-api'
import { type GatewayId, invariant } from '@metergate/protocol'
import { SeededRandom, Timeline, VirtualClock } from '@metergate/simulator'
import { MemoryBus } from '../virtual/memory-bus.js'
import { modbusMeters, virtualBox } from '../virtual/virtual-box.js'
import { RouteHttp } from './plant-month-cloud.js'
import { monthConfig } from './plant-month-config.js'
import { declareShift, monthScript, reportExchange } from './plant-month-script.js'
import { EXCHANGE, LINE_OFF, MARGIN_MINUTES, MINUTE, MONTH, MonthPlant, monthSpec } from './plant-month-truth.js'

/** What a request and its answer take; instants within a round of polls differ as on a real line. */
const EXCHANGE_MS = 40
const HOUR = 60 * MINUTE
const DAY_MS = 24 * HOUR
/** The sync loop's own pause when it has nothing to send, and how often it may look before the next upload's turn. */
const LOOK_MS = 5_000
const MOST_ROUNDS = 60
const UPLOAD_MS = MOST_ROUNDS * LOOK_MS

export interface MonthRun {
  readonly folder: string
  readonly configFile: string
  readonly loaded: LoadedConfig
  readonly gateway: GatewayId
  readonly cloud: Cloud
  readonly token: string
  readonly readings: number
  readonly refusedOffline: number
}

export interface MonthOptions {
  /** Between two polls of a meter. */
  readonly everyMinutes: number
  /** Midnights of the month; it is played from an hour before the first to an hour after the last. */
  readonly from?: number
  readonly until: number
  readonly say?: (text: string) => void
}

/**
 * Plays the month through the gateway as the daemon assembles it (its bus answering from the simulated meters, its own
 * SQLite store, its own sync loop with signed uploads) into a cloud with its real routes, all in virtual time.
 */
export async function playMonth(options: MonthOptions): Promise<MonthRun> {
  const { everyMinutes, from = MONTH.start, until, say = () => undefined } = options
  const folder = mkdtempSync(join(tmpdir(), 'metergate-month-'))
  const configFile = join(folder, 'metergate.yaml')
  writeFileSync(configFile, monthConfig(join(folder, 'data'), everyMinutes))
  const loaded = loadConfig({ file: configFile })
  invariant(loaded.ok, `the month's configuration is wrong: ${loaded.ok ? '' : JSON.stringify(loaded.fault)}`)
  const timeline = new Timeline()
  const start = from - MARGIN_MINUTES * MINUTE
  const cloudClock = new VirtualClock(timeline, { bootId: 'cloud', epochAtZeroMs: start })
  const cloud = await createCloud({ dataDir: folder, clock: cloudClock, random: new SeededRandom(2) })
  const world = new MonthWorld({ folder, loaded: loaded.value, timeline, start, cloud })
  const gateway = await world.enrol()
  const token = await cloud.createReaderToken('month')
  await world.play({ from, until }, say)
  const { readings, refused } = world
  return { folder, configFile, loaded: loaded.value, gateway, cloud, token, readings, refusedOffline: refused }
}

interface WorldParts {
  readonly folder: string
  readonly loaded: LoadedConfig
  readonly timeline: Timeline
  readonly start: number
  readonly cloud: Cloud
}

/** One life of the box at a time, driven from event to event of the month. */
class MonthWorld {
  readings = 0
  refused = 0
  readonly #random = new SeededRandom(3)
  readonly #key = createKey(this.#random)
  readonly #meters = modbusMeters(monthSpec(), new MonthPlant(monthSpec()))
  #gatewayId: GatewayId | undefined
  #boots = 0

  constructor(private readonly parts: WorldParts) {}

  async enrol(): Promise<GatewayId> {
    const { cloud, timeline, start } = this.parts
    const clock = new VirtualClock(timeline, { epochAtZeroMs: start })
    const code = await cloud.inviteGateway('month')
    const answer = await enrol(this.#http(clock), this.#key, { code, software: 'metergate/month' })
    invariant(answer.ok, 'the box enrols')
    this.#gatewayId = answer.value.gateway_id
    return answer.value.gateway_id
  }

  async play(
    { from, until }: Required<Pick<MonthOptions, 'from' | 'until'>>,
    say: (text: string) => void,
  ): Promise<void> {
    let box = this.#open()
    for (const { at, what } of monthScript(from, until)) {
      await this.#until(at)
      say(`${new Date(at + 8 * HOUR).toISOString().slice(0, 16)} ${what}`)
      if (what === 'shift_end') await declareShift(box.gateway, at)
      else if (what === 'exchanged') await reportExchange(box.gateway)
      else if (what === 'upload') await this.#upload(box)
      else if (what === 'power_off') await this.#close(box)
      else box = this.#open()
    }
    await this.#until(until + MARGIN_MINUTES * MINUTE - UPLOAD_MS)
    await this.#upload(box)
    await this.#close(box)
  }

  async #until(at: number): Promise<void> {
    const { timeline, start } = this.parts
    for (;;) {
      const left = at - start - timeline.now()
      // Sums of fractions of a millisecond never quite meet.
      if (left < 1) return
      await timeline.advance(Math.min(left, 6 * HOUR))
    }
  }

  #open(): Box {
    const { folder, loaded, timeline, start } = this.parts
    this.#boots += 1
    const clock = new VirtualClock(timeline, { bootId: `boot-${this.#boots}`, epochAtZeroMs: start })
    const id = this.#gatewayId
    invariant(id, 'the box was enrolled')
    const { gateway, store } = virtualBox({
      loaded,
      folder: join(folder, 'data'),
      gateway: id,
      software: 'metergate/month',
      clock,
      random: this.#random,
      makeBus: () => new MemoryBus(this.#meters, clock, { exchangeMs: EXCHANGE_MS, isSilent: isOffTheLine }),
    })
    const uplink = new HttpUplink(this.#http(clock), { gateway: id, key: this.#key, clock })
    const heartbeat = () => heartbeatOf(gateway.snapshot())
    const sync = new SyncLoop({ clock, random: this.#random, store, uplink }, { heartbeat })
    const stop = new AbortController()
    return { gateway, store, sync, stop, done: gateway.start(stop.signal) }
  }

  /**
   * The agent's own sync loop, for as long as it has something to carry: it looks for work every few seconds, which over a
   * whole virtual month would take longer than all the rest.
   */
  async #upload({ sync, store }: Box): Promise<void> {
    const stop = new AbortController()
    const done = sync.start(stop.signal)
    for (let round = 0; round < MOST_ROUNDS; round++) {
      await this.parts.timeline.advance(LOOK_MS)
      // Virtual time stands still while the cloud's own work, which is real, gets done.
      await new Promise((resolve) => setTimeout(resolve, 2))
      if (round > 1 && store.pending(1).length === 0) break
    }
    stop.abort()
    await this.parts.timeline.settle(done)
  }

  async #close({ gateway, stop, done }: Box): Promise<void> {
    this.readings += gateway.snapshot().readings.good
    stop.abort()
    await this.parts.timeline.settle(done, DAY_MS)
  }

  #http(clock: VirtualClock): CloudHttp {
    return new RouteHttp(this.parts.cloud, clock, () => {
      this.refused += 1
    })
  }
}

interface Box {
  readonly gateway: Gateway
  readonly store: SqliteRecordStore
  readonly sync: SyncLoop
  readonly stop: AbortController
  readonly done: Promise<void>
}

const isOffTheLine = (meter: string, at: number): boolean =>
  [EXCHANGE, LINE_OFF].some((one) => one.meter === meter && at > one.from && at < one.to)
