import { type Clock, durationMs, fail, ok, type Result } from '@metergate/protocol'
import type { BusFault } from './bus-fault.js'
import { Debts } from './debts.js'
import { type Ears, type Frame, type Heard, Hearing, type Judgement, type Purpose } from './hearing.js'
import { Inbox } from './inbox.js'
import { type LineDown, type LinePort, type LineSettings, sameSettings, silenceMs, wireMs } from './line-port.js'
import { protocolOf, type Question, type UnitKey } from './question.js'
import type { BusCounters, UnitHealth } from './register-bus.js'
import { Tally } from './tally.js'
import { type TurnaroundFacts, UnitTiming } from './unit-timing.js'

/** What is particular about one unit on the line. */
export interface UnitFacts {
  /** Speed and format when they differ from the line's; changed per request. */
  readonly settings?: LineSettings
  /** Least silence before the next request to this unit after its last one, beyond t3.5. */
  readonly pauseMs?: number
  readonly turnaround?: TurnaroundFacts
}

export interface GuardOptions {
  readonly settings: LineSettings
  readonly units?: ReadonlyMap<UnitKey, UnitFacts>
  /** Listened to before the first request ever, so that an answer owed to an earlier process is over. 500 ms by default. */
  readonly firstQuietMs?: number
}

/** A line that babbles is given this long to fall silent before a request. */
const BABBLE_MS = 1000
/** A line that is down is tried again at most this often. */
const REOPEN_EVERY_MS = 500
/** Pieces of frames this soon after a time-out may be a late answer that our next question ran into. */
const LATE_MS = 5000
/** What a floating pair gives, and the wake-up bytes of an answer that only begins. */
const IDLE = /^(00|fe|ff)*$/
/**
 * The discipline of one line. Keeps t3.5 of silence before every request, measured from the last byte heard or
 * sent; closes frames by length and check, never by silence; drops echoes, noise and late answers; believes a time-out only
 * after a last look; and never hands an answer to a question it may not belong to (see {@link Debts}).
 * One caller at a time: the bus queues.
 */
export class LineGuard<Q extends Question = Question> {
  readonly #port: LinePort
  readonly #clock: Clock
  readonly #options: GuardOptions
  readonly #inbox: Inbox
  readonly #debts = new Debts<Q>()
  readonly #line = new Tally()
  readonly #tallies = new Map<UnitKey, Tally>()
  readonly #timings = new Map<UnitKey, UnitTiming>()
  readonly #facts: Map<UnitKey, UnitFacts>
  readonly #lastTalk = new Map<UnitKey, number>()
  #settings: LineSettings | undefined
  #closedWhy: string | undefined = 'not opened yet'
  #everOpened = false
  #triedAt: number | undefined
  #lastSent = Number.NEGATIVE_INFINITY
  #damage = 0
  #timedOutAt = Number.NEGATIVE_INFINITY

  constructor(port: LinePort, clock: Clock, options: GuardOptions) {
    this.#port = port
    this.#clock = clock
    this.#options = options
    this.#inbox = new Inbox(clock)
    this.#facts = new Map(options.units)
  }

  get nature(): LinePort['nature'] {
    return this.#port.nature
  }

  /** Why the line cannot be used now; undefined while it is open. */
  get closedWhy(): string | undefined {
    return this.#inbox.down ?? this.#closedWhy
  }

  get counters(): BusCounters {
    return this.#line.counters
  }

  /**
   * Signs that the line changes bytes, ever: answers whose check failed, that broke off or came as something else, and frames
   * of units nobody asked. A time-out is none (units are switched off), nor are what a late answer leaves behind, stray bytes (an
   * undriven pair floats) and echoes.
   */
  get damage(): number {
    return this.#damage
  }

  /** Whether an answer of this question's shape may still come for an older question. */
  isOpen(question: Question): boolean {
    return this.#debts.isOpen(question.unit, question.shape)
  }

  /** How many questions of a unit an answer may still come for. */
  unanswered(unit: UnitKey): number {
    return this.#debts.count(unit)
  }

  newestUnanswered(unit: UnitKey): Q | undefined {
    return this.#debts.newest(unit)
  }

  /** Sets what is particular about a unit, from its profile or its configuration. */
  setUnit(unit: UnitKey, facts: UnitFacts): void {
    this.#facts.set(unit, facts)
    this.#timings.delete(unit)
  }

  unitHealth(): ReadonlyMap<UnitKey, UnitHealth> {
    return new Map(
      [...this.#tallies].map(([unit, tally]) => {
        const { timeoutMs, turnaroundMs } = this.#timing(unit)
        return [unit, { ...tally.counters, timeoutMs, turnaroundMs }]
      }),
    )
  }

  /** Puts one question and hears its answer. Rejects only when `signal` aborts; a question already sent stays open. */
  async ask(question: Q, purpose: Purpose, signal?: AbortSignal): Promise<Result<Heard, BusFault>> {
    signal?.throwIfAborted()
    const outcome = await this.#ask(question, purpose, signal)
    this.#tally(question.unit).count('requests')
    this.#line.count('requests')
    this.#countBoth(question.unit, outcome.ok ? 'good' : outcome.fault.kind)
    if (!outcome.ok) this.#noteDamage(outcome.fault)
    if (purpose === 'resync') this.#countBoth(question.unit, 'resyncs')
    return outcome
  }

  #noteDamage(fault: BusFault): void {
    const now = this.#clock.mono()
    if (fault.kind === 'timeout') this.#timedOutAt = now
    const isPieces = fault.kind === 'bad_frame' && !IDLE.test(fault.received)
    if (fault.kind === 'crc' || (isPieces && now - this.#timedOutAt > LATE_MS)) this.#damage += 1
  }

  async close(): Promise<void> {
    this.#closedWhy = 'closed'
    this.#settings = undefined
    this.#inbox.rest()
    await this.#port.close()
  }

  async #ask(question: Q, purpose: Purpose, signal: AbortSignal | undefined): Promise<Result<Heard, BusFault>> {
    const opened = await this.#opened(question.unit, signal)
    if (!opened.ok) return opened
    const quiet = await this.#quiet(question, opened.value, signal)
    if (!quiet.ok) return quiet
    const begun = this.#clock.mono()
    this.#debts.ask(question, begun + wireMs(question.bytes.length, opened.value))
    const written = await this.#port.write(question.bytes, question.answerLength)
    if (!written.ok) return this.#down(written.fault.why)
    // The driver takes the bytes at once; the wire needs its time for them.
    const sent = Math.max(this.#clock.mono(), begun + wireMs(question.bytes.length, opened.value))
    this.#lastSent = sent
    this.#lastTalk.set(question.unit, sent)
    return new Hearing(question, purpose, begun, sent, opened.value, this.#ears(question)).outcome(signal)
  }

  async #opened(unit: UnitKey, signal: AbortSignal | undefined): Promise<Result<LineSettings, LineDown>> {
    const wanted = this.#facts.get(unit)?.settings ?? this.#options.settings
    const up = this.closedWhy === undefined
    if (up && this.#settings && sameSettings(this.#settings, wanted)) return ok(wanted)
    const now = this.#clock.mono()
    if (!up && this.#triedAt !== undefined && now - this.#triedAt < REOPEN_EVERY_MS)
      return fail({ kind: 'line_down', why: this.closedWhy ?? 'down' })
    this.#triedAt = now
    this.#inbox.reset()
    const opened = await this.#port.open(wanted, {
      onData: (bytes, at) => this.#inbox.push(bytes, at),
      onDown: (why) => this.#inbox.lost(why),
    })
    if (!opened.ok) {
      this.#closedWhy = opened.fault.why
      return opened
    }
    this.#closedWhy = undefined
    this.#settings = wanted
    if (!this.#everOpened) {
      this.#everOpened = true
      await this.#clock.sleep(durationMs(this.#options.firstQuietMs ?? 500), signal)
    }
    return ok(wanted)
  }

  /** Waits for the silence a request needs, and clears away what was heard since the last one. */
  async #quiet(question: Q, settings: LineSettings, signal: AbortSignal | undefined): Promise<Result<void, BusFault>> {
    const begun = this.#clock.mono()
    for (;;) {
      this.#sweep(question)
      const pauseEnd =
        (this.#lastTalk.get(question.unit) ?? Number.NEGATIVE_INFINITY) + (this.#facts.get(question.unit)?.pauseMs ?? 0)
      const lastByte = Math.max(this.#inbox.lastAt ?? Number.NEGATIVE_INFINITY, this.#lastSent)
      const left = Math.max(lastByte + silenceMs(settings.baud), pauseEnd) - this.#clock.mono()
      if (left <= 0) return ok(undefined)
      if (this.#clock.mono() - begun > BABBLE_MS + Math.max(0, pauseEnd - begun))
        return fail({ kind: 'bad_frame', received: '', why: 'the line does not fall silent: another master, or noise' })
      await this.#clock.sleep(durationMs(left), signal)
    }
  }

  /** Late answers that came while nobody was asking still belong in the book. */
  #sweep(question: Q): void {
    if (this.#inbox.bytes.length === 0) return
    const ears = this.#ears(question)
    const { sightings } = question.scan(this.#inbox.bytes, ears.expects, true)
    let at = 0
    for (const sighting of sightings) {
      ears.stray(this.#inbox.bytes.subarray(at, sighting.start))
      at = sighting.end
      if (sighting.kind !== 'echo') this.#judge(sighting, undefined)
    }
    ears.stray(this.#inbox.bytes.subarray(at))
    this.#inbox.drop(this.#inbox.bytes.length)
  }

  #down(why: string): Result<never, BusFault> {
    this.#closedWhy = why
    this.#settings = undefined
    return fail({ kind: 'line_down', why })
  }

  #ears(question: Q): Ears {
    return {
      clock: this.#clock,
      port: this.#port,
      inbox: this.#inbox,
      timing: this.#timing(question.unit),
      expects: (unit, shape) => this.#debts.expects(unit, shape),
      judge: (sighting) => this.#judge(sighting, question.unit),
      stray: (bytes) => this.#stray(question, bytes),
      echo: () => this.#countBoth(question.unit, 'echoes'),
      talked: (at) => this.#lastTalk.set(question.unit, at),
      hangUp: (why) => this.#hangUp(why),
      down: (why) => this.#down(why),
    }
  }

  /** `listening`: the unit whose answer is awaited now; from any other, and between questions, every answer is late. */
  #judge(sighting: Frame, listening: UnitKey | undefined): Judgement {
    const verdict = this.#debts.settle(sighting.unit, sighting.shape)
    if (verdict.kind === 'mine' && sighting.unit === listening) return 'mine'
    this.#countBoth(sighting.unit, 'late_answers')
    this.#countBoth(sighting.unit, 'stray_bytes', sighting.end - sighting.start)
    if (verdict.kind === 'unknown') {
      // A unit that was asked before may still answer an old question twice; one that never was has a damaged name.
      if (!this.#lastTalk.has(sighting.unit)) this.#damage += 1
      return 'late'
    }
    this.#lastTalk.set(sighting.unit, this.#inbox.arrivalOf(sighting.end - 1))
    if (sighting.kind === 'answer')
      this.#timing(sighting.unit).answeredLate(this.#beginningOf(sighting) - verdict.askedAt)
    return 'late'
  }

  /** When its first byte came, which may be long ago; of a line that is down the speed is not known. */
  #beginningOf(frame: Frame): number {
    return this.#settings ? this.#inbox.beginningOf(frame, this.#settings) : this.#inbox.arrivalOf(frame.start)
  }

  /** Bytes of no frame: part of our own request that came back is an echo too, the rest is noise. */
  #stray(question: Q, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (isPartOf(bytes, question.bytes)) this.#countBoth(question.unit, 'echoes')
    this.#countBoth(question.unit, 'stray_bytes', bytes.length)
  }

  /** A serial server may hold a late answer back for the same connection: a new one is cheaper than its leftovers. */
  async #hangUp(why: string): Promise<void> {
    if (this.#port.nature !== 'socket') return
    await this.#port.close()
    this.#closedWhy = why
    this.#settings = undefined
    this.#triedAt = undefined
  }

  #timing(unit: UnitKey): UnitTiming {
    const known = this.#timings.get(unit)
    if (known) return known
    const timing = new UnitTiming(this.#facts.get(unit)?.turnaround, protocolOf(unit))
    this.#timings.set(unit, timing)
    return timing
  }

  #tally(unit: UnitKey): Tally {
    const known = this.#tallies.get(unit)
    if (known) return known
    const tally = new Tally()
    this.#tallies.set(unit, tally)
    return tally
  }

  #countBoth(unit: UnitKey, what: Parameters<Tally['count']>[0], by = 1): void {
    this.#line.count(what, by)
    this.#tally(unit).count(what, by)
  }
}

/** At least two bytes that stand in `whole` in this order: the beginning or the end of our own request. */
function isPartOf(bytes: Uint8Array, whole: Uint8Array): boolean {
  if (bytes.length < 2 || bytes.length >= whole.length) return false
  const head = bytes.every((byte, i) => byte === whole[i])
  return head || bytes.every((byte, i) => byte === whole[whole.length - bytes.length + i])
}
