/** Where a unit's time-out starts and between what it moves, in milliseconds to the first byte of the answer. */
export interface TurnaroundFacts {
  readonly typical: number
  readonly max: number
}

export const DEFAULT_TURNAROUND: TurnaroundFacts = { typical: 40, max: 500 }

/** Below this an operating system's own delays (USB latency timers of 16 ms, a busy box) would look like a dead meter. */
const LEAST_MS = 150
/** "Typically 1 s to several seconds" (MODBUS over serial line V1.02, 2.4.1): slower than this is as good as dead. */
const MOST_MS = 3000
/** The remembered peak sinks by this share per answer, so one slow answer does not slow the line for ever. */
const DECAY = 0.98

/**
 * How long one unit may take, learnt from how long it took: half as much again as its recent peak and 60 ms.
 * It never learns from silence, so a dead unit stays cheap; a late answer that is heard teaches it at once.
 */
export class UnitTiming {
  readonly #start: number
  #peak: number | undefined
  #recent: number | undefined

  constructor(facts: TurnaroundFacts = DEFAULT_TURNAROUND) {
    this.#start = clamp(facts.max)
  }

  /** Milliseconds from the last byte sent to the first byte heard that are still waited for. */
  get timeoutMs(): number {
    return this.#peak === undefined ? this.#start : clamp(this.#peak * 1.5 + 60)
  }

  /** Smoothed turnaround, undefined before the first answer. */
  get turnaroundMs(): number | undefined {
    return this.#recent
  }

  answered(turnaroundMs: number): void {
    this.#recent = this.#recent === undefined ? turnaroundMs : this.#recent + (turnaroundMs - this.#recent) / 8
    // The start value fades out over the first answers: ten quick ones do not prove that the maker's maximum never comes.
    const before = this.#peak ?? (this.#start - 60) / 1.5
    this.#peak = Math.max(turnaroundMs, before * DECAY)
  }

  /** An answer that came after its time-out, this long after its question. */
  answeredLate(afterMs: number): void {
    this.#peak = Math.max(this.#peak ?? 0, Math.min(afterMs, MOST_MS))
  }
}

const clamp = (ms: number): number => Math.min(MOST_MS, Math.max(LEAST_MS, ms))
