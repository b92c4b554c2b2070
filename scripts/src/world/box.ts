import {
  assembleGateway,
  type BusMaker,
  type ClockEvidence,
  ClockTrust,
  createLogger,
  type Gateway,
  type LoadedConfig,
  SerialBus,
  SqliteRecordStore,
  type Uplink,
} from '@metergate/agent'
import { type Clock, fail, invariant, ok, type Random, type Result } from '@metergate/protocol'
import type { PlantedBug } from './bugs.js'
import { GATEWAY } from './cloud.js'
import type { WorldFaults } from './faults.js'
import type { Life } from './life.js'
import type { LogWatch } from './log-watch.js'
import type { Medium } from './medium.js'
import { lastValueBus } from './stale-bus.js'
import { type Ledger, toldStore } from './told-store.js'
import { type Wire, WireEnd } from './wire.js'

export interface ProcessParts {
  readonly folder: string
  readonly clock: Clock
  readonly life: Life
  readonly random: Random
  readonly loaded: LoadedConfig
  readonly wire: Wire
  readonly medium: Medium
  readonly faults: WorldFaults
  readonly ledger: Ledger
  readonly uplink: Uplink
  readonly log: LogWatch
  readonly clockEvidence: () => ClockEvidence | undefined
  readonly bug: PlantedBug | undefined
}

/** One process of the gateway: the agent, put together by its own `assembleGateway`, on the world's ports. */
export class GatewayProcess {
  private constructor(
    readonly gateway: Gateway,
    /** The real store under the watched one; closing it makes an end of a killed process, too. */
    readonly store: SqliteRecordStore,
  ) {}

  static open(parts: ProcessParts): Result<GatewayProcess, { readonly why: string }> {
    const { folder, clock, life, random, medium, faults, loaded } = parts
    const trust = parts.bug === 'believes_any_clock' ? new CredulousTrust(clock) : new ClockTrust(clock)
    const { queueBytes, ballastBytes } = faults.disk
    const capBytes = parts.bug === 'forgets_cap' ? Number.MAX_SAFE_INTEGER : faults.disk.capBytes
    const sealer = { gateway: GATEWAY, software: 'metergate/world', config: loaded.version }
    const store = new SqliteRecordStore({
      folder,
      clock,
      random,
      disk: medium.disk(life),
      sealer: () => sealer,
      stamp: medium.stamps(life, () => trust.stamp()),
      settings: { capBytes, queueBytes, ballastBytes },
    })
    const started = store.start()
    if (!started.ok) return fail({ why: `${started.fault.kind}: ${started.fault.why}` })
    const told = toldStore(store, parts.ledger, life, clock, parts.bug)
    const gateway = assembleGateway(loaded, {
      clock,
      random,
      logger: createLogger({ level: 'info', format: 'json', clock, out: parts.log.out }),
      trust,
      store: told,
      makeBus: busMaker(parts),
      clockEvidence: async () => parts.clockEvidence(),
      process: PROCESS,
      uplink: { uplink: parts.uplink, gateway: GATEWAY },
    })
    return ok(new GatewayProcess(gateway, store))
  }
}

/** Planted bug: whatever the clock shows is taken for the time. */
class CredulousTrust extends ClockTrust {
  override quality() {
    return 'S' as const
  }
}

const PROCESS = {
  pid: 1,
  nodeVersion: 'v0',
  memoryBytes: () => 0,
  disk: () => ({ freeBytes: 0, totalBytes: 0 }),
}

/** The agent's own serial bus, at the world's end of the wire. */
function busMaker({ wire, clock, life, bug }: ProcessParts): BusMaker {
  return (address, units) => {
    invariant(address.kind === 'serial', 'the line of the world is a serial one')
    const settings = { baud: address.baud, format: address.format }
    const bus = new SerialBus(new WireEnd(wire, clock, life), clock, { settings, units })
    return bug === 'last_value_on_failure' ? lastValueBus(bus, clock) : bus
  }
}
