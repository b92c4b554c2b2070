import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  assembleGateway,
  type BusAnswer,
  type BusFault,
  type BusRead,
  ClockTrust,
  CloudHttp,
  type CloudRequest,
  createKey,
  enrol,
  type Gateway,
  HttpUplink,
  heartbeatOf,
  type LoadedConfig,
  loadConfig,
  parseCloudUrl,
  type RegisterBus,
  SqliteRecordStore,
  SyncLoop,
  silentLogger,
} from '@metergate/agent'
import { type Cloud, createCloud } from '@metergate/cloud-api'
import {
  amount,
  durationMs,
  epochMs,
  fail,
  type GatewayId,
  invariant,
  meterIdSchema,
  ok,
  parseAmount,
  productIdSchema,
  type Result,
} from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { buildMeter, ModbusMeter, SeededRandom, Timeline, VirtualClock } from '@metergate/simulator'
import { monthConfig } from './plant-month-config.js'
import {
  BOX_OFF,
  EXCHANGE,
  LINE_OFF,
  MARGIN_MINUTES,
  MINUTE,
  MONTH,
  MonthPlant,
  monthSpec,
  NEW_METER_KWH,
  NO_NETWORK,
  oldMeterKwh,
  pairsMade,
} from './plant-month-truth.js'

/** What a request and its answer take; instants within a round of polls differ as on a real line. */
const EXCHANGE_MS = 40
const HOUR = 60 * MINUTE
const BOOT = productIdSchema.parse('boot')
const DAY_MS = 24 * HOUR
const SHIFT_MS = 8 * HOUR
/** The sync loop's own pause when it has nothing to send, and how often it may look before the next upload's turn. */
const LOOK_MS = 5_000
const MOST_ROUNDS = 60
const UPLOAD_MS = MOST_ROUNDS * LOOK_MS
const UPLOAD_EVERY_MS = 2 * HOUR

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
  /** A midnight of the month; it is played to an hour after it. */
  readonly until: number
  readonly say?: (text: string) => void
}

/**
 * Plays the month through the gateway as the daemon assembles it (its bus answering from the simulated meters, its own
 * SQLite store, its own sync loop with signed uploads) into a cloud with its real routes, all in virtual time.
 */
export async function playMonth({ everyMinutes, until, say = () => undefined }: MonthOptions): Promise<MonthRun> {
  const folder = mkdtempSync(join(tmpdir(), 'metergate-month-'))
  const configFile = join(folder, 'metergate.yaml')
  writeFileSync(configFile, monthConfig(join(folder, 'data'), everyMinutes))
  const loaded = loadConfig({ file: configFile })
  invariant(loaded.ok, `the month's configuration is wrong: ${loaded.ok ? '' : JSON.stringify(loaded.fault)}`)
  const timeline = new Timeline()
  const start = MONTH.start - MARGIN_MINUTES * MINUTE
  const cloudClock = new VirtualClock(timeline, { bootId: 'cloud', epochAtZeroMs: start })
  const cloud = await createCloud({ dataDir: folder, clock: cloudClock, random: new SeededRandom(2) })
  const world = new MonthWorld({ folder, loaded: loaded.value, timeline, start, cloud })
  const gateway = await world.enrol()
  const token = await cloud.createReaderToken('month')
  await world.play(until, say)
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
  readonly #bus: readonly ModbusMeter[]
  #gatewayId: GatewayId | undefined
  #boots = 0

  constructor(private readonly parts: WorldParts) {
    const spec = monthSpec()
    const plant = new MonthPlant(spec)
    const profiles = loadBuiltinProfiles()
    this.#bus = spec.meters
      .map((meter) => buildMeter(meter, plant, profiles))
      .filter((meter) => meter instanceof ModbusMeter)
  }

  async enrol(): Promise<GatewayId> {
    const { cloud, timeline, start } = this.parts
    const clock = new VirtualClock(timeline, { epochAtZeroMs: start })
    const code = await cloud.inviteGateway('month')
    const answer = await enrol(this.#http(clock), this.#key, { code, software: 'metergate/month' })
    invariant(answer.ok, 'the box enrols')
    this.#gatewayId = answer.value.gateway_id
    return answer.value.gateway_id
  }

  async play(until: number, say: (text: string) => void): Promise<void> {
    let box = this.#open()
    for (const { at, what } of script(until)) {
      await this.#until(at)
      say(`${new Date(at + 8 * HOUR).toISOString().slice(0, 16)} ${what.kind}`)
      if (what.kind === 'shift_end') await declareShift(box.gateway, at)
      else if (what.kind === 'exchanged') await reportExchange(box.gateway)
      else if (what.kind === 'upload') await this.#upload(box)
      else if (what.kind === 'power_off') await this.#close(box)
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
    const trust = new ClockTrust(clock)
    const id = this.#gatewayId
    invariant(id, 'the box was enrolled')
    const store = new SqliteRecordStore({
      folder: join(folder, 'data'),
      clock,
      random: this.#random,
      disk: { freeBytes: () => 2 ** 40 },
      sealer: () => ({ gateway: id, software: 'metergate/month', config: loaded.version }),
      stamp: () => trust.stamp(),
      settings: { commitEveryMs: 900_000 },
    })
    const started = store.start()
    invariant(started.ok, `the store opens: ${started.ok ? '' : started.fault.why}`)
    const gateway = assembleGateway(loaded, {
      clock,
      random: this.#random,
      logger: silentLogger,
      trust,
      store,
      makeBus: () => new MonthBus(this.#bus, clock),
      clockEvidence: async () => ({ source: 'chrony', errorMs: 1 }),
      process: {
        pid: 1,
        nodeVersion: process.version,
        memoryBytes: () => 0,
        disk: () => ({ freeBytes: 0, totalBytes: 0 }),
      },
      uplink: undefined,
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

type Happening = { readonly kind: 'upload' | 'shift_end' | 'exchanged' | 'power_off' | 'power_on' }

/** What people do, in order of time. */
function script(until: number): { readonly at: number; readonly what: Happening }[] {
  const happenings: { at: number; what: Happening }[] = [
    // Said some minutes after the new meter answered, as people do.
    { at: EXCHANGE.to + 30_000, what: { kind: 'exchanged' } },
    { at: BOX_OFF.from, what: { kind: 'power_off' } },
    { at: BOX_OFF.to, what: { kind: 'power_on' } },
  ]
  for (let at = MONTH.start + HOUR; at < until; at += UPLOAD_EVERY_MS)
    if (at < BOX_OFF.from || at >= BOX_OFF.to) happenings.push({ at, what: { kind: 'upload' } })
  for (let end = MONTH.start + SHIFT_MS; end <= until; end += SHIFT_MS) {
    const said = end + 10 * MINUTE
    // While the box is off nobody can tell it anything: the shift is entered when it is back.
    const at = said >= BOX_OFF.from && said < BOX_OFF.to ? BOX_OFF.to + MINUTE : said
    happenings.push({ at, what: { kind: 'shift_end' } })
  }
  return happenings.sort((a, b) => a.at - b.at)
}

const NEVER = new AbortController().signal

/** The foreman's count of boots for the shift that ended last; over the festival he says that none were made. */
async function declareShift(gateway: Gateway, saidAt: number): Promise<void> {
  const end = MONTH.start + Math.floor((saidAt - MONTH.start) / SHIFT_MS) * SHIFT_MS
  const entry = {
    product: BOOT,
    count: amount(pairsMade(['press-5', 'press-6'], end - SHIFT_MS, end), 0),
    unit: 'pair',
    start: epochMs(end - SHIFT_MS),
    end: epochMs(end),
  }
  const kept = await gateway.handlers().production_add({ entries: [entry] }, NEVER)
  invariant(kept.ok, 'an entry is kept')
}

/** Both registers of the exchange, as the technician read them off the displays. */
async function reportExchange(gateway: Gateway): Promise<void> {
  const register = (at: number, kwh: string) => {
    const value = parseAmount(kwh)
    invariant(value, 'a register reading is a number')
    return { at: epochMs(at), values: [{ quantity: 'energy_active_import_total' as const, value }] }
  }
  const told = await gateway.handlers().meter_exchange(
    {
      meter: meterIdSchema.parse(EXCHANGE.meter),
      at: epochMs(EXCHANGE.from),
      cause: 'meter_exchange',
      old_end: register(EXCHANGE.from, oldMeterKwh()),
      new_start: register(EXCHANGE.to, NEW_METER_KWH),
    },
    NEVER,
  )
  invariant(told.ok && told.value.facts.late !== true, 'the exchange is told in time')
}

/** The simulated meters answering from memory at virtual instants: the wire left out, all else as on the real box. */
class MonthBus implements RegisterBus {
  constructor(
    private readonly meters: readonly ModbusMeter[],
    private readonly clock: VirtualClock,
  ) {}

  async read(request: BusRead): Promise<Result<BusAnswer, BusFault>> {
    const begun = this.clock.mono()
    await this.clock.sleep(durationMs(EXCHANGE_MS))
    const meter = request.protocol === 'modbus' ? this.meters.find(({ unit }) => unit === request.unit) : undefined
    const wall = this.clock.trueWall()
    if (!meter || request.protocol !== 'modbus' || isOffTheLine(meter.spec.id, wall))
      return fail({ kind: 'timeout', waitedMs: EXCHANGE_MS })
    const at = { mono: this.clock.mono(), wall: this.clock.wall() }
    const outcome = meter.read(request.function, request.address, request.count, wall)
    if ('exception' in outcome) return fail({ kind: 'exception', code: outcome.exception })
    return ok({ data: outcome.data, at, turnaroundMs: 15, durationMs: at.mono - begun })
  }

  health() {
    const none = { requests: 0, good: 0, timeout: 0, crc: 0, bad_frame: 0, exception: 0, line_down: 0 }
    return { open: true, line: { ...none, stray_bytes: 0, echoes: 0, late_answers: 0, resyncs: 0 }, units: new Map() }
  }

  async close(): Promise<void> {}
}

const isOffTheLine = (meter: string, at: number): boolean =>
  [EXCHANGE, LINE_OFF].some((one) => one.meter === meter && at > one.from && at < one.to)

/** The agent's way to the cloud, ended in the cloud's own routes; without a network for one day. */
class RouteHttp extends CloudHttp {
  constructor(
    private readonly cloud: Cloud,
    private readonly at: VirtualClock,
    private readonly onOffline: () => void,
  ) {
    super(parsedUrl(), at)
  }

  override async post({ path, headers, body }: CloudRequest): ReturnType<CloudHttp['post']> {
    const now = this.at.trueWall()
    if (now >= NO_NETWORK.from && now < NO_NETWORK.to) {
      this.onOffline()
      return fail({ kind: 'unreachable', why: 'ENETUNREACH' })
    }
    const answer = await this.cloud.app.inject({
      method: 'POST',
      url: path,
      headers: { ...headers },
      payload: Buffer.from(body),
    })
    return ok({
      status: answer.statusCode,
      header: (name) => headerText(answer.headers[name]),
      body: answer.rawPayload,
      roundTripMs: 20,
      bytesSent: body.length,
    })
  }
}

const headerText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

function parsedUrl() {
  const url = parseCloudUrl('http://127.0.0.1:1')
  invariant(url.ok, 'a loopback address is a cloud address')
  return url.value
}
