import {
  assembleGateway,
  type BusAnswer,
  type BusFault,
  type BusRead,
  ClockTrust,
  type LoadedConfig,
  loadConfig,
  type RegisterBus,
  SqliteRecordStore,
  silentLogger,
} from '@metergate/agent'
import { durationMs, fail, type GatewayId, ok, type Result } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import {
  buildMeter,
  ModbusMeter,
  Plant,
  type PlantSpec,
  SeededRandom,
  Timeline,
  VirtualClock,
} from '@metergate/simulator'
import type { DemoFiles } from './plant.js'

/** What a request and its answer take on the simulated wire; so that instants within a poll differ as on a real line. */
const EXCHANGE_MS = 120
const STEP_MS = durationMs(6 * 3_600_000)

/** Meters of the plant answering from memory, at virtual instants: the wire left out, all else as on the real box. */
class PlantBus implements RegisterBus {
  constructor(
    private readonly meters: readonly ModbusMeter[],
    private readonly clock: VirtualClock,
  ) {}

  async read(request: BusRead): Promise<Result<BusAnswer, BusFault>> {
    const begun = this.clock.mono()
    await this.clock.sleep(durationMs(EXCHANGE_MS))
    const meter = request.protocol === 'modbus' ? this.meters.find(({ unit }) => unit === request.unit) : undefined
    if (!meter || request.protocol !== 'modbus') return fail({ kind: 'timeout', waitedMs: EXCHANGE_MS })
    const at = { mono: this.clock.mono(), wall: this.clock.wall() }
    const outcome = meter.read(request.function, request.address, request.count, at.wall)
    if ('exception' in outcome) return fail({ kind: 'exception', code: outcome.exception })
    return ok({ data: outcome.data, at, turnaroundMs: 15, durationMs: at.mono - begun })
  }

  health() {
    const none = { requests: 0, good: 0, timeout: 0, crc: 0, bad_frame: 0, exception: 0, line_down: 0 }
    return { open: true, line: { ...none, stray_bytes: 0, echoes: 0, late_answers: 0, resyncs: 0 }, units: new Map() }
  }

  async close(): Promise<void> {}
}

export interface HistoryOptions {
  readonly files: DemoFiles
  readonly spec: PlantSpec
  readonly gateway: GatewayId
  readonly fromMs: number
  readonly untilMs: number
  readonly onProgress: (share: number) => void
}

/**
 * Runs the same gateway in virtual time over the past, into the store the real agent then goes on with. It works without a
 * network: the week stays in the store, and the real agent carries it to the cloud as it would after a week offline.
 */
export async function fillHistory(options: HistoryOptions): Promise<{ readonly readings: number }> {
  const { files, spec, gateway, fromMs, untilMs } = options
  const loaded = loadedConfig(files.config)
  const timeline = new Timeline()
  const clock = new VirtualClock(timeline, { bootId: 'history', epochAtZeroMs: fromMs })
  const random = new SeededRandom(spec.seed)
  const trust = new ClockTrust(clock)
  const store = new SqliteRecordStore({
    folder: files.agentData,
    clock,
    random,
    disk: { freeBytes: () => 2 ** 40 },
    sealer: () => ({ gateway, software: 'metergate/demo-history', config: loaded.version }),
    stamp: () => trust.stamp(),
    settings: { commitEveryMs: 900_000 },
  })
  const started = store.start()
  if (!started.ok) throw new Error(`the demo's store cannot be opened: ${started.fault.why}`)
  const plant = new Plant(spec)
  const profiles = loadBuiltinProfiles()
  const meters = spec.meters
    .map((meter) => buildMeter(meter, plant, profiles))
    .filter((meter) => meter instanceof ModbusMeter)
  const gatewayOfThePast = assembleGateway(loaded, {
    clock,
    random,
    logger: silentLogger,
    trust,
    store,
    makeBus: () => new PlantBus(meters, clock),
    clockEvidence: async () => ({ source: 'chrony', errorMs: 1 }),
    process: {
      pid: 0,
      nodeVersion: process.version,
      memoryBytes: () => 0,
      disk: () => ({ freeBytes: 0, totalBytes: 0 }),
    },
    uplink: undefined,
  })
  const stop = new AbortController()
  const done = gatewayOfThePast.start(stop.signal)
  for (let at = fromMs; at < untilMs; at += STEP_MS) {
    const step = Math.min(STEP_MS, untilMs - at)
    await timeline.advance(step)
    sealAll(store)
    options.onProgress((at + step - fromMs) / (untilMs - fromMs))
  }
  const { good } = gatewayOfThePast.snapshot().readings
  stop.abort()
  await timeline.settle(done)
  return { readings: good }
}

/** A week offline is sealed as it comes, in full batches; what is left over the real agent seals. */
function sealAll(store: SqliteRecordStore): void {
  for (const kind of ['ledger', 'detail'] as const) {
    while (store.seal(kind, { minAgeMs: Number.MAX_SAFE_INTEGER, maxDecodedBytes: 256 * 1024 }));
  }
}

function loadedConfig(file: string): LoadedConfig {
  const loaded = loadConfig({ file })
  if (!loaded.ok) throw new Error(`the demo's configuration is wrong: ${JSON.stringify(loaded.fault)}`)
  return loaded.value
}
