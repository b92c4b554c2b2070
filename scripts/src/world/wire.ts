import { type LineListener, type LinePort, type LineSettings, wireMs } from '@metergate/agent'
import { type Clock, fail, ok, withCrc } from '@metergate/protocol'
import type { ModbusMeter, SeededRandom, Timeline, Trace } from '@metergate/simulator'
import { ModbusStation } from '@metergate/simulator'
import { type WorldFaults, within } from './faults.js'
import type { Life } from './life.js'
import type { FaultKind, Provoked } from './provoked.js'

/** What a meter truly served: registers as of `epochMs`, handed to the gateway at `deliveredMs` of the world's time. */
export interface Served {
  readonly unit: number
  readonly epochMs: number
  readonly deliveredMs: number
}

interface WireParts {
  readonly timeline: Timeline
  readonly random: SeededRandom
  readonly faults: WorldFaults['bus']
  /** When chance stops spoiling frames. */
  readonly faultyMs: number
  readonly meters: readonly ModbusMeter[]
  readonly epochAt: (ms: number) => number
  readonly trace: Trace
  readonly provoked: Provoked
}

/** Slower than any time-out of the bus, quicker than the next poll or not. */
const LATE_MS = [1_500, 12_000] as const

/**
 * The pair of wires with the meters on it. It outlives the gateway's processes: an answer to one may reach the next.
 * Whole frames at a time, after the time they take at the line's speed; the gateway's own bus and guard are at the other end.
 */
export class Wire {
  readonly served: Served[] = []
  readonly #stations: readonly ModbusStation[]
  readonly #busyUntil = new Map<ModbusStation, number>()
  #end: WireEnd | undefined

  constructor(private readonly parts: WireParts) {
    this.#stations = parts.meters.map((meter) => new ModbusStation(meter, { baud: 9600, format: '8N1' }))
    for (const { from } of parts.faults.unplugged) {
      parts.timeline.after(from - parts.timeline.now(), () => {
        parts.provoked.add('unplugged')
        this.#end?.unplug()
      })
    }
  }

  get isPlugged(): boolean {
    return !within(this.parts.faults.unplugged, this.parts.timeline.now())
  }

  attach(end: WireEnd): void {
    this.#end = end
  }

  /** The gateway's bytes arrive at the meters. */
  talk(frame: Uint8Array, settings: LineSettings): void {
    const { timeline, random, faults, epochAt, provoked } = this.parts
    const station = this.#stations.find(({ meter }) => meter.unit === frame[0])
    const answer = station?.hear(frame, true)
    const place = station ? this.#stations.indexOf(station) : -1
    const silent = faults.silent.some((span) => span.meter === place && within([span], timeline.now()))
    if (this.#strikes(faults.noise, 'noise'))
      this.#deliver(random.bytes(1 + Math.floor(random.next() * 4)), random.next() * 30)
    if (!station || !answer || provoked.when(silent, 'silent_meter')) return
    // A meter has one receive buffer: until it has answered it forgets what else it is asked.
    if (timeline.now() < (this.#busyUntil.get(station) ?? 0)) return
    if (this.#strikes(faults.noAnswer, 'no_answer')) return
    const startMs = wireMs(frame.length, settings) + station.turnaroundMs + this.#lateness()
    this.#busyUntil.set(station, timeline.now() + startMs)
    timeline.after(startMs, () => {
      const epochMs = epochAt(timeline.now())
      const bytes = answer(epochMs)
      const takesMs = wireMs(bytes.length, settings)
      const broken = this.#broken(bytes)
      if (broken) this.#deliver(broken, takesMs)
      else this.#serve(station.meter.unit, epochMs, bytes, takesMs)
    })
  }

  #strikes(chance: number, kind: FaultKind): boolean {
    const { random, timeline, faultyMs, provoked } = this.parts
    return provoked.when(timeline.now() < faultyMs && random.chance(chance), kind)
  }

  #lateness(): number {
    const { random, faults } = this.parts
    return this.#strikes(faults.late, 'late_answer') ? LATE_MS[0] + random.next() * (LATE_MS[1] - LATE_MS[0]) : 0
  }

  /** The frame as it is when the line or the meter spoils it; undefined when it comes through. */
  #broken(bytes: Uint8Array): Uint8Array | undefined {
    const { random, faults } = this.parts
    if (this.#strikes(faults.garbled, 'garbled_frame')) {
      const spoilt = bytes.slice()
      const at = Math.floor(random.next() * spoilt.length)
      spoilt[at] = (spoilt[at] ?? 0) ^ (1 << Math.floor(random.next() * 8))
      return spoilt
    }
    if (this.#strikes(faults.cutShort, 'frame_cut_short'))
      return bytes.slice(0, Math.floor(random.next() * bytes.length))
    // A meter that is busy; codes 1-3 would teach the gateway that the registers do not exist.
    if (this.#strikes(faults.exception, 'exception'))
      return withCrc(Uint8Array.of(bytes[0] ?? 0, (bytes[1] ?? 0) | 0x80, 6))
    return undefined
  }

  #serve(unit: number, epochMs: number, bytes: Uint8Array, afterMs: number): void {
    const { timeline } = this.parts
    timeline.after(afterMs, () => {
      this.served.push({ unit, epochMs, deliveredMs: timeline.now() })
      this.#end?.hear(bytes)
    })
  }

  #deliver(bytes: Uint8Array, afterMs: number): void {
    this.parts.timeline.after(afterMs, () => this.#end?.hear(bytes))
  }
}

/** One process' end of the wire. */
export class WireEnd implements LinePort {
  readonly nature = 'serial'
  #listener: LineListener | undefined
  #settings: LineSettings | undefined

  constructor(
    private readonly wire: Wire,
    private readonly clock: Clock,
    private readonly life: Life,
  ) {}

  async open(settings: LineSettings, listener: LineListener) {
    if (!this.wire.isPlugged) return fail({ kind: 'line_down' as const, why: 'unplugged' })
    this.#listener = listener
    this.#settings = settings
    this.wire.attach(this)
    return ok(undefined)
  }

  async write(bytes: Uint8Array) {
    this.life.step()
    const settings = this.#settings
    if (!settings) return fail({ kind: 'line_down' as const, why: 'not open' })
    if (this.life.alive) this.wire.talk(bytes.slice(), settings)
    return ok(undefined)
  }

  hear(bytes: Uint8Array): void {
    if (!this.life.alive || !this.#settings) return
    this.life.step()
    this.#listener?.onData(bytes, this.clock.mono())
  }

  unplug(): void {
    if (!this.life.alive || !this.#settings) return
    this.#settings = undefined
    this.#listener?.onDown('unplugged')
  }

  async look(): Promise<void> {}
  async drain(): Promise<void> {}

  async close(): Promise<void> {
    this.#settings = undefined
  }
}
