import {
  type Dlt645Item,
  fail,
  groupOf,
  invariant,
  type MeterId,
  type MeterProfile,
  type ModbusItem,
  type MonoMs,
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
import { crosses } from './legal-read.js'
import { rawValues } from './raw-values.js'
import {
  dlt645Request,
  itemKey,
  type Learnt,
  modbusRequest,
  NOTHING_LEARNT,
  type PlannedRead,
  type PlanSettings,
  planReads,
  type ReadPlan,
  splitAfterException,
} from './read-plan.js'
import { findSunSpecModel } from './sunspec-walk.js'

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
  /** Blocks answered; 0 means the meter said nothing usable. */
  readonly answered: number
  /** The first fault met, if any. */
  readonly fault: BusFault | undefined
}

interface BlockOutcome {
  readonly read: PlannedRead
  readonly outcome: Result<BusAnswer, BusFault> | undefined
}

type Answered = Map<string, Result<BusAnswer, BusFault>>

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
/** One lesson is put to the test this often: a meter that was just starting refuses what it knows. */
const RETRY_REFUSED_MS = 600_000
/** A measured turnaround that differs by more than this from the one planned with is worth a new plan. */
const TURNAROUND_SHIFT_MS = 10
/** How often it is looked at. */
const REPLAN_EVERY_MS = 600_000

/** Asks one meter for groups of its quantities, with the cheapest legal reads, and remembers what it refuses. */
export class MeterSession {
  readonly #plans = new Map<string, ReadPlan>()
  #learnt: Learnt = NOTHING_LEARNT
  /** The one refused item, or the one parting, that is put to the test. */
  #onTrial: Learnt = NOTHING_LEARNT
  /** Which kind is tested first; the other's turn comes when one of it is still refused. */
  #triesPartings = false
  /** The model with its addresses on the wire: a SunSpec meter is asked for them before its first poll. */
  #profile: MeterProfile
  #retriedAt = Number.NEGATIVE_INFINITY
  #pricedAt = Number.NEGATIVE_INFINITY
  /** What the plans are priced with: the maker's figure until the line has measured its own. */
  #turnaroundMs: number

  constructor(
    readonly setup: MeterSetup,
    private readonly bus: RegisterBus,
    private readonly stampAt: (mono: MonoMs) => Stamp,
    private readonly now: () => MonoMs,
  ) {
    this.#profile = setup.profile
    this.#turnaroundMs = setup.settings.turnaroundMs
  }

  /** Quantities of a group; a group without any is never polled. */
  itemsOf(group: PollGroup): readonly (ModbusItem | Dlt645Item)[] {
    const items: readonly (ModbusItem | Dlt645Item)[] = this.#profile.items
    return items.filter((item) => groupOf(item) === group)
  }

  /** Reads what the groups hold, together: one pass of the line. A fault is a reading with reasons, never a throw. */
  async poll(groups: readonly PollGroup[], signal?: AbortSignal): Promise<PollOutcome> {
    this.#refresh()
    const blocks = await this.#ask(groups, signal)
    if (blocks.some(({ read, outcome }) => outcome?.ok && puts(read, this.#onTrial))) this.#forget()
    const outcome = this.#outcome(groups.join('-'), blocks, this.plan(groups).left)
    if (outcome.answered === 0 && outcome.fault?.kind === 'timeout') this.#unplace()
    return outcome
  }

  /** What answers after a silence may be another meter, or other firmware: a SunSpec model is looked for anew. */
  #unplace(): void {
    if (this.#profile === this.setup.profile) return
    this.#profile = this.setup.profile
    this.#plans.clear()
  }

  /** What was learnt is not for ever: the oldest lesson is put to the test now and then, and reads are priced anew. */
  #refresh(): void {
    const now = this.now()
    if (now - this.#retriedAt >= RETRY_REFUSED_MS) {
      this.#retriedAt = now
      this.#putToTest()
    }
    if (now - this.#pricedAt < REPLAN_EVERY_MS) return
    const measured = this.bus.health().units.get(this.#unit())?.turnaroundMs
    if (measured === undefined) return
    this.#pricedAt = now
    if (Math.abs(measured - this.#turnaroundMs) < TURNAROUND_SHIFT_MS) return
    this.#turnaroundMs = measured
    this.#plans.clear()
  }

  /** Takes the oldest lesson out of what was learnt; one that no read has put to the test until now goes back. */
  #putToTest(): void {
    if (this.#onTrial !== NOTHING_LEARNT) this.#keep()
    const { barriers, refused } = this.#learnt
    const [barrier, key] = [barriers[0], refused[0]]
    if (barrier !== undefined && (this.#triesPartings || key === undefined)) {
      this.#onTrial = { barriers: [barrier], refused: [] }
      this.#learnt = { barriers: barriers.slice(1), refused }
    } else if (key !== undefined) {
      this.#onTrial = { barriers: [], refused: [key] }
      this.#learnt = { barriers, refused: refused.filter((each) => each !== key) }
    } else return
    this.#plans.clear()
  }

  /** What is on trial stays as it was learnt. */
  #keep(): void {
    const { barriers, refused } = this.#onTrial
    this.#learnt = {
      barriers: [...this.#learnt.barriers, ...barriers],
      refused: [...this.#learnt.refused, ...refused],
    }
    this.#onTrial = NOTHING_LEARNT
    this.#triesPartings = !this.#triesPartings
  }

  /** The meter answers what it once refused, so it may answer the rest, too: the next lesson is put to the test at once. */
  #forget(): void {
    this.#onTrial = NOTHING_LEARNT
    this.#retriedAt = Number.NEGATIVE_INFINITY
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
    const blocks = await this.#ask(groups, signal, new Map())
    const raw = blocks.flatMap(({ read, outcome }) => (outcome?.ok ? rawValues(read, outcome.value.data) : []))
    return {
      outcome: this.#outcome('readout', blocks, this.plan(groups).left),
      raw,
      durationMs: Math.round(this.now() - begun),
    }
  }

  plan(groups: readonly PollGroup[]): ReadPlan {
    const key = groups.join('-')
    const known = this.#plans.get(key)
    if (known) return known
    const profile = this.#profile
    const settings = { ...this.setup.settings, turnaroundMs: this.#turnaroundMs }
    const items = groups.flatMap((group) => this.itemsOf(group))
    const plan = planReads({ profile, items, settings, learnt: this.#learnt })
    this.#plans.set(key, plan)
    return plan
  }

  /** `answered`: for a single look, which goes on until every read is settled and asks for nothing twice. */
  async #ask(
    groups: readonly PollGroup[],
    signal: AbortSignal | undefined,
    answered?: Answered,
  ): Promise<BlockOutcome[]> {
    const fault = await this.#place(signal)
    if (fault)
      return this.plan(groups).reads.map((read, index) => ({ read, outcome: index === 0 ? fail(fault) : undefined }))
    for (let splits = 0; ; splits += 1) {
      const plan = this.plan(groups)
      const { blocks, refused } = await this.#pass(plan, signal, answered)
      if (!refused || (!answered && splits >= SPLITS_AT_ONCE)) return blocks
      this.#learn(plan, refused)
    }
  }

  /** Finds a SunSpec model in the meter's map, once; the fault when that cannot be done now. */
  async #place(signal: AbortSignal | undefined): Promise<BusFault | undefined> {
    const profile = this.#profile
    const { target } = this.setup
    if (profile.protocol !== 'modbus' || !profile.sunspec || !('unit' in target)) return undefined
    const { read_function: fn } = profile
    const found = await findSunSpecModel(profile, (address, count) =>
      this.bus.read({ protocol: 'modbus', unit: target.unit, function: fn, address, count }, signal),
    )
    if (!found.ok) return found.fault
    this.#profile = found.value
    this.#plans.clear()
    return undefined
  }

  /** One pass over the plan; stops early at a read the meter refuses, or when it does not answer at all. */
  async #pass(
    plan: ReadPlan,
    signal: AbortSignal | undefined,
    answered?: Answered,
  ): Promise<{ blocks: BlockOutcome[]; refused?: PlannedRead }> {
    const blocks: BlockOutcome[] = []
    let dead = false
    for (const read of plan.reads) {
      const known = answered?.get(wordsOf(read))
      const isOver = dead || signal?.aborted
      const outcome = known ?? (isOver ? undefined : await this.#readOnce(read, hasSpoken(blocks.at(-1)), signal))
      if (outcome?.ok) answered?.set(wordsOf(read), outcome)
      blocks.push({ read, outcome })
      if (!outcome || outcome.ok) continue
      if (outcome.fault.kind === 'exception' && REFUSALS.has(outcome.fault.code)) {
        // What was still to be asked is absent with its reason if this pass turns out to be the last.
        const rest = plan.reads.slice(blocks.length).map((left) => ({ read: left, outcome: undefined }))
        return { blocks: [...blocks, ...rest], refused: read }
      }
      // A line that is down, or a meter silent at its first block, would only cost time again.
      if (
        outcome.fault.kind === 'line_down' ||
        (outcome.fault.kind === 'timeout' && blocks.every((one) => !one.outcome?.ok))
      )
        dead = true
    }
    return { blocks }
  }

  /** A meter that spoke just before in this poll, or whose answer was garbled, gets one more chance at once. */
  async #readOnce(
    read: PlannedRead,
    spoke: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Result<BusAnswer, BusFault>> {
    const first = await this.bus.read(this.#request(read), signal)
    if (first.ok || signal?.aborted) return first
    switch (first.fault.kind) {
      case 'crc':
      case 'bad_frame':
        return this.bus.read(this.#request(read), signal)
      case 'timeout':
        return spoke ? this.bus.read(this.#request(read), signal) : first
      case 'exception':
      case 'line_down':
        return first
      default:
        return unreachable(first.fault)
    }
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

  #learn(plan: ReadPlan, refused: PlannedRead): void {
    // A merged read with an item on trial may be refused for being merged: the item must still be asked alone.
    if (puts(refused, this.#onTrial) && (refused.items.length === 1 || this.#onTrial.barriers.length > 0)) this.#keep()
    else this.#learnt = splitAfterException(plan, refused).request.learnt ?? this.#learnt
    this.#retriedAt = this.now()
    this.#plans.clear()
  }

  /** `left`: what this meter refuses even alone; absent as `exception` in every reading, never dropped. */
  #outcome(group: string, blocks: readonly BlockOutcome[], left: ReadPlan['left']): PollOutcome {
    const instants = blocks.map(({ outcome }) => (outcome?.ok ? outcome.value.at.mono : undefined))
    const first = instants.find((at) => at !== undefined)
    const refused = left.map(({ quantity }): ReadingValue => ({ quantity, block: 0, absent: 'exception' }))
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
      answered: instants.filter((at) => at !== undefined).length,
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

/** Whether a read puts what is on trial to the test. */
function puts(read: PlannedRead, { barriers, refused }: Learnt): boolean {
  if (read.items.some(({ item }) => refused.includes(itemKey(item, read)))) return true
  return read.protocol === 'modbus' && crosses(read, barriers)
}

/** Whether the meter said anything to a read of this poll. */
function hasSpoken(block: BlockOutcome | undefined): boolean {
  const outcome = block?.outcome
  return outcome !== undefined && (outcome.ok || outcome.fault.kind !== 'timeout')
}

/** A read as the meter sees it. */
const wordsOf = (read: PlannedRead): string =>
  read.protocol === 'modbus' ? `${read.function} ${read.address} ${read.count}` : read.di

function blockOf(read: PlannedRead): Block {
  return read.protocol === 'modbus'
    ? { protocol: 'modbus', address: read.address, items: read.items.map(({ item }) => item) }
    : { protocol: 'dlt645', items: read.items.map(({ item }) => item) }
}
