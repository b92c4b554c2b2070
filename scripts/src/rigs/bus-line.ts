import { type LinePort, ModbusTcpBus, SerialBus } from '@metergate/agent'
import type { Clock, Result } from '@metergate/protocol'
import {
  type Delivery,
  FaultPlan,
  InProcessLine,
  type LineEvent,
  SeededRandom,
  SerialLine,
  Timeline,
  VirtualClock,
} from '@metergate/simulator'
import { InProcessPort } from '../system/in-process-port.js'
import { TruthfulStation } from './bus-station.js'
import { addressOf, diOf, type RigProtocol, type RigRead, SETTINGS, UNITS } from './bus-truth.js'

/** A master under test. Gives the data, or why there are none. */
export type RigMaster = (port: LinePort, clock: Clock) => (read: RigRead) => Promise<Result<Uint8Array, unknown>>

/** The real bus. */
export const guarded =
  (protocol: RigProtocol): RigMaster =>
  (port, clock) => {
    const bus = new SerialBus(port, clock, { settings: SETTINGS[protocol] })
    return async ({ unit, function: fn, block, count }) => {
      const answer = await bus.read(
        protocol === 'modbus'
          ? { protocol, unit, function: fn, address: block, count }
          : { protocol, address: addressOf(unit), di: diOf(block) },
      )
      return answer.ok ? { ok: true, value: answer.value.data } : answer
    }
  }

/** The real bus for Modbus TCP. */
export const guardedTcp: RigMaster = (port, clock) => {
  const bus = new ModbusTcpBus(port, clock)
  return async ({ unit, function: fn, block, count }) => {
    const answer = await bus.read({ protocol: 'modbus', unit, function: fn, address: block, count })
    return answer.ok ? { ok: true, value: answer.value.data } : answer
  }
}

/** What a rig needs of a line, in virtual time or behind a real pty. */
export interface RigLine {
  readonly clock: Clock
  readonly faults: FaultPlan
  readonly read: (read: RigRead) => Promise<Result<Uint8Array, unknown>>
  now(): number
  after(delayMs: number, action: () => void): void
  unplug(): void
  replug(): void
  /** Drives time until the work is done. */
  run(work: Promise<void>): Promise<void>
  close(): void
}

/** Three truthful slaves on a line in virtual time, and a master on it. */
export function virtualRigLine(
  protocol: RigProtocol,
  seed: number,
  delivery: Delivery,
  master: RigMaster,
  onEvent: (event: LineEvent) => void = () => {},
): RigLine {
  const timeline = new Timeline()
  const clock = new VirtualClock(timeline)
  const random = new SeededRandom(seed)
  const faults = new FaultPlan(random.fork('faults'))
  const line = new SerialLine({
    scheduler: timeline,
    stations: UNITS.map((unit) => new TruthfulStation(protocol, unit)),
    faults,
    random: random.fork('noise'),
    epochAt: (at) => at,
    delivery,
    strictGaps: false,
    onEvent,
  })
  const adapter = new InProcessLine(line, timeline)
  return {
    clock,
    faults,
    read: master(new InProcessPort(adapter, clock), clock),
    now: () => timeline.now(),
    after: (delayMs, action) => void timeline.after(delayMs, action),
    unplug: () => adapter.unplug(),
    replug: () => adapter.replug(),
    run: (work) => timeline.settle(work, 1e12),
    close: () => undefined,
  }
}

/** How often the line's faults were provoked so far. */
export const provokedOn = ({ faults }: RigLine): number =>
  [...faults.provoked.values()].reduce((sum, each) => sum + each, 0)
