import type { MeterProfile } from '@metergate/protocol'
import { FaultPlan } from '../fault/faults.js'
import type { Scheduler } from '../kernel/scheduler.js'
import { SeededRandom } from '../kernel/seeded-random.js'
import { Dlt645Meter } from '../meter/dlt645-meter.js'
import { Dlt645Station } from '../meter/dlt645-station.js'
import { ModbusMeter } from '../meter/modbus-meter.js'
import { ModbusStation } from '../meter/modbus-station.js'
import type { SimulatedMeter } from '../meter/simulated-meter.js'
import { Plant } from '../plant/plant.js'
import type { MeterSpec, PlantSpec } from '../plant/schema.js'
import { type Delivery, type LineEvent, SerialLine } from './serial-line.js'
import type { Station } from './station.js'

/** What a simulated line is made of. */
export interface LineParts {
  readonly spec: PlantSpec
  readonly profiles: readonly MeterProfile[]
  readonly scheduler: Scheduler
  /** Wall time at a scheduler instant. */
  readonly epochAt: (schedulerMs: number) => number
  /** Freezes the plant as of this instant. */
  readonly holdAtMs?: number
  readonly delivery?: Delivery
  readonly strictGaps?: boolean
  readonly onEvent?: (event: LineEvent) => void
  /** Faults shared with another line to the same meters; its own by default. */
  readonly faults?: FaultPlan
}

/** A plant on a line: its truth, its meters, its faults, and the wire they share. */
export interface SimulatedLine {
  readonly plant: Plant
  readonly meters: readonly SimulatedMeter[]
  readonly stations: readonly Station[]
  readonly faults: FaultPlan
  readonly line: SerialLine
  meter(id: string): SimulatedMeter | undefined
}

/** Chunks like a CH340 or CP2102 on full-speed USB. */
export const DEFAULT_DELIVERY: Delivery = { chunkMs: 4, tail: 'prompt' }

/** A plant that cannot be built, in words for whoever wrote it. */
export class PlantError extends Error {
  override readonly name = 'PlantError'
}

/** Builds meters from their profiles and hangs them on one line; an unknown profile is named. */
export function buildLine(parts: LineParts): SimulatedLine {
  const { spec, scheduler, epochAt } = parts
  const plant = new Plant(spec, parts.holdAtMs === undefined ? {} : { holdAtMs: parts.holdAtMs })
  const random = new SeededRandom(spec.seed).fork('line')
  const faults = parts.faults ?? new FaultPlan(random.fork('faults'))
  const meters = spec.meters.map((meter) => buildMeter(meter, plant, parts.profiles))
  const stations = meters.map((meter) => buildStation(meter, settingsOf(meter.spec, spec)))
  const line = new SerialLine({
    scheduler,
    stations,
    faults,
    random: random.fork('noise'),
    epochAt,
    delivery: parts.delivery ?? DEFAULT_DELIVERY,
    strictGaps: parts.strictGaps ?? false,
    ...(parts.onEvent ? { onEvent: parts.onEvent } : {}),
  })
  return { plant, meters, stations, faults, line, meter: (id) => meters.find((meter) => meter.spec.id === id) }
}

function settingsOf(meter: MeterSpec, spec: PlantSpec): Station['settings'] {
  return { baud: meter.baud ?? spec.line.baud, format: meter.format ?? spec.line.format }
}

/** A meter as its profile describes it, or a {@link PlantError} that names what is missing. */
export function buildMeter(
  meter: MeterSpec,
  plant: Plant,
  profiles: readonly MeterProfile[],
): ModbusMeter | Dlt645Meter {
  const profile = profiles.find((candidate) => candidate.id === meter.profile)
  if (!profile) {
    const known = profiles.map(({ id }) => id).join(', ')
    throw new PlantError(`meter ${meter.id}: no profile is called "${meter.profile}"; use one of: ${known}`)
  }
  return profile.protocol === 'modbus' ? new ModbusMeter(meter, profile, plant) : new Dlt645Meter(meter, profile, plant)
}

function buildStation(meter: ModbusMeter | Dlt645Meter, settings: Station['settings']): Station {
  return meter instanceof ModbusMeter ? new ModbusStation(meter, settings) : new Dlt645Station(meter, settings)
}
