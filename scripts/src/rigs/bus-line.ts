import { type LinePort, SerialBus } from '@metergate/agent'
import {
  type Clock,
  cutDlt645Frame,
  encodeDlt645Answer,
  hasValidCrc,
  type Result,
  type SerialFormat,
  withCrc,
} from '@metergate/protocol'
import {
  type Delivery,
  FaultPlan,
  InProcessLine,
  type LineEvent,
  SeededRandom,
  SerialLine,
  type Station,
  Timeline,
  VirtualClock,
} from '@metergate/simulator'
import { InProcessPort } from '../system/in-process-port.js'

export type RigProtocol = 'modbus' | 'dlt645'
/** One question of a rig: `block` is a start address, or the number of a data identifier. */
export interface RigRead {
  readonly unit: number
  readonly function: 3 | 4
  readonly block: number
  readonly count: number
}
/** A master under test. Gives the data, or why there are none. */
export type RigMaster = (port: LinePort, clock: Clock) => (read: RigRead) => Promise<Result<Uint8Array, unknown>>

export const SETTINGS: Readonly<Record<RigProtocol, { readonly baud: number; readonly format: SerialFormat }>> = {
  modbus: { baud: 9600, format: '8N1' },
  dlt645: { baud: 2400, format: '8E1' },
}

export const UNITS = [1, 2, 3] as const
const addressOf = (unit: number): string => String(unit).padStart(12, '0')
const diOf = (block: number): string => `0201${(block & 0xff).toString(16).padStart(2, '0')}00`

/** What unit, function and place hold: different everywhere, so that a value of another question always shows. */
function word(unit: number, fn: number, address: number): number {
  return (unit * 7919 + fn * 104_729 + address * 31 + 17) & 0xffff
}

const words = (unit: number, fn: number, address: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => word(unit, fn, address + index)).flatMap((value) => [
    value >> 8,
    value & 0xff,
  ])

/** The only right answer to a question. */
export function truth(protocol: RigProtocol, read: RigRead): Uint8Array {
  return protocol === 'modbus'
    ? Uint8Array.from(words(read.unit, read.function, read.block, read.count))
    : Uint8Array.from(words(read.unit, 0x11, read.block & 0xff, 2))
}

export const isTrue = (protocol: RigProtocol, read: RigRead, data: Uint8Array): boolean =>
  Buffer.from(data).equals(truth(protocol, read))

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

/** A slave that knows nothing but {@link truth}; frames by the protocol's own codec, faults by the simulator. */
export class TruthfulStation implements Station {
  readonly name: string
  readonly settings: Station['settings']
  readonly turnaroundMs = 15

  constructor(
    private readonly protocol: RigProtocol,
    private readonly unit: number,
  ) {
    this.name = String(unit)
    this.settings = SETTINGS[protocol]
  }

  hear(frame: Uint8Array): ((epochMs: number) => Uint8Array) | undefined {
    const answer = this.protocol === 'modbus' ? modbusAnswer(frame, this.unit) : dlt645Answer(frame, this.unit)
    return answer && (() => answer)
  }

  reseal(frame: Uint8Array): Uint8Array {
    if (this.protocol === 'modbus') return withCrc(frame.subarray(0, frame.length - 2))
    const start = frame.indexOf(0x68)
    const copy = frame.slice()
    copy[copy.length - 2] =
      copy.subarray(Math.max(0, start), copy.length - 2).reduce((sum, byte) => sum + byte, 0) & 255
    return copy
  }

  unitAt(frame: Uint8Array): number {
    return this.protocol === 'modbus' ? 0 : frame.indexOf(0x68) + 1
  }

  functionAt(frame: Uint8Array): number {
    return this.protocol === 'modbus' ? 1 : frame.indexOf(0x68) + 8
  }

  refusal(frame: Uint8Array, code: number): Uint8Array {
    return this.protocol === 'modbus'
      ? withCrc(Uint8Array.of(this.unit, (frame[1] ?? 0) | 0x80, code))
      : encodeDlt645Answer(addressOf(this.unit), 0xd1, Uint8Array.of(code))
  }
}

export function modbusAnswer(frame: Uint8Array, unit: number): Uint8Array | undefined {
  const request = frame.subarray(Math.max(0, frame.length - 8))
  if (request.length !== 8 || request[0] !== unit || !hasValidCrc(request, 0, 8)) return undefined
  const [, fn = 0, high = 0, low = 0, , count = 0] = request
  return withCrc(Uint8Array.of(unit, fn, 2 * count, ...words(unit, fn, high * 256 + low, count)))
}

export function dlt645Answer(heard: Uint8Array, unit: number): Uint8Array | undefined {
  const cut = cutDlt645Frame(heard)
  if (cut.kind !== 'frame' || cut.frame.control !== 0x11 || cut.frame.address !== addressOf(unit)) return undefined
  const block = cut.frame.data[1] ?? 0
  return encodeDlt645Answer(
    addressOf(unit),
    0x91,
    Uint8Array.of(...cut.frame.data.subarray(0, 4), ...words(unit, 0x11, block, 2)),
  )
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
