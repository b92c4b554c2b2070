import {
  type Dlt645Item,
  fail,
  groupOf,
  invariant,
  type MeterId,
  type MeterProfile,
  type ModbusItem,
  type MonoMs,
  ok,
  type Ratio,
  type ReadingRecord,
  type ReadingValue,
  type Result,
  type Stamp,
  unreachable,
} from '@metergate/protocol'
import { absenceOf, type BusFault } from '../bus/bus-fault.js'
import { type UnitKey, unitKey } from '../bus/question.js'
import type { BusAnswer, RegisterBus } from '../bus/register-bus.js'
import { type Block, type BlockData, decodeBlock } from '../reading/decode.js'
import type { PlausibilityLimits } from '../reading/plausibility.js'
import type { Refusal } from './learnt.js'
import { type BlockOutcome, Lessons } from './lessons.js'
import { ModelPlace } from './model-place.js'
import { dlt645Request, isMerged, modbusRequest, type PlannedRead, wordsOf } from './planned-read.js'
import { rawValues } from './raw-values.js'
import { type LeftItem, type PlanSettings, planReads, type ReadPlan } from './read-plan.js'

export type PollGroup = 'power' | 'energy' | 'rare'

/** One configured meter, ready to be asked. */
export interface MeterSetup {
  readonly id: MeterId
  readonly profile: MeterProfile
  /** Modbus unit id, or DL/T 645 address of 12 digits. */
  readonly target: { readonly unit: number } | { readonly address: string }
  /** CT and PT, where the profile's values leave them out. */
  readonly ratio: Ratio | undefined
  readonly limits: PlausibilityLimits
  readonly settings: PlanSettings
}

export interface PollOutcome {
  readonly record: ReadingRecord
  /** Requests answered; 0 means the meter said nothing usable. */
  readonly answered: number
  /** The first fault met, if any. */
  readonly fault: BusFault | undefined
}

/** What is asked of a meter in one poll, and how. */
interface Asking {
  readonly groups: readonly PollGroup[]
  readonly signal: AbortSignal | undefined
  /** Begins with something else than the plan does, which has drawn nothing but silence. */
  readonly knocks: boolean
  /** For a single look, which goes on until every read is settled and asks for nothing twice: what is settled. */
  readonly settled?: Map<string, Result<BusAnswer, BusFault>>
}

interface Asked {
  readonly blocks: readonly BlockOutcome[]
  /** What this meter refuses even alone; absent with that reason in every reading, never dropped. */
  readonly left: readonly LeftItem[]
  /** It answered what it was asked beside the plan. */
  readonly isAwake: boolean
}

/** One pass over a plan; `refused` ends it early. */
interface Pass {
  readonly blocks: readonly BlockOutcome[]
  readonly refused?: { readonly read: PlannedRead; readonly how: Refusal }
}

/** One value with the bytes it came from, for the technician's `read --raw`. */
export interface Readout {
  readonly outcome: PollOutcome
  readonly raw: readonly { readonly quantity: string; readonly raw: string; readonly where: string }[]
  readonly durationMs: number
}

/** Codes 1-3: the meter does not know this function, address or count; another way of asking may help. */
const REFUSALS = new Set([1, 2, 3])
/** A plan is parted at most this often in one poll, so that a stubborn meter does not hold the line. */
const SPLITS_AT_ONCE = 4
/** From so many polls without any answer on, every other one begins with a knock. */
const KNOCKS_AFTER = 3
/** A measured turnaround that differs by more than this from the one planned with is worth a new plan. */
const TURNAROUND_SHIFT_MS = 10
/** How often it is looked at. */
const REPLAN_EVERY_MS = 600_000

/** Asks one meter for groups of its quantities, with the cheapest legal reads, and remembers what it refuses. */
export class MeterSession {
  readonly #plans = new Map<string, ReadPlan>()
  readonly #lessons = new Lessons()
  readonly #place: ModelPlace
  #pricedAt = Number.NEGATIVE_INFINITY
  /** Polls in a row without any answer. */
  #missed = 0
  /** What the plans are priced with: the maker's figure until the line has measured its own. */
  #turnaroundMs: number

  constructor(
    readonly setup: MeterSetup,
    private readonly bus: RegisterBus,
    private readonly stampAt: (mono: MonoMs) => Stamp,
    private readonly now: () => MonoMs,
  ) {
    this.#place = new ModelPlace(setup.profile)
    this.#turnaroundMs = setup.settings.turnaroundMs
  }

  /** Quantities of a group; a group without any is never polled. */
  itemsOf(group: PollGroup): readonly (ModbusItem | Dlt645Item)[] {
    return itemsIn(this.#place.profile, group)
  }

  /** Reads what the groups hold, together: one pass of the line. A fault is a reading with reasons, never a throw. */
  async poll(groups: readonly PollGroup[], signal?: AbortSignal): Promise<PollOutcome> {
    if (this.#lessons.refresh(this.now())) this.#plans.clear()
    this.#reprice()
    const knocks = this.#missed >= KNOCKS_AFTER && this.#missed % 2 === 1
    const asked = await this.#ask({ groups, signal, knocks })
    const outcome = this.#outcome(groups.join('-'), asked)
    if (outcome.answered > 0) {
      this.#missed = 0
      if (this.#lessons.heard(asked.blocks, this.now())) this.#plans.clear()
    } else if (outcome.fault?.kind === 'timeout') {
      this.#missed += 1
      this.#place.forget()
    }
    return outcome
  }

  /** Reads are priced anew now and then, with the turnaround the line has measured. */
  #reprice(): void {
    const now = this.now()
    if (now - this.#pricedAt < REPLAN_EVERY_MS) return
    const measured = this.bus.health().units.get(this.#unit())?.turnaroundMs
    if (measured === undefined) return
    this.#pricedAt = now
    if (Math.abs(measured - this.#turnaroundMs) < TURNAROUND_SHIFT_MS) return
    this.#turnaroundMs = measured
    this.#plans.clear()
  }

  #unit(): UnitKey {
    const { target } = this.setup
    return 'unit' in target
      ? unitKey({ protocol: 'modbus', unit: target.unit })
      : unitKey({ protocol: 'dlt645', address: target.address })
  }

  /** One look at everything this model knows, with the bytes. */
  async readout(signal?: AbortSignal): Promise<Readout> {
    const begun = this.now()
    const groups: readonly PollGroup[] = ['power', 'energy', 'rare']
    const asking = { groups, signal, settled: new Map() }
    const first = await this.#ask({ ...asking, knocks: false })
    const isSilent = !first.blocks.some(hasSpoken)
    const asked = isSilent && !signal?.aborted ? await this.#ask({ ...asking, knocks: true }) : first
    const raw = asked.blocks.flatMap(({ read, outcome }) => (outcome?.ok ? rawValues(read, outcome.value.data) : []))
    return {
      outcome: this.#outcome('readout', asked),
      raw,
      durationMs: Math.round(this.now() - begun),
    }
  }

  /** `profile`: as it was placed for this poll, whatever becomes of its place meanwhile. */
  #plan(groups: readonly PollGroup[], profile: MeterProfile): ReadPlan {
    const key = groups.join('-')
    const known = this.#plans.get(key)
    if (known?.request.profile === profile) return known
    const settings = { ...this.setup.settings, turnaroundMs: this.#turnaroundMs }
    const items = groups.flatMap((group) => itemsIn(profile, group))
    const plan = planReads({ profile, items, settings, learnt: this.#lessons.learnt })
    this.#plans.set(key, plan)
    return plan
  }

  async #ask(asking: Asking): Promise<Asked> {
    const { groups, settled } = asking
    const placed = await this.#placed(asking)
    const profile = placed.ok ? placed.value : this.setup.profile
    const knock = placed.ok ? await this.#knock(this.#plan(groups, profile), asking) : placed.fault
    if (knock && knock !== 'awake') {
      const { reads, left } = this.#plan(groups, profile)
      const blocks = reads.map((read, i) => ({ read, outcome: i === 0 ? fail(knock) : undefined }))
      return { blocks, left, isAwake: false }
    }
    const isAwake = knock === 'awake'
    for (let splits = 0; ; splits += 1) {
      const plan = this.#plan(groups, profile)
      const { blocks, refused } = await this.#pass(plan, asking, isAwake)
      if (!refused || (!settled && splits >= SPLITS_AT_ONCE)) return { blocks, left: plan.left, isAwake }
      this.#lessons.refused(refused.read, refused.how, this.now())
      this.#plans.clear()
    }
  }

  /**
   * Asks for something else than the plan asks first, when it is time to or when every read may draw silence for what it is: that
   * a read crosses a hole of the map may be all the meter is silent about. Undefined when nothing was asked.
   */
  async #knock(plan: ReadPlan, { signal, knocks, settled }: Asking): Promise<BusFault | 'awake' | undefined> {
    if (plan.reads.length === 0) return undefined
    if (!knocks && !plan.reads.every((read) => this.#lessons.isDoubtful(read))) return undefined
    // It may have nothing of these groups, and other groups all the same.
    const known = knocks ? undefined : this.#lessons.lastAnswered
    const others = known ? [known] : othersThan(plan)
    const turn = this.#turn()
    let silence: BusFault | undefined
    // A look has no next time.
    for (const one of settled ? [turn, turn + 1] : [turn]) {
      const read = others[one % others.length]
      if (!read) continue
      const answer = await this.#readOnce(read, false, signal)
      if (answer.ok || answer.fault.kind === 'exception') return 'awake'
      silence = answer.fault
    }
    return silence
  }

  /** How often a silent meter has been knocked at: something else each time. */
  #turn(): number {
    return Math.max(0, Math.floor((this.#missed - KNOCKS_AFTER) / 2))
  }

  /** The profile with its addresses. A knock begins at another base of SunSpec maps; only a look tries them all in spite of silence. */
  async #placed({ signal, knocks, settled }: Asking): Promise<Result<MeterProfile, BusFault>> {
    const { target } = this.setup
    if (!('unit' in target)) return ok(this.#place.profile)
    return this.#place.find(
      (fn) => (address, count) =>
        this.bus.read({ protocol: 'modbus', unit: target.unit, function: fn, address, count }, signal),
      { skip: knocks ? this.#turn() + 1 : 0, isPatient: knocks && settled !== undefined },
    )
  }

  /** One pass over the plan; stops early at a read the meter refuses, or when it does not answer at all. */
  async #pass(plan: ReadPlan, asking: Asking, hasKnocked: boolean): Promise<Pass> {
    const { signal, settled } = asking
    const blocks: BlockOutcome[] = []
    const reads = this.#lessons.inOrder(plan.reads)
    let isDead = false
    for (const read of reads) {
      const spoke = blocks.length === 0 ? hasKnocked : hasSpoken(blocks.at(-1))
      const isOver = isDead || signal?.aborted
      const outcome = settled?.get(wordsOf(read)) ?? (isOver ? undefined : await this.#readOnce(read, spoke, signal))
      blocks.push({ read, outcome })
      if (!outcome) continue
      const isAwake = hasKnocked || blocks.some(isAnswered)
      const isHole = !outcome.ok && outcome.fault.kind === 'timeout' && isAwake && !isMerged(read)
      if (outcome.ok || isHole) settled?.set(wordsOf(read), outcome)
      if (outcome.ok) continue
      const how = this.#refusal(read, outcome.fault, isAwake, asking)
      if (how) {
        // What was still to be asked is absent with its reason if this pass turns out to be the last.
        const rest = reads.slice(blocks.length).map((left) => ({ read: left, outcome: undefined }))
        return { blocks: [...blocks, ...rest], refused: { read, how } }
      }
      // A line that is down, or a meter silent at its first block, would only cost time again.
      if (outcome.fault.kind === 'line_down' || (outcome.fault.kind === 'timeout' && !isAwake)) isDead = true
    }
    return { blocks }
  }

  /**
   * Whether a fault says that the meter does not have what it was asked for. A meter that has just answered and keeps silent says
   * so where a lesson is on trial, and where a look wants to know at once; else {@link Lessons.heard} waits for more of it.
   */
  #refusal(read: PlannedRead, fault: BusFault, isAwake: boolean, { knocks, settled }: Asking): Refusal | undefined {
    if (fault.kind === 'exception') return REFUSALS.has(fault.code) ? 'exception' : undefined
    if (fault.kind !== 'timeout' || !isAwake) return undefined
    const isUrgent = knocks || settled !== undefined
    const isSuspect = isMerged(read) && isUrgent && !this.#lessons.hasGiven(read)
    return this.#lessons.isOnTrial(read) || isSuspect ? 'timeout' : undefined
  }

  /** A meter that spoke just before in this poll, or whose answer was garbled, gets one more chance at once. */
  async #readOnce(
    read: PlannedRead,
    spoke: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Result<BusAnswer, BusFault>> {
    const first = await this.#read(read, signal)
    if (first.ok || signal?.aborted) return first
    switch (first.fault.kind) {
      case 'crc':
      case 'bad_frame':
        return this.#read(read, signal)
      case 'timeout':
        return spoke ? this.#read(read, signal) : first
      case 'exception':
      case 'line_down':
        return first
      default:
        return unreachable(first.fault)
    }
  }

  async #read(read: PlannedRead, signal: AbortSignal | undefined): Promise<Result<BusAnswer, BusFault>> {
    const answer = await this.bus.read(this.#request(read), signal)
    if (answer.ok) this.#lessons.answered(read)
    return answer
  }

  #request(read: PlannedRead) {
    const { target } = this.setup
    if (read.protocol === 'modbus') {
      invariant('unit' in target, `${this.setup.id}: a Modbus meter has a unit id`)
      return modbusRequest(read, target.unit)
    }
    invariant('address' in target, `${this.setup.id}: a DL/T 645 meter has an address`)
    return dlt645Request(read, target.address)
  }

  #outcome(group: string, { blocks, left, isAwake }: Asked): PollOutcome {
    const instants = blocks.map(({ outcome }) => (outcome?.ok ? outcome.value.at.mono : undefined))
    const first = instants.find((at) => at !== undefined)
    const refused = left.map(({ item, absent }): ReadingValue => ({ quantity: item.quantity, block: 0, absent }))
    const values = [...blocks.flatMap((block, index) => this.#values(block, index)), ...refused]
    const fault = blocks.flatMap(({ outcome }) => (outcome && !outcome.ok ? [outcome.fault] : []))[0]
    return {
      record: {
        kind: 'reading',
        stamp: this.stampAt(first ?? this.now()),
        meter: this.setup.id,
        group,
        blocks: instants.map((at) => (at === undefined || first === undefined ? null : Math.round(at - first))),
        values,
      },
      answered: instants.filter((at) => at !== undefined).length + (isAwake ? 1 : 0),
      fault,
    }
  }

  #values({ read, outcome }: BlockOutcome, index: number): ReadingValue[] {
    const data: BlockData = outcome?.ok
      ? { ok: true, data: outcome.value.data }
      : { ok: false, absent: outcome ? absenceOf(outcome.fault) : 'not_polled' }
    return decodeBlock(blockOf(read), index, data, this.setup)
  }
}

function itemsIn({ items }: MeterProfile, group: PollGroup): readonly (ModbusItem | Dlt645Item)[] {
  const all: readonly (ModbusItem | Dlt645Item)[] = items
  return all.filter((item) => groupOf(item) === group)
}

/** Each item of a plan alone and, where there are several, its reads; the last ones first. */
function othersThan({ reads, request }: ReadPlan): readonly PlannedRead[] {
  const items = reads.flatMap((read) => read.items.map(({ item }) => item))
  const alone = items.flatMap((item) => planReads({ ...request, items: [item] }).reads)
  return (reads.length > 1 ? [...alone, ...reads] : alone).reverse()
}

/** Whether this is certainly the meter's word: noise garbles an answer, or is taken for one, but makes no exception. */
const isAnswered = ({ outcome }: BlockOutcome): boolean =>
  outcome !== undefined && (outcome.ok || outcome.fault.kind === 'exception')

/** Whether the meter said anything to a read of this poll. */
function hasSpoken(block: BlockOutcome | undefined): boolean {
  const outcome = block?.outcome
  return outcome !== undefined && (outcome.ok || outcome.fault.kind !== 'timeout')
}

function blockOf(read: PlannedRead): Block {
  return read.protocol === 'modbus'
    ? { protocol: 'modbus', address: read.address, items: read.items.map(({ item }) => item) }
    : { protocol: 'dlt645', items: read.items.map(({ item }) => item) }
}
