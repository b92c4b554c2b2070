import {
  assembleGateway,
  type BusMaker,
  ClockTrust,
  type Gateway,
  type LoadedConfig,
  SqliteRecordStore,
  silentLogger,
} from '@metergate/agent'
import { type GatewayId, invariant, type Random } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { buildMeter, ModbusMeter, type Plant, type PlantSpec, type VirtualClock } from '@metergate/simulator'

export interface VirtualBoxParts {
  readonly loaded: LoadedConfig
  readonly folder: string
  readonly gateway: GatewayId
  /** Names in the sealed batches who made them. */
  readonly software: string
  readonly clock: VirtualClock
  readonly random: Random
  readonly makeBus: BusMaker
}

/** The gateway as the daemon assembles it, on a real store, in virtual time; its clock vouched for, without a cloud. */
export function virtualBox(parts: VirtualBoxParts): { readonly gateway: Gateway; readonly store: SqliteRecordStore } {
  const { loaded, folder, gateway, software, clock, random, makeBus } = parts
  const trust = new ClockTrust(clock)
  const store = new SqliteRecordStore({
    folder,
    clock,
    random,
    disk: { freeBytes: () => 2 ** 40 },
    sealer: () => ({ gateway, software, config: loaded.version }),
    stamp: () => trust.stamp(),
    settings: { commitEveryMs: 900_000 },
  })
  const started = store.start()
  invariant(started.ok, `the store opens: ${started.ok ? '' : started.fault.why}`)
  const assembled = assembleGateway(loaded, {
    clock,
    random,
    logger: silentLogger,
    trust,
    store,
    makeBus,
    clockEvidence: async () => ({ source: 'chrony', errorMs: 1 }),
    process: {
      pid: 1,
      nodeVersion: process.version,
      memoryBytes: () => 0,
      disk: () => ({ freeBytes: 0, totalBytes: 0 }),
    },
    uplink: undefined,
  })
  return { gateway: assembled, store }
}

/** The Modbus meters of a plant, as a line would carry them. */
export function modbusMeters(spec: PlantSpec, plant: Plant): readonly ModbusMeter[] {
  const profiles = loadBuiltinProfiles()
  return spec.meters.map((meter) => buildMeter(meter, plant, profiles)).filter((meter) => meter instanceof ModbusMeter)
}
