import {
  type Amount,
  compare,
  type EpochMs,
  fail,
  formatAmount,
  invariant,
  ok,
  quantity,
  type Result,
  ratio,
  rescale,
} from '@metergate/protocol'
import { type CounterLimits, judgeStep } from './counter-delta.js'
import { CounterTrack, type TrackGrid, type TrackState } from './counter-track.js'
import {
  type CutterState,
  decodeCutterState,
  encodeCutterState,
  freshCutterState,
  multiplierUntil,
} from './cutter-state.js'
import type {
  BadCheckpoint,
  CounterPoll,
  CounterSpec,
  CutterOptions,
  CutterOutput,
  MeterChange,
} from './cutter-types.js'
import type { EventDraft, IntervalDraft } from './interval.js'
import { CHECK_OF_CAUSE } from './interval-delta.js'
import { type EnergyEventCode, trackEventDraft } from './interval-events.js'
import { doubtedIntervals, isInCrossing } from './late-change.js'
import { contradictedBy } from './old-register.js'
import { SlotBooks } from './slot-books.js'

export type * from './cutter-types.js'

const NOTHING: CutterOutput = { intervals: [], events: [] }
/** Where nothing bounds it: 10 MW, or 50 pulses a second. Wide, but no first zero can book a lifetime. */
const FASTEST_ENERGY: Amount = { n: 10_000, exp: 0 }
const FASTEST_PULSES: Amount = { n: 180_000, exp: 0 }
const ONE: Amount = { n: 1, exp: 0 }
const LONG_GAP_MS = 62 * 86_400_000
/** A clock this little behind the last poll catches up by itself; polls until then are left out of intervals. */
const BACKWARD_WAIT_MS = 2 * 3_600_000

interface Counter {
  readonly spec: CounterSpec
  readonly state: TrackState
  readonly track: CounterTrack
  limits: CounterLimits
}

/**
 * Cuts one meter's counters into intervals of the plant's grid, reading by reading. Deterministic: the same polls in
 * the same order give the same records, in one run or over any number of checkpoints.
 */
export class IntervalCutter {
  readonly #options: CutterOptions
  readonly #state: CutterState
  readonly #counters: readonly Counter[]
  readonly #books: SlotBooks
  readonly #nearMs: number
  #intervals: IntervalDraft[] = []
  #events: EventDraft[] = []

  constructor(options: CutterOptions, state: CutterState = freshState(options)) {
    const lengthMs = options.minutes * 60_000
    this.#options = options
    this.#state = state
    this.#nearMs = Math.min(lengthMs * 1.5, Math.max(3 * options.periodMs, 60_000))
    const patienceMs = options.patienceMs ?? Math.max(2 * lengthMs, 5 * options.periodMs)
    this.#books = new SlotBooks(options, state, this.#nearMs, patienceMs)
    this.#counters = options.counters.map((spec, index) => this.#counter(spec, index))
  }

  /** Continues from a checkpoint; a fault when it is unreadable or was made for another grid or other counters. */
  static restore(options: CutterOptions, checkpoint: string): Result<IntervalCutter, BadCheckpoint> {
    const decoded = decodeCutterState(checkpoint)
    if (!decoded.ok) return decoded
    const grid = gridOf(options)
    if (decoded.value.grid !== grid) {
      return fail({ kind: 'bad_checkpoint', why: `made for ${decoded.value.grid}, now ${grid}` })
    }
    return ok(new IntervalCutter(options, decoded.value))
  }

  /** All that is known, as text for {@link IntervalCutter.restore}. Store it in one commit with the records it led to. */
  checkpoint(): string {
    return encodeCutterState(this.#state)
  }

  /** Start of the first interval not finished yet; undefined before the first good reading. */
  get openSince(): number | undefined {
    const starts = this.#settledUntil()
    return starts.length ? Math.min(...starts) : undefined
  }

  /**
   * To be called before the first poll taken with this configuration, at `at`. Where its CT × PT is another than that of
   * the readings before, the step between them is no energy: the segments end.
   */
  adoptRatio(at: EpochMs): void {
    const state = this.#state
    const { ratio: now = ONE } = this.#options
    const before = state.ratio
    state.ratio = now
    if (!before || compare(before, now) === 0) return
    for (const { track, limits } of this.#counters) {
      track.conclude(limits)
      track.breakSegment('ratio_change')
    }
    state.ratioSince = at
    const facts = { ratio_before: formatAmount(before), ratio: formatAmount(now) }
    this.#changeEvent({ cause: 'ratio_change', at }, state.lastPollAt, facts)
  }

  /** Takes the next poll and returns the intervals and events it finished. */
  read(poll: CounterPoll): CutterOutput {
    this.#clock(poll)
    this.#books.weighPower(poll)
    this.#countPoll(poll)
    this.#feed(poll)
    if (poll.at === this.#state.lastPollAt) this.#state.clockBehindMs = 0
    return this.#collect()
  }

  /**
   * The meter or its transformers were changed: the segment of every counter ends. `closed`: the newest revisions of the
   * meter's intervals around the change, which are revised where it is told only after readings of after it were counted.
   */
  change(change: MeterChange, closed: readonly IntervalDraft[] = []): CutterOutput {
    const late = this.#counters.filter((counter) => isBehind(change, counter))
    const now = this.#counters.filter((counter) => !late.includes(counter))
    if (change.oldEnd) this.#feed(change.oldEnd, now)
    for (const { track, limits } of now) {
      track.conclude(limits)
      track.breakSegment(change.cause)
    }
    const until = late.map((counter) => this.#changeLate(counter, change))
    if (change.multiplier) this.#state.multipliers.push({ from: change.at, multiplier: change.multiplier })
    if (change.newStart) this.#feed(change.newStart, now)
    const doubted = this.#doubt(change, closed, until)
    const lastAt = late.length > 0 ? endedAt(change) : (change.oldEnd?.at ?? this.#state.lastPollAt)
    this.#changeEvent(change, lastAt, doubted > 0 ? { suspect_intervals: doubted } : {})
    return this.#collect()
  }

  /** Whether `change` is told only after readings of after it were counted. */
  isLate(change: MeterChange): boolean {
    return this.#counters.some((counter) => isBehind(change, counter))
  }

  /** Returns until when it is not known what the counter's readings were of. */
  #changeLate({ spec, state, track, limits }: Counter, change: MeterChange): number {
    const { last } = state
    const poll = change.newStart
    const read = poll?.values.find((one) => one.quantity === spec.quantity)
    const fitted = read && state.exp !== null ? rescale(read.value, state.exp) : undefined
    const first = poll && read && fitted && { at: read.at ?? poll.at, n: fitted.n }
    // With the ratio that readings are multiplied by, all of them since were multiplied by the wrong one.
    const isWrongSince = change.cause === 'ratio_change' && this.#options.ratio !== undefined
    if (last && first && !isWrongSince && judgeStep(first, last, limits).kind === 'forward') {
      track.changedBefore(change.cause, endedAt(change), first)
      return first.at
    }
    track.conclude(limits)
    track.breakSince(change.cause, endedAt(change))
    return last?.at ?? change.at
  }

  /** Makes what was counted across a change told late suspect; returns how many intervals given before are concerned. */
  #doubt(change: MeterChange, closed: readonly IntervalDraft[], until: readonly number[]): number {
    if (until.length === 0) return 0
    const crossing = { from: endedAt(change), until: Math.max(...until) }
    const check = CHECK_OF_CAUSE[change.cause]
    this.#books.doubt(check, (slot) => isInCrossing(slot, crossing))
    const revised = doubtedIntervals(closed, crossing, check)
    for (const { start, revision } of revised) this.#books.given(start, revision)
    this.#finish(revised)
    return revised.length
  }

  /** A change reported after its new register had been taken for a reset: kept as evidence beside what was cut. */
  noteChange(change: MeterChange): CutterOutput {
    this.#changeEvent(change, change.oldEnd?.at ?? null, { late: true })
    return this.#collect()
  }

  /** The last believed register that what was read off the old meter contradicts, if any. */
  contradictedBy(oldEnd: CounterPoll): Amount | undefined {
    for (const { quantity: name, value, at = oldEnd.at } of oldEnd.values) {
      const counter = this.#counters.find(({ spec }) => spec.quantity === name)
      const known = counter && contradictedBy({ ...counter.state, limits: counter.limits }, { at, value })
      if (known) return known
    }
    return undefined
  }

  /**
   * Whether what changed is known already: a counter's running segment began after it by itself, so that its readings are
   * no longer those of before; or the readings have had another ratio since.
   */
  hasBrokenSince({ at, cause }: MeterChange): boolean {
    const { ratioSince } = this.#state
    if (cause === 'ratio_change' && ratioSince !== undefined && ratioSince > at) return true
    return this.#counters.some(({ state }) => state.segmentSince !== undefined && state.segmentSince > at)
  }

  #changeEvent(
    { cause, at, oldEnd, newStart, multiplier }: MeterChange,
    lastAt: number | null,
    more: EventDraft['facts'],
  ) {
    this.#event(cause, {
      at,
      old_end_at: lastAt,
      old_end: describe(oldEnd),
      new_start_at: newStart?.at ?? null,
      new_start: describe(newStart),
      unmetered_s: newStart && lastAt !== null ? Math.round((newStart.at - lastAt) / 1000) : null,
      multiplier: multiplier ? formatAmount(multiplier) : null,
      ...more,
    })
  }

  #counter(spec: CounterSpec, index: number): Counter {
    const state = this.#state.tracks[index]
    invariant(state, 'a checkpoint has as many tracks as counters')
    const track = new CounterTrack(state, this.#grid(), {
      settle: (slot) => this.#books.settle(index, slot, state.segment),
      event: (event) => {
        const subject = { meter: this.#options.meter, quantity: spec.quantity, exp: state.exp ?? 0 }
        this.#events.push(trackEventDraft(event, subject))
      },
    })
    return { spec, state, track, limits: this.#limits(spec, state.exp ?? 0) }
  }

  #grid(): TrackGrid {
    return {
      slot: (at) => this.#options.zone.slot(at, this.#options.minutes),
      nearMs: this.#nearMs,
      longGapMs: this.#options.longGapMs ?? LONG_GAP_MS,
    }
  }

  /** A counter's limits in digits of its register, which `multiplier` may stand above. */
  #limits({ quantity: name, modulus, maxPerHour, presumedPerHour, step }: CounterSpec, exp: number): CounterLimits {
    const multiplier = multiplierUntil(this.#state, Number.POSITIVE_INFINITY)
    const presumed = presumedPerHour ?? (quantity(name).unit === 'pulse' ? FASTEST_PULSES : FASTEST_ENERGY)
    const fastest = maxPerHour ?? presumed
    return {
      modulus: modulus && rescale(modulus, exp)?.n,
      maxPerHour: ratio(fastest, multiplier, exp)?.n,
      step: Math.max(1, (step && rescale(step, exp)?.n) ?? 1),
      ...(maxPerHour ? {} : { rolloverWithinMs: Math.max(3 * this.#options.periodMs, 60_000) }),
    }
  }

  #feed(poll: CounterPoll, counters = this.#counters): void {
    for (const one of poll.values) {
      const counter = counters.find(({ spec }) => spec.quantity === one.quantity)
      if (counter) this.#take(counter, one.at ?? poll.at, one.value)
    }
  }

  #take(counter: Counter, at: number, value: Amount): void {
    const { state, track, spec } = counter
    if (state.last === null) {
      // A new segment may come from a meter with another resolution; within one, every value keeps the first's digit.
      state.exp = value.exp
      counter.limits = this.#limits(spec, value.exp)
    }
    const { latestAt } = track
    const fitted = rescale(value, state.exp ?? value.exp)
    if (!fitted || (latestAt !== undefined && at <= latestAt)) return
    const slackMs = this.#state.clockBehindMs
    track.read({ at, n: fitted.n }, slackMs > 0 ? { ...counter.limits, slackMs } : counter.limits)
  }

  /** A clock set back by hours would stall every counter until it caught up: their segments end instead. */
  #clock({ at }: CounterPoll): void {
    const state = this.#state
    if (state.lastPollAt === null) return
    state.clockBehindMs = Math.max(state.clockBehindMs, state.lastPollAt - at)
    if (state.lastPollAt - at <= BACKWARD_WAIT_MS) return
    this.#event('clock_back', { at, last_at: state.lastPollAt })
    for (const { track, limits } of this.#counters) {
      track.conclude(limits)
      track.leave('clock_reset')
    }
    this.#finish(this.#books.closeAll(state.lastPollAt))
    state.lastPollAt = null
    state.clockBehindMs = 0
  }

  #countPoll({ at, values }: CounterPoll): void {
    const { lastPollAt } = this.#state
    if (values.length === 0 || (lastPollAt !== null && at <= lastPollAt)) return
    if (lastPollAt !== null && at - lastPollAt > this.#nearMs) {
      this.#event('reading_gap', { at, last_at: lastPollAt, seconds: Math.round((at - lastPollAt) / 1000) })
    }
    this.#books.countGood(at)
    this.#state.lastPollAt = at
  }

  #settledUntil(): number[] {
    return this.#counters.flatMap(({ track }) => track.settledUntil ?? [])
  }

  /** One by one: a blind year is more intervals than a call takes arguments. */
  #finish(drafts: readonly IntervalDraft[]): void {
    for (const draft of drafts) this.#intervals.push(draft)
  }

  #collect(): CutterOutput {
    this.#finish(this.#books.takeDue(() => this.#settledUntil()))
    if (this.#intervals.length === 0 && this.#events.length === 0) return NOTHING
    const output = { intervals: this.#intervals, events: this.#events }
    this.#intervals = []
    this.#events = []
    return output
  }

  #event(code: EnergyEventCode, facts: EventDraft['facts']): void {
    this.#events.push({ kind: 'event', code, meter: this.#options.meter, facts })
  }
}

/** The cadence is no part of it: tracks and books depend on none, and another one is no reason to cut a slot in two. */
function gridOf({ zone, minutes, counters }: CutterOptions): string {
  return `${zone.name} ${minutes}min ${counters.map((counter) => counter.quantity).join(',')}`
}

/** When what is new began, and what was old ended, as far as told. */
const beganAt = ({ at, newStart }: MeterChange): number => newStart?.at ?? at
/** Whether a reading of after the change was believed already. */
const isBehind = (change: MeterChange, { state }: Counter): boolean =>
  state.last !== null && beganAt(change) < state.last.at
const endedAt = ({ at, oldEnd }: MeterChange): number => Math.min(at, oldEnd?.at ?? at)

function freshState(options: CutterOptions): CutterState {
  return freshCutterState(gridOf(options), options.counters.length, options)
}

function describe(poll: CounterPoll | undefined): string | null {
  if (!poll) return null
  return poll.values
    .map(({ quantity: name, value }) => `${name}=${formatAmount(value)}`)
    .join(' ')
    .slice(0, 500)
}
