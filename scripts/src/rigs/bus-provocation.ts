import { wireMs } from '@metergate/agent'
import { durationMs, randomInt } from '@metergate/protocol'
import { ANSWER_FAULTS, type AnswerFault, type Delivery, type LineEvent, SeededRandom } from '@metergate/simulator'
import { provokedOn, type RigLine, type RigMaster, type virtualRigLine } from './bus-line.js'
import { DOUBLE, isTrue, type RigProtocol, type RigRead, SETTINGS, UNITS } from './bus-truth.js'

const UNIT_FAULTS = ['slow', 'block_limit'] as const
const LINE_FAULTS = ['echo', 'partial_echo', 'noise', 'unplug'] as const
/** Everything that is provoked: on single answers, by a unit's nature, on the wire, on the plug. */
export type Kind = AnswerFault | (typeof UNIT_FAULTS)[number] | (typeof LINE_FAULTS)[number]
export const KINDS: readonly Kind[] = [...ANSWER_FAULTS, ...UNIT_FAULTS, ...LINE_FAULTS]

/** The line's next good answer comes at most this long after the fault is over. */
const RECOVERY_MS = 1_000
const TURNAROUND_MS = 15
/** Bytes of the longest answer here. */
const LONGEST_ANSWER = 25

/** Two units of one address start within this of each other: into each other's answer, or just after it. */
const DOUBLE_MS: Readonly<Record<RigProtocol, number>> = { modbus: 60, dlt645: 150 }

export interface Figures {
  provoked: number
  reads: number
  good: number
  wrong: number
  slow: number
  worstMs: number
  /** Of two units with one address: a whole answer to an older question, which nothing tells from one to this. */
  undecidable: number
}

export const NOTHING_YET: Readonly<Figures> = {
  provoked: 0,
  reads: 0,
  good: 0,
  wrong: 0,
  slow: 0,
  worstMs: 0,
  undecidable: 0,
}

/** One kind of fault, in episodes of one to three with healthy reads between them, until so many were provoked. */
export class Provocation {
  readonly figures: Figures = { ...NOTHING_YET }
  readonly #random: SeededRandom
  readonly #line: RigLine
  #lateMs = 505
  #doubleMs = 0
  /** The last questions to each unit, newest first. */
  readonly #asked = new Map<number, readonly RigRead[]>()
  /** Every question a late or slow unit has not answered yet. */
  readonly #owed: { readonly unit: string; readonly atMs: number }[] = []
  #provoked = 0
  /** When the last fault was over; undefined while the line has recovered. */
  #faultEnd: number | undefined

  constructor(
    private readonly kind: Kind,
    private readonly protocol: RigProtocol,
    private readonly sameLength: boolean,
    seed: number,
    delivery: Delivery,
    master: RigMaster,
    open: typeof virtualRigLine,
  ) {
    this.#random = new SeededRandom(seed).fork('reads')
    this.#line = open(protocol, seed, delivery, master, (event) => {
      if (event.kind === 'request') this.#noteRequest(event.atMs, event.heardBy)
      else this.#noteAnswer(event)
    })
  }

  run(wanted: number): Promise<void> {
    return this.#line.run(this.#episodes(wanted)).finally(() => this.#line.close())
  }

  async #episodes(wanted: number): Promise<void> {
    while (this.figures.provoked < wanted) {
      const unit = UNITS[randomInt(this.#random, UNITS.length)] ?? 1
      const many = 1 + randomInt(this.#random, 3)
      if (this.kind === 'unplug') await this.#unplug(unit)
      else if (isAnswerFault(this.kind)) await this.#answers(this.kind, unit, many)
      else if (isUnitFault(this.kind)) await this.#nature(this.kind, unit, many)
      else await this.#wire(this.kind, unit, many)
      while (this.#faultEnd !== undefined) await this.#ask(unit)
      if (this.#random.next() < 0.1) await this.#line.clock.sleep(durationMs(this.#random.next() * 2000))
    }
  }

  async #answers(kind: AnswerFault, unit: number, many: number): Promise<void> {
    const { faults } = this.#line
    this.#lateMs = 150 + this.#random.next() * (this.#random.next() < 0.2 ? 2500 : 700)
    this.#doubleMs = this.#random.next() * DOUBLE_MS[this.protocol]
    faults.setUnit(String(unit), { late_ms: this.#lateMs, clash_ms: this.#doubleMs })
    const until = this.figures.provoked + many
    for (let i = 0; i < many; i += 1) faults.once(String(unit), kind)
    while (this.figures.provoked < until) await this.#ask(unit)
  }

  /** A unit that is slow, or refuses blocks, for a while. */
  async #nature(kind: (typeof UNIT_FAULTS)[number], unit: number, many: number): Promise<void> {
    const { faults } = this.#line
    this.#lateMs = 600 + this.#random.next() * 2_400
    faults.setUnit(String(unit), kind === 'slow' ? { slow_ms: this.#lateMs } : { block_limit: 1 })
    const until = this.figures.provoked + many
    while (this.figures.provoked < until) await this.#ask(unit)
    faults.setUnit(String(unit), {})
  }

  async #wire(kind: 'echo' | 'partial_echo' | 'noise', unit: number, many: number): Promise<void> {
    this.#line.faults.setLine({ [kind]: kind === 'noise' ? 0.02 : 0.7 })
    for (let i = 0; i < many; i += 1) await this.#ask(unit)
    this.#line.faults.setLine({})
    this.#faultEnd = this.#line.now()
  }

  async #unplug(unit: number): Promise<void> {
    const line = this.#line
    line.after(this.#random.next() * 60, () => line.unplug())
    await this.#ask(unit)
    await line.clock.sleep(durationMs(60 + this.#random.next() * 1500))
    line.replug()
    this.figures.provoked += 1
    this.#faultEnd = line.now()
  }

  #noteRequest(atMs: number, heardBy: readonly string[]): void {
    if (this.#isDelay) for (const unit of heardBy) this.#owed.push({ unit, atMs })
    const total = provokedOn(this.#line)
    if (total === this.#provoked) return
    this.figures.provoked += total - this.#provoked
    this.#provoked = total
    this.#faultEnd = Math.max(this.#faultEnd ?? 0, atMs + TURNAROUND_MS + this.#lastsMs)
  }

  /** How long after its turnaround a fault goes on: a double talks until it has said its answer. */
  get #lastsMs(): number {
    if (this.#isDelay) return this.#lateMs
    return this.kind === 'clash' ? this.#doubleMs + wireMs(LONGEST_ANSWER, SETTINGS[this.protocol]) : 0
  }

  get #isDelay(): boolean {
    return this.kind === 'late' || this.kind === 'slow'
  }

  /** A slave works off what was asked while it was late, and holds the line until then: all of that is the fault. */
  #noteAnswer({ station, atMs, bytes }: Extract<LineEvent, { kind: 'answer' }>): void {
    if (!this.#isDelay) return
    const index = this.#owed.findIndex(({ unit }) => unit === station)
    if (index < 0) return
    const [question] = this.#owed.splice(index, 1)
    if (question && atMs - question.atMs > 2 * TURNAROUND_MS)
      this.#faultEnd = atMs + wireMs(bytes.length, SETTINGS[this.protocol])
  }

  async #ask(favourite: number): Promise<void> {
    const read = this.#question(favourite)
    const outcome = await this.#line.read(read)
    this.figures.reads += 1
    // A line that is down answers at once: whoever asks again without waiting asks for ever.
    if (!outcome.ok && this.kind === 'unplug') await this.#line.clock.sleep(durationMs(100))
    if (outcome.ok) this.#judge(read, outcome.value)
    this.#asked.set(read.unit, [read, ...(this.#asked.get(read.unit) ?? []).slice(0, 9)])
    if (!outcome.ok) return
    this.figures.good += 1
    if (this.#faultEnd === undefined || this.#owed.length > 0) return
    const recovery = this.#line.now() - this.#faultEnd
    if (recovery < 0) return
    if (recovery > RECOVERY_MS) this.figures.slow += 1
    this.figures.worstMs = Math.max(this.figures.worstMs, recovery)
    this.#faultEnd = undefined
  }

  /** Of two units with one address nobody can say which is meant: either's answer to this very question is right. */
  #judge(read: RigRead, data: Uint8Array): void {
    if (isTrue(this.protocol, read, data)) return
    const isGenuine = (of: RigRead): boolean =>
      this.kind === 'clash' && [of.unit, of.unit + DOUBLE].some((unit) => isTrue(this.protocol, { ...of, unit }, data))
    if (isGenuine(read)) return
    if (this.#asked.get(read.unit)?.some(isGenuine)) this.figures.undecidable += 1
    else this.figures.wrong += 1
  }

  #question(favourite: number): RigRead {
    const random = this.#random
    const other = UNITS[randomInt(random, UNITS.length)] ?? 1
    return {
      unit: this.sameLength || random.next() < 0.8 ? favourite : other,
      function: this.sameLength || random.next() < 0.8 ? 3 : 4,
      block: randomInt(random, 50) * 4,
      count: this.sameLength ? 10 : ([10, 10, 10, 2, 1][randomInt(random, 5)] ?? 10),
    }
  }
}

const isAnswerFault = (kind: Kind): kind is AnswerFault => ANSWER_FAULTS.some((each) => each === kind)
const isUnitFault = (kind: Kind): kind is (typeof UNIT_FAULTS)[number] => UNIT_FAULTS.some((each) => each === kind)
