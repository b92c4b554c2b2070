import { wireMs } from '@metergate/agent'
import { durationMs, randomInt } from '@metergate/protocol'
import { ANSWER_FAULTS, type AnswerFault, type Delivery, type LineEvent, SeededRandom } from '@metergate/simulator'
import {
  guarded,
  isTrue,
  provokedOn,
  type RigLine,
  type RigMaster,
  type RigProtocol,
  type RigRead,
  SETTINGS,
  UNITS,
  virtualRigLine,
} from './bus-line.js'
import { ptyRigLine } from './bus-pty-line.js'
import type { RigResult } from './rig.js'

const LINE_FAULTS = ['echo', 'partial_echo', 'noise', 'unplug'] as const
export type Kind = AnswerFault | (typeof LINE_FAULTS)[number]
export const KINDS: readonly Kind[] = [...ANSWER_FAULTS, ...LINE_FAULTS]

/** As adapters hand bytes over: whole answers, in chunks of 4 ms, with an FTDI's latency timer. */
const DELIVERIES: readonly Delivery[] = [
  { chunkMs: 0, tail: 'prompt' },
  { chunkMs: 4, tail: 'prompt' },
  { chunkMs: 16, tail: 'late' },
]
/** The line's next good answer comes at most this long after the fault is over. */
const RECOVERY_MS = 1_000
const TURNAROUND_MS = 15

interface Figures {
  provoked: number
  reads: number
  good: number
  wrong: number
  slow: number
  worstMs: number
}

/** One kind of fault, in episodes of one to three with healthy reads between them, until so many were provoked. */
class Provocation {
  readonly figures: Figures = { provoked: 0, reads: 0, good: 0, wrong: 0, slow: 0, worstMs: 0 }
  readonly #random: SeededRandom
  readonly #line: RigLine
  #lateMs = 505
  /** Late answers still to come, and every question not yet answered. */
  #latePending = 0
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
      else await this.#wire(this.kind, unit, many)
      while (this.#faultEnd !== undefined) await this.#ask(unit)
      if (this.#random.next() < 0.1) await this.#line.clock.sleep(durationMs(this.#random.next() * 2000))
    }
  }

  async #answers(kind: AnswerFault, unit: number, many: number): Promise<void> {
    const { faults } = this.#line
    this.#lateMs = 150 + this.#random.next() * (this.#random.next() < 0.2 ? 2500 : 700)
    faults.setUnit(String(unit), { late_ms: this.#lateMs })
    const until = this.figures.provoked + many
    for (let i = 0; i < many; i += 1) faults.once(String(unit), kind)
    while (this.figures.provoked < until) await this.#ask(unit)
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
    if (this.kind === 'late') for (const unit of heardBy) this.#owed.push({ unit, atMs })
    const total = provokedOn(this.#line)
    if (total === this.#provoked) return
    this.figures.provoked += total - this.#provoked
    if (this.kind === 'late') this.#latePending += total - this.#provoked
    this.#provoked = total
    this.#faultEnd = Math.max(this.#faultEnd ?? 0, atMs + TURNAROUND_MS + (this.kind === 'late' ? this.#lateMs : 0))
  }

  /** A slave works off what was asked while it was late, and holds the line until then: all of that is the fault. */
  #noteAnswer({ station, atMs, bytes, faults }: Extract<LineEvent, { kind: 'answer' }>): void {
    if (this.kind !== 'late') return
    if (faults.includes('late')) this.#latePending -= 1
    const index = this.#owed.findIndex(({ unit }) => unit === station)
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
    if (!outcome.ok) return
    this.figures.good += 1
    if (!isTrue(this.protocol, read, outcome.value)) this.figures.wrong += 1
    if (this.#faultEnd === undefined || this.#latePending > 0) return
    const recovery = this.#line.now() - this.#faultEnd
    if (recovery < 0) return
    if (recovery > RECOVERY_MS) this.figures.slow += 1
    this.figures.worstMs = Math.max(this.figures.worstMs, recovery)
    this.#faultEnd = undefined
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

async function provoke(
  kind: Kind,
  protocol: RigProtocol,
  wanted: number,
  sameLength = false,
  master: RigMaster = guarded(protocol),
  open: typeof virtualRigLine = virtualRigLine,
): Promise<Figures> {
  const total: Figures = { provoked: 0, reads: 0, good: 0, wrong: 0, slow: 0, worstMs: 0 }
  for (const [index, delivery] of DELIVERIES.entries()) {
    const run = new Provocation(kind, protocol, sameLength, 1000 + index, delivery, master, open)
    await run.run(Math.ceil(wanted / DELIVERIES.length))
    const { figures } = run
    for (const name of ['provoked', 'reads', 'good', 'wrong', 'slow'] as const) total[name] += figures[name]
    total.worstMs = Math.round(Math.max(total.worstMs, figures.worstMs))
  }
  return total
}

/**
 * Every kind of fault on the in-process line in virtual time. A violation is a wrong value taken, or a line whose next good
 * answer came more than a second after the fault was over.
 */
export async function busFaults(
  protocol: RigProtocol,
  wanted: number,
  provoked: readonly Kind[] = KINDS,
): Promise<RigResult> {
  const kinds: Record<string, Figures> = {}
  for (const kind of provoked) kinds[kind] = await provoke(kind, protocol, wanted)
  return resultOf('bus-faults', protocol, kinds)
}

function resultOf(rig: string, protocol: RigProtocol, kinds: Readonly<Record<string, Figures>>): RigResult {
  const all = Object.values(kinds)
  const sum = (of: (figures: Figures) => number): number => all.reduce((total, each) => total + of(each), 0)
  return {
    rig,
    runs: sum(({ provoked }) => provoked),
    violations: sum(({ wrong, slow }) => wrong + slow),
    notes: { protocol, wrong: sum(({ wrong }) => wrong), kinds },
  }
}

/** Late answers of the same unit, function and length. `master`: a planted one must be found out. */
export async function busLate(wanted: number, master: RigMaster = guarded('modbus')): Promise<RigResult> {
  const figures = await provoke('late', 'modbus', wanted, true, master)
  return { rig: 'bus-late', runs: figures.provoked, violations: figures.wrong, notes: { ...figures } }
}

/** More lines in one process would get into the way of each other's timing. */
const LINES_AT_ONCE = 5

/** The same on a real pty in real time, a few kinds at once, each on a line of its own. */
export async function busFaultsOnPty(protocol: RigProtocol, wanted: number): Promise<RigResult> {
  const kinds: Record<string, Figures> = {}
  const waiting = [...KINDS]
  const work = async (): Promise<void> => {
    for (let kind = waiting.shift(); kind !== undefined; kind = waiting.shift())
      kinds[kind] = await provoke(kind, protocol, wanted, false, guarded(protocol), ptyRigLine)
  }
  await Promise.all(Array.from({ length: LINES_AT_ONCE }, work))
  return resultOf('bus-pty', protocol, kinds)
}
