import { type Clock, durationMs } from '@metergate/protocol'

/** Time moves at least so far: what is left of a span may be a rounding error, and be waited for without end. */
const LEAST_MS = 0.01

/**
 * Rings at an instant, or a little before that of an earlier setting: whoever hears it looks whether its time has come. A deadline
 * that is moved on with every answer costs nothing this way, where a timer of its own per answer would cost more than the answer.
 */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  readonly #broken: (reason: unknown) => void
  /** When the earliest sleep under way ends. */
  #ringsAt = Number.POSITIVE_INFINITY
  #stop = new AbortController()

  /** `broken`: the clock would not sleep. */
  constructor(clock: Clock, ring: () => void, broken: (reason: unknown) => void) {
    this.#clock = clock
    this.#ring = ring
    this.#broken = broken
  }

  /** Rings at `instant` (monotonic) at the latest, perhaps before. */
  set(instant: number): void {
    if (this.#ringsAt <= instant) return
    this.#ringsAt = instant
    const stop = this.#stop
    const over = (): void => {
      if (this.#ringsAt === instant) this.#ringsAt = Number.POSITIVE_INFINITY
    }
    this.#clock.sleep(durationMs(Math.max(LEAST_MS, instant - this.#clock.mono())), stop.signal).then(
      () => {
        over()
        this.#ring()
      },
      (reason: unknown) => {
        over()
        if (!stop.signal.aborted) this.#broken(reason)
      },
    )
  }

  /** Calls every sleep off, so that nothing is left that keeps a program alive. */
  off(): void {
    this.#stop.abort()
    this.#stop = new AbortController()
    this.#ringsAt = Number.POSITIVE_INFINITY
  }
}
