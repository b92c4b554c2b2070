import type { AnswerFault, FaultPlan } from '../fault/faults.js'
import type { Scheduler } from '../kernel/scheduler.js'
import type { SeededRandom } from '../kernel/seeded-random.js'
import type { Station } from './station.js'
import { charMs, frameGapMs, type SerialSettings, understands } from './timing.js'

/** How bytes reach the master: a USB adapter hands them over in chunks. */
export interface Delivery {
  /** Hand over every so many milliseconds what has arrived; 0 = the whole answer at once when its last byte is in. */
  readonly chunkMs: number
  /** `prompt`: the rest right after the last byte. `late`: only with the next chunk, as an FTDI latency timer does. */
  readonly tail: 'prompt' | 'late'
}

/** What happened on the line, for logs and oracles. */
export type LineEvent =
  | { readonly kind: 'request'; readonly atMs: number; readonly frame: Uint8Array; readonly heardBy: readonly string[] }
  | {
      readonly kind: 'answer'
      readonly atMs: number
      readonly epochMs: number
      readonly station: string
      readonly bytes: Uint8Array
      /** What was done to it on purpose. */
      readonly faults: readonly AnswerFault[]
    }

export interface SerialLineOptions {
  readonly scheduler: Scheduler
  readonly stations: readonly Station[]
  readonly faults: FaultPlan
  readonly random: SeededRandom
  /** Wall time at a scheduler instant: what the meters' registers are read for. */
  readonly epochAt: (schedulerMs: number) => number
  readonly delivery: Delivery
  /** Stations ignore a request that follows other bytes by less than t3.5. */
  readonly strictGaps: boolean
  readonly onEvent?: (event: LineEvent) => void
}

/** `double`: a second unit with the address of the one that answers. */
type Talker = 'master' | 'echo' | 'double' | Station

/** Characters sent end to end by one side. */
interface Burst {
  readonly talker: Talker
  readonly bytes: Uint8Array
  readonly startMs: number
  readonly endMs: number
  readonly charMs: number
  readonly settings: SerialSettings
  delivered: number
}

/** How long past bursts are remembered for collisions. */
const MEMORY_MS = 50
/** Scheduler instants are sums of floats. */
const EPSILON_MS = 1e-6

/**
 * One half-duplex RS485 pair with true byte timing. Every character occupies the wire for its time; two talkers at once garble
 * each other; stations act on what lies between silences of t3.5; one that is set to another speed hears noise and keeps silent.
 * Runs on any {@link Scheduler}: in real time behind a pty, in virtual time inside a test.
 */
export class SerialLine {
  readonly #options: SerialLineOptions
  readonly #busyUntil = new Map<Station, number>()
  #bursts: Burst[] = []
  /** Bursts since the last silence. */
  #run: Burst[] = []
  #runEndMs = Number.NEGATIVE_INFINITY
  #masterFreeAt = Number.NEGATIVE_INFINITY
  #masterSettings: SerialSettings = { baud: 9600, format: undefined }
  #toMaster: (bytes: Uint8Array) => void = () => {}

  constructor(options: SerialLineOptions) {
    this.#options = options
  }

  /** Where the master's received bytes go. */
  onMasterData(listener: (bytes: Uint8Array) => void): void {
    this.#toMaster = listener
  }

  /** The master hands over bytes at `atMs` (now, or shortly before); they follow what it is still sending. */
  masterSend(bytes: Uint8Array, settings: SerialSettings, atMs = this.#options.scheduler.now()): void {
    if (bytes.length === 0) return
    this.#masterSettings = settings
    const burst = this.#burst('master', bytes, settings, Math.max(atMs, this.#masterFreeAt))
    this.#masterFreeAt = burst.endMs
    const echo = this.#options.faults.echo(bytes)
    if (echo) this.#deliver(this.#burst('echo', echo, settings, burst.startMs))
    this.#transmit(burst)
  }

  #burst(talker: Talker, bytes: Uint8Array, settings: SerialSettings, startMs: number): Burst {
    const each = charMs(settings)
    return { talker, bytes, startMs, endMs: startMs + bytes.length * each, charMs: each, settings, delivered: 0 }
  }

  /** Puts a burst on the wire, where every station hears it. */
  #transmit(burst: Burst): void {
    this.#bursts = this.#bursts.filter((old) => old.endMs > burst.startMs - MEMORY_MS)
    this.#bursts.push(burst)
    const gap = frameGapMs(burst.settings)
    if (this.#run.length > 0 && burst.startMs >= this.#runEndMs + gap - EPSILON_MS) this.#closeRun()
    this.#run.push(burst)
    this.#runEndMs = Math.max(this.#runEndMs, burst.endMs)
    this.#closeWhenSilent(this.#runEndMs, gap)
  }

  #closeWhenSilent(endMs: number, gap: number): void {
    const { scheduler } = this.#options
    scheduler.after(endMs + gap - scheduler.now(), () => {
      if (this.#run.length > 0 && this.#runEndMs === endMs) this.#closeRun()
    })
  }

  /** A silence: whatever was sent since the last one is a frame to those who can understand it. */
  #closeRun(): void {
    const run = this.#run
    const endMs = this.#runEndMs
    this.#run = []
    const last = run.at(-1)
    // Nobody answers an answer: a run is of interest only if the master's bytes end it.
    if (last?.talker !== 'master') return
    const frame = Uint8Array.from(run.flatMap((burst) => this.#heard(burst)))
    const heardBy: string[] = []
    for (const station of this.#options.stations) {
      if (!run.every((burst) => understands(burst.settings, station.settings))) continue
      const answer = this.#options.faults.isDead(station.name)
        ? undefined
        : station.hear(frame, this.#options.strictGaps)
      if (!answer) continue
      heardBy.push(station.name)
      this.#answerLater(station, answer, endMs + station.turnaroundMs)
    }
    this.#options.onEvent?.({ kind: 'request', atMs: endMs, frame, heardBy })
  }

  /** Bytes of a burst as stations hear them: garbled where somebody else talked at the same time. */
  #heard(burst: Burst): number[] {
    return Array.from(burst.bytes, (byte, index) => {
      const other = this.#overlapping(burst, index).some((candidate) => candidate !== burst)
      return this.#options.faults.noisy(other ? this.#options.random.uint32() & 0xff : byte)
    })
  }

  #overlapping(burst: Burst, index: number): Burst[] {
    const from = burst.startMs + index * burst.charMs + EPSILON_MS
    const to = from + burst.charMs - 2 * EPSILON_MS
    return this.#bursts.filter((other) => other.talker !== burst.talker && other.startMs < to && other.endMs > from)
  }

  #answerLater(station: Station, answer: (epochMs: number) => Uint8Array, earliestMs: number): void {
    const { scheduler, faults, epochAt, onEvent } = this.#options
    // A slow unit's requests wait in its receive buffer: it answers one after the other.
    const startMs = Math.max(earliestMs, this.#busyUntil.get(station) ?? 0, scheduler.now())
    const epochMs = epochAt(startMs)
    const shaped = faults.shape(station, answer(epochMs))
    if (!shaped || shaped.bytes.length === 0) return
    const burst = this.#burst(station, shaped.bytes, station.settings, startMs + shaped.extraDelayMs)
    this.#busyUntil.set(station, burst.endMs)
    if (shaped.double) this.#doubleLater(station, shaped.double.bytes, burst.startMs + shaped.double.afterMs)
    scheduler.after(burst.startMs - scheduler.now(), () => {
      const { bytes, startMs: atMs } = burst
      onEvent?.({ kind: 'answer', atMs, epochMs, station: station.name, bytes, faults: shaped.faults })
      this.#transmit(burst)
      this.#deliver(burst)
    })
  }

  #doubleLater(station: Station, bytes: Uint8Array, startMs: number): void {
    const { scheduler } = this.#options
    scheduler.after(startMs - scheduler.now(), () => {
      const burst = this.#burst('double', bytes, station.settings, startMs)
      this.#transmit(burst)
      this.#deliver(burst)
    })
  }

  /** Hands the burst's characters to the master as they arrive. */
  #deliver(burst: Burst): void {
    const { scheduler, delivery } = this.#options
    const { chunkMs, tail } = delivery
    const tick = (chunk: number): void => {
      const nextMs = chunkMs === 0 ? burst.endMs : burst.startMs + chunk * chunkMs
      const dueMs = tail === 'prompt' ? Math.min(nextMs, burst.endMs) : nextMs
      const handOver = (): void => {
        this.#handOver(burst, Math.max(dueMs, scheduler.now()))
        if (burst.delivered < burst.bytes.length) tick(chunk + 1)
      }
      // Only the last byte's instant is part of anybody's timing.
      scheduler.after(dueMs - scheduler.now(), handOver, dueMs >= burst.endMs ? 'exact' : 'loose')
    }
    tick(1)
  }

  #handOver(burst: Burst, nowMs: number): void {
    const arrived = Math.min(burst.bytes.length, Math.floor((nowMs - burst.startMs + EPSILON_MS) / burst.charMs))
    const bytes: number[] = []
    for (let index = burst.delivered; index < arrived; index += 1) {
      const byte = this.#atMaster(burst, index)
      if (byte !== undefined) bytes.push(byte)
    }
    burst.delivered = arrived
    if (bytes.length > 0) this.#toMaster(Uint8Array.from(bytes))
  }

  /** One character at the master: nothing while its own driver is on, garbled by a second talker, noise at another speed. */
  #atMaster(burst: Burst, index: number): number | undefined {
    const byte = burst.bytes[index] ?? 0
    if (burst.talker === 'echo') return byte
    const others = this.#overlapping(burst, index)
    if (others.some((other) => other.talker === 'master')) return undefined
    // Two characters at once make one: the earlier talker's, garbled.
    if (
      others.some(
        (other) =>
          other.startMs < burst.startMs ||
          (other.startMs === burst.startMs && this.#bursts.indexOf(other) < this.#bursts.indexOf(burst)),
      )
    ) {
      return undefined
    }
    const garbled = others.length > 0 || !understands(burst.settings, this.#masterSettings)
    return this.#options.faults.noisy(garbled ? this.#options.random.uint32() & 0xff : byte)
  }
}
