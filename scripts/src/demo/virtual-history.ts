import { type LoadedConfig, loadConfig, type SqliteRecordStore } from '@metergate/agent'
import { durationMs, type GatewayId } from '@metergate/protocol'
import { Plant, type PlantSpec, SeededRandom, Timeline, VirtualClock } from '@metergate/simulator'
import { MemoryBus } from '../virtual/memory-bus.js'
import { modbusMeters, virtualBox } from '../virtual/virtual-box.js'
import type { DemoFiles } from './plant.js'

const STEP_MS = durationMs(6 * 3_600_000)

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
  const timeline = new Timeline()
  const clock = new VirtualClock(timeline, { bootId: 'history', epochAtZeroMs: fromMs })
  const meters = modbusMeters(spec, new Plant(spec))
  const past = virtualBox({
    loaded: loadedConfig(files.config),
    folder: files.agentData,
    gateway,
    software: 'metergate/demo-history',
    clock,
    random: new SeededRandom(spec.seed),
    makeBus: () => new MemoryBus(meters, clock, { exchangeMs: 120 }),
  })
  const stop = new AbortController()
  const done = past.gateway.start(stop.signal)
  for (let at = fromMs; at < untilMs; at += STEP_MS) {
    const step = Math.min(STEP_MS, untilMs - at)
    await timeline.advance(step)
    sealAll(past.store)
    options.onProgress((at + step - fromMs) / (untilMs - fromMs))
  }
  const { good } = past.gateway.snapshot().readings
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
