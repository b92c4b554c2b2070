import {
  isSunSpecMarker,
  type MeterProfile,
  type ModbusProfile,
  placeSunSpecProfile,
  readSunSpecHeader,
  readsSunSpecModel,
  SUNSPEC_HEADER_REGISTERS,
  SUNSPEC_MARKER_REGISTERS,
  SUNSPEC_MOST_MODELS,
} from '@metergate/protocol'
import type { LineSettings } from '../bus/line-port.js'
import type { Localized } from '../i18n/localized.js'
import { AnswerBook, type Probe, type ProbeOutcome } from './answer-book.js'
import { type ProfileScore, scoreProfile } from './profile-score.js'
import { planReads } from './read-plan.js'
import { tellingReads } from './telling-reads.js'

/** Puts one read to the unit; undefined when the line is down. */
export type AskUnit = (probe: Probe, signal?: AbortSignal) => Promise<ProbeOutcome | undefined>

/** A model and how well it fits, with the reasons in words. */
export interface Candidate {
  readonly profile: string
  readonly title: Localized
  readonly points: number
  readonly evidence: readonly Localized[]
}

/**
 * `sure`: `candidates[0]` is it. `unsure`: one of `candidates`, which the answers cannot tell apart. `unknown`: somebody is
 * there, but no model of the library fits.
 */
export interface Identification {
  readonly verdict: 'sure' | 'unsure' | 'unknown'
  /** Best first. For `unsure` exactly those that are in question. */
  readonly candidates: readonly Candidate[]
  /** Reads it took. */
  readonly reads: number
}

/** What is known before the first read: it decides only the order of asking, never the verdict. */
export interface Circumstances {
  readonly settings: LineSettings
  readonly unit: number
  readonly turnaroundMs: number
  /** Models already found on this line: a plant buys the same again. */
  readonly neighbours?: readonly string[]
}

/** Fewer points than this are no identification. */
const ENOUGH = 6
/** A second candidate this close is still in question. */
const LEAD = 3
/** Below this a model is out. */
const OUT = -3
/** One unmistakable register, voltage and frequency both in their places, or voltage and a law of electricity that holds. */
const LEAST_PROOF = 5
/** Rounds of reads that tell rivals apart. */
const MOST_ROUNDS = 4
const MOST_READS = 120

/** Names a Modbus unit by asking it: signatures first, then a look at its values, then what tells the last rivals apart. */
export async function identifyModbus(
  ask: AskUnit,
  profiles: readonly MeterProfile[],
  known: Circumstances,
  signal?: AbortSignal,
): Promise<Identification> {
  const modbus = profiles.filter((profile) => profile.protocol === 'modbus')
  const inquiry = new Inquiry(ask, inOrder(modbus, known), known, signal)
  await inquiry.signatures()
  await inquiry.sunspec()
  await inquiry.values()
  await inquiry.rivals()
  await inquiry.withoutSignature()
  return inquiry.identification()
}

/** The verdict over scored models; pure. */
export function verdictOf(scores: readonly ProfileScore[], reads: number): Identification {
  const ranked = [...scores].sort((a, b) => b.points - a.points)
  const [best] = ranked
  const isNamed = best !== undefined && best.points >= ENOUGH && best.proof >= LEAST_PROOF
  if (!isNamed || !best)
    return { verdict: 'unknown', candidates: ranked.filter(isPossible).slice(0, 3).map(candidateOf), reads }
  const close = ranked.filter(({ points }) => best.points - points < LEAD)
  return close.length > 1
    ? { verdict: 'unsure', candidates: close.map(candidateOf), reads }
    : { verdict: 'sure', candidates: ranked.filter(isPossible).slice(0, 3).map(candidateOf), reads }
}

const isPossible = ({ points }: ProfileScore): boolean => points > 0

function candidateOf({ profile, points, evidence }: ProfileScore): Candidate {
  const weighty = [...evidence].sort((a, b) => Math.abs(b.points) - Math.abs(a.points))
  return {
    profile: profile.id,
    title: profile.title,
    points: Math.round(points * 10) / 10,
    evidence: weighty.filter(({ points: each }) => each !== 0).map(({ text }) => text),
  }
}

/** Models that ship with these settings first. */
function inOrder(profiles: readonly ModbusProfile[], { settings, unit, neighbours }: Circumstances): ModbusProfile[] {
  const weight = ({ id, serial, signature }: ModbusProfile): number =>
    (neighbours?.includes(id) ? 8 : 0) +
    (serial.baud === settings.baud ? 2 : serial.bauds.some((baud) => baud === settings.baud) ? 1 : 0) +
    (serial.format === settings.format ? 1 : 0) +
    (serial.unit === unit && unit !== 1 ? 4 : 0) +
    (signature.some((each) => 'hex' in each.expect) ? 1 : 0)
  return [...profiles].sort((a, b) => weight(b) - weight(a))
}

/** One unit under question: what it has answered, and what is still worth asking. */
class Inquiry {
  readonly #ask: AskUnit
  readonly #known: Circumstances
  readonly #signal: AbortSignal | undefined
  readonly #book = new AnswerBook()
  #profiles: readonly ModbusProfile[]
  #isLineDown = false

  constructor(ask: AskUnit, profiles: readonly ModbusProfile[], known: Circumstances, signal: AbortSignal | undefined) {
    this.#ask = ask
    this.#profiles = profiles
    this.#known = known
    this.#signal = signal
  }

  identification(): Identification {
    return verdictOf(this.#scores(), this.#book.size)
  }

  /** Asks signature registers, those of the likeliest model first, until one model stands out and its cousins have been asked too. */
  async signatures(): Promise<void> {
    for (;;) {
      const alive = this.#scores().filter(({ points }) => points > OUT)
      const leader = alive.find(({ points, proof, open }) => open.length === 0 && points >= 4 && proof >= LEAST_PROOF)
      const due = leader ? alive.filter(({ profile }) => areCousins(profile, leader.profile)) : alive
      const next = due.find(({ open }) => open.length > 0)
      const [signature] = [...(next?.open ?? [])].sort((a, b) => b.weight - a.weight)
      if (!signature || !(await this.#put(signature))) return
    }
  }

  /** A SunSpec map says itself which models it holds: walks it, and puts the profile's items where they are. */
  async sunspec(): Promise<void> {
    const bases = [...new Set(this.#profiles.flatMap(({ sunspec }) => sunspec?.bases ?? []))]
    for (const base of bases) {
      const marker = { function: 3, address: base, count: SUNSPEC_MARKER_REGISTERS } as const
      const outcome = this.#book.exact(marker)
      if (outcome?.kind !== 'data' || !isSunSpecMarker(outcome.data)) continue
      const found = await this.#walk(base + SUNSPEC_MARKER_REGISTERS)
      this.#profiles = this.#profiles.flatMap((profile) => this.#placed(profile, found))
      return
    }
  }

  async #walk(start: number): Promise<{ id: number; address: number }[]> {
    const found: { id: number; address: number }[] = []
    let address = start
    for (let steps = 0; steps < SUNSPEC_MOST_MODELS; steps++) {
      const outcome = await this.#put({ function: 3, address, count: SUNSPEC_HEADER_REGISTERS })
      const header = outcome?.kind === 'data' ? readSunSpecHeader(outcome.data, address) : undefined
      if (header?.kind !== 'model') return found
      found.push({ id: header.id, address })
      address = header.next
    }
    return found
  }

  #placed(profile: ModbusProfile, found: readonly { id: number; address: number }[]): ModbusProfile[] {
    if (!profile.sunspec) return [profile]
    const model = found.find(({ id }) => readsSunSpecModel(profile, id))
    return model ? [placeSunSpecProfile(profile, model.address)] : []
  }

  /** A look at the values of those still in question: are they plausible, and do they agree? */
  async values(): Promise<void> {
    for (const { profile } of this.#leaders(4)) {
      for (const probe of this.#powerReads(profile)) {
        const outcome = this.#book.exact(probe) ?? (await this.#put(probe))
        if (outcome?.kind !== 'refused') continue
        // A block may be refused for its length alone: its registers one by one decide.
        for (const single of tellingReads(profile, undefined, this.#book).slice(0, 3)) await this.#put(single)
      }
    }
  }

  #powerReads(profile: ModbusProfile): Probe[] {
    if (profile.sunspec) return []
    const items = profile.items.filter(({ quantity }) => /^(voltage|current|power|frequency)/.test(quantity))
    const plan = planReads({
      profile,
      items,
      settings: { ...this.#known.settings, turnaroundMs: this.#known.turnaroundMs },
    })
    return plan.reads.flatMap((read) => (read.protocol === 'modbus' ? [read] : [])).slice(0, 4)
  }

  /** Rivals that share what was asked so far: registers one has and the other does not. */
  async rivals(): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const { verdict } = this.identification()
      const [first, ...others] = this.#leaders(6)
      if (verdict !== 'unsure' || !first) return
      const probes = others.flatMap((other) => [
        ...tellingReads(first.profile, other.profile, this.#book).slice(0, 1),
        ...tellingReads(other.profile, first.profile, this.#book).slice(0, 1),
      ])
      const [probe, ...more] = probes.filter((each, i) => probes.findIndex((one) => isSame(one, each)) === i)
      if (!probe) return
      for (const each of [probe, ...more]) await this.#put(each)
    }
  }

  /** Modules that only count have nothing to be told by; they are named as possible, never as sure. */
  async withoutSignature(): Promise<void> {
    if (this.identification().verdict !== 'unknown') return
    for (const profile of this.#profiles.filter(({ signature }) => signature.length === 0)) {
      const [probe] = tellingReads(profile, undefined, this.#book)
      if (probe) await this.#put(probe)
    }
  }

  #leaders(most: number): ProfileScore[] {
    const scores = this.#scores()
    const best = scores[0]?.points ?? 0
    return scores.filter(({ points }) => points > 0 && best - points < 2 * LEAD).slice(0, most)
  }

  #scores(): ProfileScore[] {
    // A stable sort keeps the likeliest first among equals.
    return this.#profiles.map((profile) => scoreProfile(profile, this.#book)).sort((a, b) => b.points - a.points)
  }

  /** One read entered in the book; undefined when nothing more can be asked. */
  async #put({ function: fn, address, count }: Probe): Promise<ProbeOutcome | undefined> {
    const probe = { function: fn, address, count }
    if (this.#isLineDown || this.#signal?.aborted || this.#book.size >= MOST_READS) return undefined
    const outcome = await this.#ask(probe, this.#signal)
    if (outcome) this.#book.add(probe, outcome)
    else this.#isLineDown = true
    return outcome
  }
}

const isSame = (a: Probe, b: Probe): boolean =>
  a.function === b.function && a.address === b.address && a.count === b.count

/** Maps that begin alike: the same quantity in the same place, in the same form. */
function areCousins(a: ModbusProfile, b: ModbusProfile): boolean {
  return (
    a === b ||
    (a.read_function === b.read_function &&
      a.items.some((item) =>
        b.items.some(
          ({ address, type, quantity }) => address === item.address && type === item.type && quantity === item.quantity,
        ),
      ))
  )
}
