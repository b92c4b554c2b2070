import { type Clock, epochMs, type MeterId, type Random, unreachable } from '@metergate/protocol'
import type { UnitFacts } from './bus/line-guard.js'
import type { LineAddress } from './bus/open-bus.js'
import type { UnitKey } from './bus/question.js'
import type { RegisterBus } from './bus/register-bus.js'
import { restDaysOf } from './config/energy-schema.js'
import type { LoadedConfig } from './config/load.js'
import type { GatewayConfig, LineConfig } from './config/schema.js'
import type { DeskOptions } from './energy/energy-desk.js'
import { PlantZone, type Slot } from './energy/plant-time.js'
import { ZHEJIANG_TOU } from './energy/tariffs/zhejiang.js'
import { closingEvents } from './flow/energy-close.js'
import { EnergyFeed, type FeedParts } from './flow/energy-feed.js'
import { energyReport } from './flow/energy-report.js'
import { pricesOf } from './flow/energy-tariff.js'
import type { ProcessFacts } from './flow/gateway-snapshot.js'
import { LatestBoard } from './flow/latest-board.js'
import {
  intervalMinutes,
  meterPlan,
  meterSetup,
  productPlan,
  profileOf,
  ratePlan,
  shiftPlans,
  unitFacts,
} from './flow/meter-setup.js'
import type { RatioMeter } from './flow/ratio-watch.js'
import type { ReportParts } from './flow/report-parts.js'
import { Gateway, type GatewayLine, type GatewayParts } from './gateway.js'
import { MeterSession } from './meter/meter-session.js'
import type { ClockTrust } from './reading/clock-trust.js'
import type { RecordStore } from './store/record-store.js'
import { SyncLoop } from './sync/sync-loop.js'
import type { Uplink } from './sync/uplink.js'
import type { Logger } from './system/logger.js'
import { SOFTWARE } from './version.js'

/** How a line becomes a bus: the real one opens a port, a simulation answers from memory. */
export type BusMaker = (line: LineAddress, units: ReadonlyMap<UnitKey, UnitFacts>, id: string) => RegisterBus

/** Everything of the outside world a gateway stands on. */
export interface GatewayPorts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly trust: ClockTrust
  readonly store: RecordStore
  readonly makeBus: BusMaker
  readonly clockEvidence: GatewayParts['clockEvidence']
  readonly process: ProcessFacts
  /** The way to the cloud and who we are there; undefined while the gateway works alone. */
  readonly uplink: { readonly uplink: Uplink; readonly gateway: string } | undefined
}

/** The gateway of a configuration on the given ports: on the real box, in a command, in the simulation. */
export function assembleGateway(loaded: LoadedConfig, ports: GatewayPorts): Gateway {
  const { clock, random, logger, trust, store, uplink } = ports
  const { config } = loaded
  const zone = new PlantZone(config.plant.timezone)
  const report = reportParts(loaded, zone)
  const closing: FeedParts['closing'] = ({ period, slot }, revision) =>
    closingEvents(energyReport(store, report, slot), period, revision)
  const { feed, notices } = EnergyFeed.open(
    { store, boot: clock.bootId, stamp: () => trust.stamp(), closing },
    deskOptions(loaded, zone),
  )
  for (const notice of notices) logger.warn(notice.kind, { ...notice })
  const lines = config.lines.map((line) => gatewayLine(loaded, line, ports))
  return new Gateway({
    clock,
    random,
    logger,
    loaded,
    software: SOFTWARE,
    zone,
    store,
    lines,
    ratioMeters: lines.flatMap(ratioMeters),
    trust,
    board: new LatestBoard(config.meters.map(({ id }) => id)),
    feed,
    report,
    clockEvidence: ports.clockEvidence,
    process: ports.process,
    gateway: uplink?.gateway,
    sync:
      uplink &&
      ((options) =>
        new SyncLoop(
          { clock, random, store, uplink: uplink.uplink },
          {
            every: config.sync.every,
            heartbeatEvery: config.sync.heartbeat,
            timeZone: config.plant.timezone,
            ...options,
          },
        )),
  })
}

function gatewayLine(loaded: LoadedConfig, line: LineConfig, { makeBus, clock, trust }: GatewayPorts): GatewayLine {
  const bus = makeBus(addressOf(line), unitFacts(loaded, line), line.id)
  const meters = loaded.config.meters
    .filter((entry) => entry.line === line.id)
    .map((entry) => ({ session: sessionOf(loaded, entry.id, bus, clock, trust), cadences: entry.poll }))
  return { id: line.id, bus, meters }
}

/** Those meters of a line whose model keeps ratios in registers of its own. */
function ratioMeters({ bus, meters }: GatewayLine): RatioMeter[] {
  return meters.flatMap(({ session: { setup } }) => {
    const { id, profile, target, ratio: configured } = setup
    if (profile.protocol !== 'modbus' || !profile.ratio_registers || !('unit' in target)) return []
    return [{ id, bus, at: { protocol: 'modbus' as const, unit: target.unit }, profile, configured }]
  })
}

export function sessionOf(
  loaded: LoadedConfig,
  meter: MeterId,
  bus: RegisterBus,
  clock: Clock,
  trust: ClockTrust,
): MeterSession {
  const entry = loaded.config.meters.find(({ id }) => id === meter)
  const line = loaded.config.lines.find(({ id }) => id === entry?.line)
  if (!entry || !line) throw new TypeError(`${meter} was checked to be on a configured line`)
  const setup = meterSetup(entry, line, profileOf(loaded, meter))
  return new MeterSession(
    setup,
    bus,
    (mono) => trust.stamp(mono),
    () => clock.mono(),
  )
}

export function addressOf({ port, baud, format }: LineConfig): LineAddress {
  switch (port.kind) {
    case 'serial':
      return { kind: 'serial', path: port.path, baud, format }
    case 'rtu_over_tcp':
      return { kind: 'rtu_over_tcp', host: port.host, port: port.port, baud, format }
    case 'modbus_tcp':
      return { kind: 'modbus_tcp', host: port.host, port: port.port }
    default:
      return unreachable(port)
  }
}

export function deskOptions(loaded: LoadedConfig, zone: PlantZone): DeskOptions {
  const { config } = loaded
  return {
    zone,
    minutes: intervalMinutes(config),
    meters: config.meters.map((entry) =>
      meterPlan(entry, profileOf(loaded, entry.id), config.products, config.energy.contract_kw),
    ),
    products: config.products.map(productPlan),
    shifts: shiftPlans(config),
  }
}

export function reportParts(loaded: LoadedConfig, zone: PlantZone): ReportParts {
  const { config } = loaded
  return {
    zone,
    minutes: intervalMinutes(config),
    meters: config.meters.map((entry) => ({
      id: entry.id,
      label: entry.label ?? entry.id,
      hasEnergy: profileOf(loaded, entry.id).category === 'electricity',
      rates: ratePlan(entry, profileOf(loaded, entry.id)),
    })),
    products: config.products.map((entry) => ({
      plan: productPlan(entry),
      label: entry.label ?? entry.id,
      weightKg: entry.weight_kg,
      baseline: entry.baseline && {
        start: dayOf(zone, entry.baseline.from).start,
        end: dayOf(zone, entry.baseline.to).end,
      },
    })),
    groups: config.groups,
    tariff: tariffPlan(config),
    co2: config.energy.co2,
    contractKw: config.energy.contract_kw,
    limits: config.energy.checks,
    isRestDay: restDaysOf(config.energy),
  }
}

/** The civil day of a checked `2026-11-23`; noon lies in it in every zone. */
function dayOf(zone: PlantZone, date: string): Slot {
  return zone.day(epochMs(Date.parse(`${date}T12:00:00Z`) - zone.offsetMs(Date.parse(`${date}T12:00:00Z`))))
}

/** The bill is made by the meter the tariff names, else the first group's main meter, else the only one there is. */
function tariffPlan({ tariff, groups, meters }: GatewayConfig): ReportParts['tariff'] {
  if (!tariff) return undefined
  const main = groups.flatMap((group) => (group.kind === 'main_and_sub' ? [group.main] : []))[0]
  const meter = tariff.meter ?? main ?? (meters.length === 1 ? meters[0]?.id : undefined)
  return meter && { meter, tariff: ZHEJIANG_TOU, prices: pricesOf(tariff) }
}
