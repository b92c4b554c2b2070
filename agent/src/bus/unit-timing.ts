/** Where a unit's time-out starts and between what it moves, in milliseconds to the first byte of the answer. */
export interface TurnaroundFacts {
  readonly typical: number
  readonly max: number
}

export const DEFAULT_TURNAROUND: TurnaroundFacts = { typical: 40, max: 500 }

/** Below this an operating system's own delays (USB latency timers of 16 ms, a busy box) would look like a dead meter. */
const LEAST_MS = 150
/** As long as a line may wait for an answer and still be well again within a second of a fault. */
const USUAL_MOST_MS = 700
/** Slower than this is as good as dead: waiting for it would take the others' time. */
const MOST_MS = 1500
/** So many late answers without a prompt one between them are no accident any more, but how this unit is. */
const HABIT = 6
/** The remembered peak sinks by this share per answer, so one slow answer does not slow the line for ever. */
const DECAY = 0.98

/**
 * How long one unit may take, learnt from how long it took: half as much again as its recent peak and 60 ms.
 * It never learns from silence, so a dead unit stays cheap. A late answer that is heard teaches it at once, but beyond 700 ms
 * (or the maker's maximum) only a unit that is late every time is waited for.
 */
export class UnitTiming {
  readonly #start: number
  readonly #usualMost: number
  #isHabit = false
  #peak: number | undefined
  #recent: number | undefined
  #lateInARow = 0
  #lastLateAt = Number.NEGATIVE_INFINITY

  constructor(facts: TurnaroundFacts = DEFAULT_TURNAROUND) {
    this.#start = Math.max(LEAST_MS, facts.max)
    this.#usualMost = Math.max(USUAL_MOST_MS, facts.max)
  }

  /** Milliseconds from the last byte sent to the first byte heard that are still waited for. */
  get timeoutMs(): number {
    if (this.#peak === undefined) return this.#start
    return Math.min(this.#most, Math.max(LEAST_MS, timeoutFor(this.#peak)))
  }

  get #most(): number {
    return this.#isHabit ? Math.max(MOST_MS, this.#usualMost) : this.#usualMost
  }

  /** Smoothed turnaround, undefined before the first answer. */
  get turnaroundMs(): number | undefined {
    return this.#recent
  }

  answered(turnaroundMs: number): void {
    this.#lateInARow = 0
    if (timeoutFor(turnaroundMs) <= this.#usualMost) this.#isHabit = false
    this.#recent = this.#recent === undefined ? turnaroundMs : this.#recent + (turnaroundMs - this.#recent) / 8
    // The start value fades out over the first answers: ten quick ones do not prove that the maker's maximum never comes.
    const before = this.#peak ?? (this.#start - 60) / 1.5
    this.#peak = Math.max(turnaroundMs, before * DECAY)
  }

  /**
   * An answer that came at `at`, after its time-out, this long after its question. What nobody would wait for teaches nothing;
   * a backlog that is worked off in one go counts once.
   */
  answeredLate(afterMs: number, at: number): void {
    if (at - this.#lastLateAt >= USUAL_MOST_MS) this.#lateInARow += 1
    this.#lastLateAt = at
    if (this.#lateInARow >= HABIT) this.#isHabit = true
    if (afterMs <= this.#most) this.#peak = Math.max(this.#peak ?? 0, afterMs)
  }
}

const timeoutFor = (peakMs: number): number => peakMs * 1.5 + 60
