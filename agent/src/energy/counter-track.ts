import { invariant, unreachable } from '@metergate/protocol'
import { type CounterLimits, type CounterSample, type CounterStep, judgeStep } from './counter-delta.js'
import { registerAt } from './interval.js'

/** Why register differences are not taken across an instant. */
export type BreakCause =
  | 'register_decrease'
  | 'register_jump'
  | 'meter_exchange'
  | 'ratio_change'
  | 'clock_reset'
  | 'long_gap'

/** A stretch of one slot inside one segment; `from` and `to` count on over rollovers. */
export interface TrackPart {
  readonly segment: number
  /** Exponent of the register's last digit in this segment. */
  readonly exp: number
  readonly start: number
  readonly end: number
  readonly from: number
  readonly to: number
}

/** What one counter did in one slot of the grid. */
export interface SettledSlot {
  readonly start: number
  readonly end: number
  /** Metered stretches; one that fills the slot unless a segment began or ended inside it. */
  readonly parts: readonly TrackPart[]
  /** A boundary was drawn across a gap: the sum over the gap is measured, its shape is not. */
  readonly estimated: boolean
  /** Whether a segment broke in it (a slot that lies wholly inside a blind stretch counts too). */
  readonly cause: BreakCause | null
  /** Whether any good reading lies in (start, end]. */
  readonly seen: boolean
}

/** Something the track noticed, with its evidence in register digits. */
export type TrackEvent =
  | { readonly kind: 'rollover'; readonly before: CounterSample; readonly after: CounterSample; readonly rise: number }
  | {
      readonly kind: 'break'
      readonly cause: BreakCause
      readonly before: CounterSample
      readonly after: CounterSample
      readonly confirmedBy: number
    }
  /** Readings off the trail that nothing after them confirmed: kept as readings, never used here. */
  | {
      readonly kind: 'momentary'
      readonly before: CounterSample
      readonly held: readonly CounterSample[]
      readonly after: CounterSample
    }

export interface TrackSink {
  settle(slot: SettledSlot): void
  event(event: TrackEvent): void
}

/** How the track relates to the clock's grid. */
export interface TrackGrid {
  slot(at: number): { readonly start: number; readonly end: number }
  /** Readings at most this far apart give measured boundaries between them. */
  readonly nearMs: number
  /** A gap longer than this is not spread over the grid; the segment ends instead. */
  readonly longGapMs: number
}

interface OpenSlot {
  start: number
  end: number
  parts: TrackPart[]
  /** Where the part now running began; null while the slot is blind. */
  part: { at: number; u: number } | null
  estimated: boolean
  cause: BreakCause | null
  seen: boolean
}

/** All a track knows; plain integers, so that it survives a restart as JSON. */
export interface TrackState {
  segment: number
  /** Exponent of the register's last digit; null before the first reading. Changes only with the segment. */
  exp: number | null
  /** Added to the register's value for every rollover in this segment. */
  offset: number
  last: CounterSample | null
  held: CounterSample[]
  open: OpenSlot | null
  /** First reading of a segment that began with a fall or jump of the register; absent for any other. */
  segmentSince?: number | undefined
  /** Time since `last` that no sample's own time shows, because the clock was set back; absent when there is none. */
  unseenMs?: number | undefined
}

export const freshTrack = (): TrackState => ({ segment: 0, exp: null, offset: 0, last: null, held: [], open: null })

/** A fall or jump counts once this many later readings, over more than this time, agree with it. */
const CONFIRMING_READINGS = 3
const CONFIRMING_MS = 60_000
/** A reading that is this many times farther from the odd value than from the old trail is back on the old trail. */
const RETURN_RATIO = 10

/**
 * Follows one counter: decides which readings to believe and settles the grid's slots between them.
 * A fall or an implausible jump is held back until later readings say which it was (rollover, reset, or a momentary
 * wrong value), so that a single zero never books a lifetime's energy.
 */
export class CounterTrack {
  constructor(
    readonly state: TrackState,
    private readonly grid: TrackGrid,
    private readonly sink: TrackSink,
  ) {}

  /** The start of the first slot not settled yet; undefined before the first good reading. */
  get settledUntil(): number | undefined {
    return this.state.open?.start
  }

  /** Time of the newest reading taken, believed or held. */
  get latestAt(): number | undefined {
    return (this.state.held.at(-1) ?? this.state.last)?.at
  }

  /** Takes the next reading. Times must rise; returns whether it was believed at once. */
  read(sample: CounterSample, limits: CounterLimits): boolean {
    const { last, held } = this.state
    if (!last) {
      this.#begin(sample)
      return this.state.last === sample
    }
    invariant(sample.at > last.at, `reading at ${sample.at} is not after ${last.at}`)
    if (limits.slackMs) this.state.unseenMs = (this.state.unseenMs ?? 0) + limits.slackMs
    const latest = held.at(-1)
    if (isJitter(latest ?? last, sample, limits)) return false
    const step = this.#judgeFromLast(last, sample, limits)
    if (latest === undefined) {
      if (step.kind === 'forward') this.#advance(last, sample)
      else held.push(sample)
      return step.kind === 'forward'
    }
    this.#whileHolding({ last, latest, sample, step, limits })
    return this.state.last === sample
  }

  /**
   * Settles what is held before a planned change cuts the trail: a rollover needs no more proof than its plausible
   * rise; a fall or jump that nothing can confirm any more is left out.
   */
  conclude(limits: CounterLimits): void {
    const { last, held } = this.state
    const first = held[0]
    const latest = held.at(-1)
    if (!last || !first || !latest) return
    if (this.#judgeFromLast(last, first, limits).kind === 'rollover') this.#believeHeld(last, limits)
    else this.sink.event({ kind: 'momentary', before: last, held, after: latest })
    this.state.held = []
  }

  /** Ends the segment at the last believed reading; the next reading begins a new one. */
  breakSegment(cause: BreakCause): void {
    const { state } = this
    state.held = []
    if (!state.last || !state.open) return
    this.#endPart(state.last.at, state.last.n + state.offset)
    state.open.cause = cause
    state.segment += 1
    state.segmentSince = undefined
    state.offset = 0
    state.last = null
  }

  /**
   * A change that is told only after what came of it was believed: from `from` to `first`, the first that is known to be
   * of the new segment, nothing in the open slot counts. Readings after it stand.
   */
  changedBefore(cause: BreakCause, from: number, first: CounterSample): void {
    const { open, last, offset } = this.state
    if (!open || !last) return
    // The boundary the slot began with was drawn between readings far apart, or so near that they may be one of each meter.
    const isDoubtful = open.estimated || first.at + this.grid.nearMs > open.start
    if (!isDoubtful) return
    const since = first.at >= open.start ? first : last
    open.parts = open.parts.filter(({ end }) => end <= from)
    open.part = { at: since.at, u: since.n + offset }
    open.estimated = false
    open.cause = cause
    this.state.segment += 1
  }

  /** Ends the segment at the last believed reading, and leaves out of the open slot what lies after `from`. */
  breakSince(cause: BreakCause, from: number): void {
    this.breakSegment(cause)
    const { open } = this.state
    if (open) open.parts = open.parts.filter(({ end }) => end <= from)
  }

  /** Ends the segment and leaves the grid: the next reading begins wherever its time lies, earlier or much later. */
  leave(cause: 'clock_reset' | 'long_gap'): void {
    this.breakSegment(cause)
    if (this.state.open?.parts.length) this.#settle(null)
    this.state.open = null
  }

  /** What was unseen since `last` counts until something after it is believed, not only at the first sample after it. */
  #judgeFromLast(last: CounterSample, sample: CounterSample, limits: CounterLimits): CounterStep {
    return judgeStep(last, sample, { ...limits, slackMs: this.state.unseenMs ?? 0 })
  }

  #whileHolding(seen: {
    last: CounterSample
    latest: CounterSample
    sample: CounterSample
    step: CounterStep
    limits: CounterLimits
  }): void {
    const { last, latest, sample, step, limits } = seen
    const fits = sample.at > latest.at && judgeStep(latest, sample, limits).kind === 'forward'
    if (step.kind === 'forward' && (!fits || isBackOnTrail(last, this.state.held, sample))) {
      this.sink.event({ kind: 'momentary', before: last, held: this.state.held, after: sample })
      this.state.held = []
      this.#advance(last, sample)
      return
    }
    if (!fits) {
      this.sink.event({ kind: 'momentary', before: last, held: this.state.held, after: sample })
      this.state.held = [sample]
      return
    }
    this.state.held.push(sample)
    if (isConfirmed(this.state.held)) this.#believeHeld(last, limits)
  }

  #believeHeld(last: CounterSample, limits: CounterLimits): void {
    const [first, ...later] = this.state.held
    invariant(first, 'nothing held')
    this.state.held = []
    const step = this.#judgeFromLast(last, first, limits)
    switch (step.kind) {
      case 'rollover':
        this.sink.event({ kind: 'rollover', before: last, after: first, rise: step.rise })
        this.#advance(last, first, limits.modulus)
        break
      case 'decrease':
      case 'jump': {
        const cause = step.kind === 'decrease' ? 'register_decrease' : 'register_jump'
        this.sink.event({ kind: 'break', cause, before: last, after: first, confirmedBy: later.length })
        this.breakSegment(cause)
        this.#begin(first)
        this.state.segmentSince = first.at
        break
      }
      case 'forward':
        this.#advance(last, first)
        break
      default:
        unreachable(step)
    }
    let before = first
    for (const sample of later) {
      this.#advance(before, sample)
      before = sample
    }
  }

  /** Starts a segment at `sample`, settling what lies blind before it. */
  #begin(sample: CounterSample): void {
    const { state } = this
    const open = state.open ?? this.#openAt(this.grid.slot(sample.at))
    // What lies before the open slot was settled without it; taken in, its rise would count twice.
    if (sample.at < open.start) return
    state.open = open
    while (open.end <= sample.at) {
      open.seen ||= open.end === sample.at
      this.#settle(null)
    }
    if (open.start === sample.at) open.cause = null
    open.part = { at: sample.at, u: sample.n }
    open.seen ||= sample.at > open.start
    this.#believe(sample)
  }

  /** Goes from one believed reading to the next, drawing every boundary between them. */
  #advance(before: CounterSample, after: CounterSample, modulus = 0): void {
    const { state, grid } = this
    const gap = after.at - before.at
    if (gap > grid.longGapMs) {
      this.sink.event({ kind: 'break', cause: 'long_gap', before, after, confirmedBy: 0 })
      this.leave('long_gap')
      this.#begin(after)
      return
    }
    const from = { at: before.at, n: before.n + state.offset }
    state.offset += modulus
    const to = { at: after.at, n: after.n + state.offset }
    const { open } = state
    invariant(open, 'a segment without an open slot')
    while (open.end <= after.at) {
      const boundary = { at: open.end, n: registerAt(from, to, open.end) }
      const near = boundary.at === after.at || gap <= grid.nearMs
      open.estimated ||= !near
      open.seen ||= boundary.at === after.at
      this.#endPart(boundary.at, boundary.n)
      this.#settle(boundary)
      open.estimated = !near
    }
    open.seen ||= after.at > open.start
    this.#believe(after)
  }

  #believe(sample: CounterSample): void {
    this.state.last = sample
    delete this.state.unseenMs
  }

  /** Closes the running part at `at`, where the register, counting on over rollovers, stands at `u`. */
  #endPart(at: number, u: number): void {
    const { open, segment, exp } = this.state
    if (!open?.part) return
    if (at > open.part.at)
      open.parts.push({ segment, exp: exp ?? 0, start: open.part.at, end: at, from: open.part.u, to: u })
    open.part = null
  }

  /** Hands the open slot on and opens the next, which starts with `boundary` when the register is known there. */
  #settle(boundary: CounterSample | null): void {
    const { open } = this.state
    invariant(open, 'nothing to settle')
    const { start, end, parts, estimated, cause, seen } = open
    this.sink.settle({ start, end, parts, estimated, cause, seen })
    const next = this.grid.slot(end)
    open.start = next.start
    open.end = next.end
    open.parts = []
    open.part = boundary && { at: boundary.at, u: boundary.n }
    open.estimated = false
    open.seen = false
    // A blind stretch goes on until the next segment begins; a metered slot starts with a clean slate.
    if (boundary) open.cause = null
  }

  #openAt({ start, end }: { readonly start: number; readonly end: number }): OpenSlot {
    return { start, end, parts: [], part: null, estimated: false, cause: null, seen: false }
  }
}

/**
 * Whether a register only trembled: float registers and sums of phases may step back by their last digit. Such a
 * reading is left out; what follows carries the trail on, and no energy is lost by it.
 */
function isJitter(before: CounterSample, sample: CounterSample, { step }: CounterLimits): boolean {
  const fall = before.n - sample.n
  return fall > 0 && fall <= step
}

/** Whether a reading that fits both trails belongs to the old one: it lies far nearer to it. */
function isBackOnTrail(last: CounterSample, held: readonly CounterSample[], sample: CounterSample): boolean {
  const first = held[0]
  const latest = held.at(-1)
  if (!first || !latest) return true
  // Held for jumping, and time has since made the rise plausible: nothing is odd any more.
  if (first.n >= last.n) return true
  return sample.n >= last.n && sample.n - latest.n > RETURN_RATIO * Math.max(1, sample.n - last.n)
}

function isConfirmed(held: readonly CounterSample[]): boolean {
  const first = held[0]
  const latest = held.at(-1)
  if (!first || !latest) return false
  return held.length > CONFIRMING_READINGS && latest.at - first.at > CONFIRMING_MS
}
