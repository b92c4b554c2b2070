/** Where a unit's time-out starts and between what it moves, in milliseconds to the first byte of the answer. */
export interface TurnaroundFacts {
  readonly typical: number
  readonly max: number
}

export const DEFAULT_TURNAROUND: TurnaroundFacts = { typical: 40, max: 500 }

/** Below this an operating system's own delays (USB latency timers of 16 ms, a busy box) would look like a dead meter. */
const LEAST_MS = 150
/** As long as a line may wait for an answer and still be well again within a second of a fault. */
const MOST_MS = 700
/**
 * DL/T 645 allows 500 ms to the answer (Td), and no wait beyond that buys anything. At 2400 baud this much still leaves room within
 * the second for a request that ran into the end of a late answer, and then for one whose answer must come twice.
 */
const DLT645_MOST_MS = 510
/** The remembered peak sinks by this share per answer, so one slow answer does not slow the line for ever. */
const DECAY = 0.98

/**
 * How long one unit may take, learnt from how long it took: half as much again as its recent peak and 60 ms, but no more than
 * 700 ms (510 ms in DL/T 645) or the maker's maximum, whichever is longer. It never learns from silence, so a dead unit stays
 * cheap; a late answer that is heard teaches it at once.
 */
export class UnitTiming {
  readonly #start: number
  readonly #most: number
  #peak: number | undefined
  #recent: number | undefined

  constructor(facts: TurnaroundFacts = DEFAULT_TURNAROUND, protocol: 'modbus' | 'dlt645' = 'modbus') {
    this.#start = Math.max(LEAST_MS, facts.max)
    this.#most = Math.max(protocol === 'dlt645' ? DLT645_MOST_MS : MOST_MS, facts.max)
  }

  /** Milliseconds from the last byte sent to the first byte heard that are still waited for. */
  get timeoutMs(): number {
    if (this.#peak === undefined) return this.#start
    return Math.min(this.#most, Math.max(LEAST_MS, this.#peak * 1.5 + 60))
  }

  /** Smoothed turnaround, undefined before the first answer. */
  get turnaroundMs(): number | undefined {
    return this.#recent
  }

  answered(turnaroundMs: number): void {
    this.#recent = this.#recent === undefined ? turnaroundMs : this.#recent + (turnaroundMs - this.#recent) / 8
    // The start value fades out over the first answers: ten quick ones do not prove that the maker's maximum never comes.
    this.#peak = Math.max(turnaroundMs, this.#before() * DECAY)
  }

  /** An answer that began after its time-out, this long after its question. What nobody would wait for teaches nothing. */
  answeredLate(afterMs: number): void {
    if (afterMs <= this.#most) this.#peak = Math.max(this.#before(), afterMs)
  }

  /** The peak so far; at first the one that the start value stands for. */
  #before(): number {
    return this.#peak ?? (this.#start - 60) / 1.5
  }
}
