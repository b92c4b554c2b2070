import {
  type AnchorRecord,
  type Clock,
  type ClockQuality,
  type EpochMs,
  epochMs,
  type MonoMs,
  monoMs,
  type Stamp,
} from '@metergate/protocol'
import {
  type AnchorSource,
  boundAt,
  type ClockWord,
  differenceOf,
  driftOver,
  STEP_MS,
  SYNCHRONISED_WITHIN_MS,
  takesPlace,
} from './clock-word.js'

/** An answer slower than this says too little about the time. */
const ROUND_TRIP_MAX_MS = 2_000
/** A fresh anchor at least this often while the boot lasts bounds the drift between two anchors. */
const ANCHOR_EVERY_MS = 6 * 3_600_000
/** So many times better is worth another anchor: what was dated by a vague word is dated again. */
const SHARPER = 4

export type { AnchorSource } from './clock-word.js'
export type AnchorDraft = Omit<AnchorRecord, 'stamp' | 'kind'>

/** Evidence that the system clock is right now, e.g. timesyncd's mark; undefined when there is none. */
export interface ClockEvidence {
  readonly source: Extract<AnchorSource, 'kernel' | 'chrony' | 'timesyncd'>
  readonly errorMs: number
  /** When it last measured or set the clock, by the wall clock as it was then; undefined: it speaks of this moment. */
  readonly markMs?: number
}

/** Two who differ by more than both can be wrong, `byMs` of the first against the other. */
export interface ClockDispute {
  readonly source: AnchorSource
  readonly against: AnchorSource
  readonly byMs: number
}

export interface ClockFinding {
  readonly anchor?: AnchorDraft
  /** The wall clock jumped against the monotonic one by this many milliseconds. */
  readonly steppedMs?: number
  /** Told once, until they agree again. */
  readonly dispute?: ClockDispute
}

/** What is known of the clock now, for a person. */
export interface ClockState {
  readonly quality: ClockQuality
  /** The word that counts: how long ago, how far off it can be by now, and the wall clock against it. */
  readonly word?: {
    readonly source: AnchorSource
    readonly ageMs: number
    readonly errorMs: number
    readonly offByMs: number
  }
  readonly dispute?: ClockDispute
}

interface Step {
  readonly seenAt: number
  /** What the clock would show without the step, the latest of all steps: a mark after this was made since. */
  readonly wallBefore: number
  /** The first mark seen since, which may be from before. */
  mark?: number
}

/**
 * What is known of the wall clock, from moment to moment. One word counts at a time (`takesPlace`): true time against the
 * monotonic clock, which nobody sets. A stamp says `S` while the wall clock is near it, so small steps add up; a step
 * ends it, until somebody has looked at the clock since. Nothing here changes a clock.
 */
export class ClockTrust {
  /** Wall against monotonic time when the system last vouched for it, or at the last step. */
  #offset: number | undefined
  #word: ClockWord | undefined
  #step: Step | undefined
  /** The system's last mark, and what it said: heard again it says the same, whatever moved the clock since. */
  #heard: { readonly mark: number; readonly trueMinusMono: number } | undefined
  #dispute: ClockDispute | undefined
  #changedMind: number | undefined
  #lastAnchor: ClockWord | undefined

  constructor(private readonly clock: Clock) {}

  /** The stamp of something that happened at `mono` (default now). */
  stamp(mono: MonoMs = this.clock.mono()): Stamp {
    const wall = epochMs(Math.round(this.clock.wall() - (this.clock.mono() - mono)))
    // Whole milliseconds: nobody's clock is better, and fractions would cost a tenth of the upload.
    return { boot: this.clock.bootId, mono: monoMs(Math.round(mono)), wall, quality: this.quality() }
  }

  quality(): ClockQuality {
    if (!this.#word || this.#steppedBy() !== undefined) return 'U'
    const offBy = Math.abs(this.#wallMinusMono() - this.#word.trueMinusMono)
    return offBy + boundAt(this.#word, this.clock.mono()) <= SYNCHRONISED_WITHIN_MS ? 'S' : 'U'
  }

  state(): ClockState {
    const quality = this.quality()
    const dispute = this.#dispute && { dispute: this.#dispute }
    if (!this.#word) return { quality, ...dispute }
    const { source, mono, trueMinusMono } = this.#word
    const now = this.clock.mono()
    const errorMs = Math.ceil(boundAt(this.#word, now))
    const offByMs = Math.round(this.#wallMinusMono() - trueMinusMono)
    return { quality, word: { source, ageMs: Math.round(now - mono), errorMs, offByMs }, ...dispute }
  }

  /** Looks at both clocks; call it about once a second. Reports a step once. */
  watch(): ClockFinding {
    this.#offset ??= this.#wallMinusMono()
    const steppedMs = this.#steppedBy()
    if (steppedMs === undefined) return {}
    const wallBefore = Math.max(this.clock.wall() - steppedMs, this.#step?.wallBefore ?? Number.NEGATIVE_INFINITY)
    this.#step = { seenAt: this.clock.mono(), wallBefore }
    this.#offset = this.#wallMinusMono()
    this.#word = undefined
    this.#heard = undefined
    return { steppedMs }
  }

  /** The operating system, asked at `askedAt`, says its clock is synchronised. */
  systemEvidence(evidence: ClockEvidence, askedAt: MonoMs = this.clock.mono()): ClockFinding {
    const step = this.watch()
    if (!this.#isSinceStep(evidence, askedAt)) return step
    const { source, errorMs, markMs } = evidence
    const known = this.#heard?.mark === markMs ? this.#heard : undefined
    const trueMinusMono = known?.trueMinusMono ?? this.#wallMinusMono()
    if (!known) this.#offset = trueMinusMono
    this.#heard = markMs === undefined ? undefined : { mark: markMs, trueMinusMono }
    return { ...step, ...this.#weigh({ source, mono: this.clock.mono(), trueMinusMono, errorMs }) }
  }

  /** The cloud answered: its time lies between sending and receiving. */
  serverTime(server: EpochMs, roundTripMs: number): ClockFinding {
    if (roundTripMs > ROUND_TRIP_MAX_MS) return {}
    const half = Math.ceil(roundTripMs / 2)
    const mono = this.clock.mono()
    const word = { source: 'cloud' as const, mono, trueMinusMono: server + half - mono, errorMs: half + 1 }
    return { ...this.watch(), ...this.#weigh(word) }
  }

  /** The technician compared what the box's clock showed at `shown` with a good clock: right within `errorMs`. */
  technicianConfirms(shown: { readonly wall: EpochMs; readonly mono: MonoMs }, errorMs: number): ClockFinding {
    const { wall, mono } = shown
    const word = { source: 'technician' as const, mono, trueMinusMono: wall - mono, errorMs }
    return { ...this.watch(), ...this.#weigh(word) }
  }

  #weigh(next: ClockWord): ClockFinding {
    const held = this.#word
    const differs = held ? differenceOf(held, next) : 0
    const takes = !held || takesPlace(held, next, this.#changedMind)
    const dispute = held && this.#disputeOf(held, next, differs, takes)
    if (!takes) return dispute ? { dispute } : {}
    if (differs !== 0 && held?.source === next.source) this.#changedMind = next.mono
    this.#word = next
    const anchor = this.#anchorDue(next)
    return { ...(anchor ? { anchor } : {}), ...(dispute ? { dispute } : {}) }
  }

  /** Something new to tell. One source that moves and is followed is told by its anchor. */
  #disputeOf(held: ClockWord, next: ClockWord, byMs: number, takes: boolean): ClockDispute | undefined {
    const [source, against] = [next.source, held.source]
    const told = this.#dispute
    const isTold =
      told !== undefined &&
      [told.source, told.against].includes(source) &&
      [told.source, told.against].includes(against)
    if (byMs === 0 && isTold && source !== against) this.#dispute = undefined
    if (byMs === 0 || isTold || (takes && source === against)) return undefined
    this.#dispute = { source, against, byMs }
    return this.#dispute
  }

  #anchorDue(word: ClockWord): AnchorDraft | undefined {
    const last = this.#lastAnchor
    const age = word.mono - (last?.mono ?? 0)
    const moved = Math.abs(word.trueMinusMono - (last?.trueMinusMono ?? 0))
    const isSharper = last !== undefined && word.errorMs * SHARPER < last.errorMs
    const isDue = age >= ANCHOR_EVERY_MS || moved > STEP_MS + word.errorMs + driftOver(age)
    if (last && !isDue && !isSharper) return undefined
    this.#lastAnchor = word
    const { source, mono, trueMinusMono, errorMs } = word
    const trueWall = epochMs(Math.round(mono + trueMinusMono))
    return { boot: this.clock.bootId, mono: monoMs(Math.round(mono)), true_wall: trueWall, error_ms: errorMs, source }
  }

  /**
   * The evidence is younger than the last step seen. A mark is wall time and was perhaps made by the clock before the step:
   * it counts when it lies after everything that clock showed, or has changed since it was first seen after the step.
   */
  #isSinceStep({ markMs }: ClockEvidence, askedAt: MonoMs): boolean {
    const step = this.#step
    if (!step) return true
    if (askedAt < step.seenAt) return false
    if (markMs === undefined || markMs > step.wallBefore) return true
    step.mark ??= markMs
    return markMs !== step.mark
  }

  #wallMinusMono(): number {
    return this.clock.wall() - this.clock.mono()
  }

  /** By how much the wall clock was set since then; undefined while that is no step. */
  #steppedBy(): number | undefined {
    const by = this.#offset === undefined ? 0 : this.#wallMinusMono() - this.#offset
    return Math.abs(by) > STEP_MS ? Math.round(by) : undefined
  }
}
