import { type Clock, fail, ok, type Random, type Result } from '@metergate/protocol'
import { addressOf, type BusMaker, deskOptions, reportParts, sessionOf } from './assemble.js'
import type { RegisterBus } from './bus/register-bus.js'
import type { LocalGateway } from './cli/ports.js'
import type { LoadedConfig } from './config/load.js'
import type { ControlFault, ControlHandlers } from './control/calls.js'
import { PlantZone } from './energy/plant-time.js'
import { energyCalls } from './flow/energy-calls.js'
import { EnergyFeed } from './flow/energy-feed.js'
import { unitFacts } from './flow/meter-setup.js'
import { readMeter } from './flow/read-meter.js'
import { storeCalls, storeFaultInWords } from './flow/store-calls.js'
import type { ClockTrust } from './reading/clock-trust.js'
import type { OpenFault } from './store/open-database.js'
import type { RecordStore } from './store/record-store.js'

export interface LocalPorts {
  readonly clock: Clock
  readonly random: Random
  readonly trust: ClockTrust
  /** Takes the store's lock; a fault while a daemon holds it. */
  readonly openStore: () => Result<RecordStore, OpenFault>
  readonly makeBus: BusMaker
}

/** What the running gateway is asked for, without a daemon: the call opens the line or the store it needs itself. */
export function localGateway(loaded: LoadedConfig, ports: LocalPorts): LocalGateway {
  const { clock, trust } = ports
  const { folder } = loaded.config.store
  const buses: RegisterBus[] = []
  let store: RecordStore | undefined
  const withStore = async <T>(
    work: (calls: ReturnType<typeof energyCalls>) => Promise<Result<T, ControlFault>>,
  ): Promise<Result<T, ControlFault>> => {
    const opened = ports.openStore()
    if (!opened.ok) return fail({ kind: 'store', why: storeFaultInWords(opened.fault, folder) })
    store = opened.value
    return work(callsOn(store, loaded, ports))
  }
  const handlers: ControlHandlers = {
    status: aboutTheDaemon,
    clock: aboutTheDaemon,
    clock_confirm: aboutTheDaemon,
    read: async ({ meter }, signal) => {
      const entry = loaded.config.meters.find(({ id }) => id === meter)
      const line = loaded.config.lines.find(({ id }) => id === entry?.line)
      if (!line) return fail({ kind: 'unknown_meter', why: `no meter is called ${meter}` })
      const bus = ports.makeBus(addressOf(line), unitFacts(loaded, line), line.id)
      buses.push(bus)
      return ok(await readMeter(sessionOf(loaded, meter, bus, clock, trust), loaded, signal))
    },
    energy: (request, signal) => withStore((calls) => calls.energy(request, signal)),
    production_add: (request, signal) => withStore((calls) => calls.production_add(request, signal)),
    production_list: (request, signal) => withStore((calls) => calls.production_list(request, signal)),
    production_correct: (request, signal) => withStore((calls) => calls.production_correct(request, signal)),
    meter_exchange: (request, signal) => withStore((calls) => calls.meter_exchange(request, signal)),
    ...storeCalls(folder, clock),
  }
  return {
    handlers,
    close: async () => {
      await Promise.all(buses.map((bus) => bus.close()))
      await store?.close()
    },
  }
}

const aboutTheDaemon = async () => fail({ kind: 'failed', why: 'this is about the running daemon' } as const)

function callsOn(store: RecordStore, loaded: LoadedConfig, { clock, random, trust }: LocalPorts) {
  const zone = new PlantZone(loaded.config.plant.timezone)
  const parts = { store, boot: clock.bootId, stamp: () => trust.stamp() }
  const { feed } = EnergyFeed.open(parts, deskOptions(loaded, zone))
  return energyCalls({
    store,
    random,
    now: () => clock.wall(),
    report: reportParts(loaded, zone),
    declare: (entry) => feed.declare(entry),
    exchange: (meter, change) => feed.exchange(meter, change),
  })
}
