import { type Clock, durationMs, type MeterProfile, serialFormatSchema, unreachable } from '@metergate/protocol'
import { distinctSettings, type LinePort, type LineSettings, sameSettings } from '../bus/line-port.js'
import { unitKey } from '../bus/question.js'
import type { BusRead } from '../bus/register-bus.js'
import { SerialBus } from '../bus/serial-bus.js'
import { presenceOf } from '../meter/presence.js'
import { planScan } from '../meter/scan-plan.js'
import { setRatio } from '../meter/set-ratio.js'
import type { Finding } from './finding.js'
import { besideOf, crowdedOf, foreignOf, heardOf, lateOf, shapedOf } from './frame-facts.js'
import { framesOf, type SeenFrame } from './frames.js'
import { judgeLine, type LineObservation, type UnitObservation } from './judge-line.js'
import { judgeWiring, type WiringObservation } from './judge-wiring.js'
import { TappedLine } from './tapped-line.js'
import { type DoctorUnit, placedUnit, trialReads, valuesNow } from './unit-reads.js'

export interface DoctorSubject {
  readonly name: string
  readonly line: LinePort
  readonly settings: LineSettings
  readonly units: readonly DoctorUnit[]
}

export interface DoctorParts {
  readonly clock: Clock
  readonly profiles: readonly MeterProfile[]
  readonly signal?: AbortSignal
}

/** What was found, and everything it was found from: the record for a ticket. */
export interface Diagnosis {
  readonly line: string
  readonly settings: LineSettings
  readonly findings: readonly Finding[]
  readonly observation: LineObservation
  readonly frames: readonly SeenFrame[]
  readonly durationMs: number
}

export const LISTEN_MS = 2000
/** Each a short and a long read. */
const ROUNDS = 6
/** After the answer to a short read the line is heard as long as a meter may take, so that a second one to the same question shows. */
const PAUSE_MS = { short: 550, long: 100 } as const
/** A line opened at other settings first hears out what is owed at the old ones. */
const QUIET_MS = 300
const WAIT_MS = 500
/** How long a late answer is still waited for at the end. */
const AFTER_MS = 2500
/** Units whose settings are searched for: one is enough to see that the whole line is set otherwise. */
const MOST_SEARCHED = 3

type Counts = {
  -readonly [name in 'asked' | 'good' | 'refused' | 'silent' | 'broken' | 'shortAsked' | 'shortBroken']: number
}

/** One visit to a line: what was asked, what came, what it means. */
export class Examination {
  readonly #subject: DoctorSubject
  readonly #parts: DoctorParts
  readonly #tap: TappedLine
  readonly #counts = new Map<string, Counts>()
  /** Units as they were asked: a SunSpec meter with the registers its map gave. */
  readonly #units = new Map<string, DoctorUnit>()
  readonly #answersAt = new Map<string, LineSettings>()
  readonly #wiring: WiringObservation[] = []
  #bus: SerialBus | undefined
  #down: string | undefined
  #unasked = { bytes: 0, frames: 0 }
  /** Frames and health of the questions at the configured settings, before others are tried. */
  #asked: { readonly frames: readonly SeenFrame[]; readonly health: ReturnType<SerialBus['health']> } | undefined

  constructor(subject: DoctorSubject, parts: DoctorParts) {
    this.#subject = subject
    this.#parts = parts
    this.#tap = new TappedLine(subject.line, parts.clock)
  }

  get isDown(): boolean {
    return this.#down !== undefined
  }

  /** Whoever talks without being asked is no slave. */
  async listen(): Promise<void> {
    const opened = await this.#tap.open(this.#subject.settings, {
      onData: () => undefined,
      onDown: (why) => this.#fell(why),
    })
    if (!opened.ok) return this.#fell(opened.fault.why)
    await this.#sleep(LISTEN_MS)
    const frames = framesOf(this.#tap.tape)
    this.#unasked = {
      bytes: this.#tap.tape.reduce((sum, { bytes }) => sum + bytes.length, 0),
      frames: frames.filter(({ kind }) => kind !== 'stray').length,
    }
    await this.#tap.close()
  }

  async ask(unit: DoctorUnit): Promise<void> {
    if (this.#down !== undefined) return
    const counts = this.#countsOf(unit)
    const { short, long } = trialReads(await this.#placed(unit))
    for (let round = 0; round < ROUNDS; round++) {
      await this.#askOnce(short, true, counts, unit)
      await this.#askOnce(long, false, counts, unit)
    }
  }

  async #placed(unit: DoctorUnit): Promise<DoctorUnit> {
    const placed = await placedUnit(this.#busFor(trialReads(unit).short, unit), unit, this.#parts.signal)
    this.#units.set(unit.name, placed)
    return placed
  }

  async #askOnce(read: BusRead, isShort: boolean, counts: Counts, unit: DoctorUnit): Promise<void> {
    const bus = this.#busFor(read, unit)
    const answer = await bus.read(read, this.#parts.signal)
    // A second answer to the same question needs a moment to be heard.
    await this.#sleep(isShort ? PAUSE_MS.short : PAUSE_MS.long)
    counts.asked += 1
    if (isShort) counts.shortAsked += 1
    if (answer.ok) {
      counts.good += 1
      return
    }
    switch (answer.fault.kind) {
      case 'exception':
        counts.refused += 1
        break
      case 'timeout':
        counts.silent += 1
        break
      case 'crc':
        this.#broken(counts, isShort)
        break
      case 'bad_frame':
        // Nothing received: the order of answers could not be proved after earlier ones stayed out.
        if (answer.fault.received === '') counts.silent += 1
        else this.#broken(counts, isShort)
        break
      case 'line_down':
        this.#fell(answer.fault.why)
        break
      default:
        unreachable(answer.fault)
    }
  }

  #broken(counts: Counts, isShort: boolean): void {
    counts.broken += 1
    if (isShort) counts.shortBroken += 1
  }

  /** Answers that are still under way, and the last word of the bus on all of them. */
  async hearOut(): Promise<void> {
    const bus = this.#bus
    if (!bus || this.#down !== undefined) return
    const silent = this.#subject.units.find((unit) => this.#countsOf(unit).silent > 0)
    if (silent) {
      await this.#sleep(AFTER_MS)
      // The next question sweeps up what has come meanwhile.
      await bus.read(trialReads(silent).long, this.#parts.signal)
    }
    this.#asked = { frames: framesOf(this.#tap.tape), health: bus.health() }
  }

  /** Settings to try for units that stayed silent, all units at one setting before the next. */
  otherSettings(): { unit: DoctorUnit; settings: LineSettings }[] {
    if (this.#down !== undefined || this.#tap.nature === 'socket') return []
    const mute = this.#subject.units.filter((unit) => this.#isMute(unit)).slice(0, MOST_SEARCHED)
    const ours = this.#subject.settings
    const stages = planScan(this.#parts.profiles, { depth: 'normal', units: [1] })
    const settings = distinctSettings([
      // Where the settings of its own are wrong, those of the line may be right.
      ours,
      ...stages.map((stage) => stage.settings),
      // What the menu of this very model offers.
      ...mute.flatMap(({ profile }) =>
        profile ? profile.serial.bauds.map((baud) => ({ ...profile.serial, baud })) : [],
      ),
      // No factory sets odd parity, but many a meter's menu offers it.
      ...serialFormatSchema.options.map((format) => ({ ...ours, format })),
    ])
    return settings.flatMap((each) =>
      mute.filter((unit) => !sameSettings(each, unit.settings ?? ours)).map((unit) => ({ unit, settings: each })),
    )
  }

  /** What some of the silent units were found at is likely right for the rest of them. */
  settingsFound(): { unit: DoctorUnit; settings: LineSettings }[] {
    const settings = distinctSettings([...this.#answersAt.values()])
    const mute = this.#subject.units.filter((unit) => this.#isMute(unit))
    return settings.flatMap((each) => mute.map((unit) => ({ unit, settings: each })))
  }

  isFound(unit: DoctorUnit): boolean {
    return this.#answersAt.has(unit.name)
  }

  async tryAt(unit: DoctorUnit, settings: LineSettings): Promise<void> {
    const { clock, signal } = this.#parts
    await this.#bus?.close()
    this.#bus = undefined
    const { short } = trialReads(unit)
    const bus = new SerialBus(this.#tap, clock, {
      settings,
      units: new Map([[unitKey(short), { turnaround: { typical: 40, max: WAIT_MS } }]]),
      firstQuietMs: QUIET_MS,
    })
    const presence = presenceOf(await bus.read(short, signal))
    if (presence.kind === 'there') this.#answersAt.set(unit.name, settings)
    await bus.close()
  }

  answering(): DoctorUnit[] {
    return this.#down === undefined
      ? this.#subject.units.filter((unit) => this.#countsOf(unit).good > 0 && unit.profile)
      : []
  }

  async look(unit: DoctorUnit): Promise<void> {
    const { signal } = this.#parts
    const bus = this.#busFor(trialReads(unit).short, unit)
    const values = await valuesNow(bus, this.#units.get(unit.name) ?? unit, signal)
    const ct = await setRatio(bus, unit, 'ct', signal)
    this.#wiring.push({
      name: unit.name,
      values,
      isSecondary: unit.profile?.values_are === 'secondary',
      ...(unit.configuredCt === undefined ? {} : { configuredCt: unit.configuredCt }),
      ...(unit.configuredPt === undefined ? {} : { configuredPt: unit.configuredPt }),
      ...(ct === undefined ? {} : { metersCt: ct }),
      ...(unit.mostW === undefined ? {} : { mostW: unit.mostW }),
    })
  }

  async close(): Promise<void> {
    await (this.#bus?.close() ?? this.#tap.close())
  }

  diagnosis(tookMs: number): Diagnosis {
    const { name, settings, units } = this.#subject
    const observation: LineObservation = {
      settings,
      isSocket: this.#tap.nature === 'socket',
      ...(this.#down === undefined ? {} : { down: this.#down }),
      unaskedBytes: this.#unasked.bytes,
      unaskedFrames: this.#unasked.frames,
      units: this.#down === undefined ? units.map((unit) => this.#observed(unit)) : [],
    }
    const wiring = this.#wiring.flatMap(judgeWiring)
    const line = judgeLine(observation)
    // A line is called healthy only when what it carries is, too.
    const findings = [...line.filter(({ cause }) => cause !== 'healthy' || wiring.length === 0), ...wiring]
    return { line: name, settings, findings, observation, frames: framesOf(this.#tap.tape), durationMs: tookMs }
  }

  #observed(unit: DoctorUnit): UnitObservation {
    const key = unitKey(trialReads(unit).short)
    const health = this.#asked?.health.units.get(key)
    const answersAt = this.#answersAt.get(unit.name)
    const frames = this.#asked?.frames ?? []
    const settings = unit.settings ?? this.#subject.settings
    const late = lateOf(frames, key, WAIT_MS, settings)
    const asked = this.#subject.units.map((each) => unitKey(trialReads(each).short))
    const foreign = foreignOf(frames, key, asked)
    return {
      name: unit.name,
      settings,
      ...this.#countsOf(unit),
      late,
      ...besideOf(frames, key),
      heard: heardOf(frames, key),
      crowded: late > 0 ? 0 : crowdedOf(frames, key),
      shaped: shapedOf(frames, key),
      foreign: foreign.count,
      foreigners: foreign.units,
      turnaroundMs: health?.turnaroundMs,
      timeoutMs: WAIT_MS,
      ...(answersAt ? { answersAt } : {}),
    }
  }

  #isMute(unit: DoctorUnit): boolean {
    const { asked, silent } = this.#countsOf(unit)
    return asked > 0 && silent === asked && heardOf(this.#asked?.frames ?? [], unitKey(trialReads(unit).short)) === 0
  }

  #busFor(read: BusRead, unit: DoctorUnit): SerialBus {
    const key = unitKey(read)
    const bus =
      this.#bus ??
      new SerialBus(this.#tap, this.#parts.clock, { settings: this.#subject.settings, firstQuietMs: QUIET_MS })
    this.#bus = bus
    // Asked for the first time on this bus.
    if (!bus.health().units.has(key))
      bus.setUnit(key, {
        turnaround: { typical: 40, max: WAIT_MS },
        ...(unit.settings ? { settings: unit.settings } : {}),
        pauseMs: unit.profile?.pause_ms ?? 0,
      })
    return bus
  }

  #countsOf({ name }: DoctorUnit): Counts {
    const known = this.#counts.get(name)
    if (known) return known
    const counts = { asked: 0, good: 0, refused: 0, silent: 0, broken: 0, shortAsked: 0, shortBroken: 0 }
    this.#counts.set(name, counts)
    return counts
  }

  #fell(why: string): void {
    this.#down ??= why
  }

  #sleep(ms: number): Promise<void> {
    return this.#parts.clock.sleep(durationMs(ms), this.#parts.signal)
  }
}
