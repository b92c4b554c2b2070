import { type BootId, type Clock, type DurationMs, durationMs, type EpochMs, type MonoMs } from '@metergate/protocol'
import type { VirtualClock } from '@metergate/simulator'

/**
 * Whether a process still lives. Killing it takes every port away from it: nothing it waits for ever comes, nothing it
 * still says is heard. What its code goes on doing until it waits is done to files nobody reads again.
 */
export class Life {
  #alive = true
  #steps = 0
  #spared = false
  /** Called once at the moment of death, before anything else happens. */
  onDeath: () => void = () => undefined

  constructor(private lastStep: number) {}

  get alive(): boolean {
    return this.#alive
  }

  /** One call of a port: where the process may be killed. */
  step(): void {
    this.#steps += 1
    if (this.#steps === this.lastStep) this.kill()
  }

  /** Nothing will kill it any more. */
  spare(): void {
    this.lastStep = Number.POSITIVE_INFINITY
    this.#spared = true
  }

  kill(): void {
    if (!this.#alive || this.#spared) return
    this.#alive = false
    this.onDeath()
  }

  /** The same outcome, as long as somebody lives to hear it. */
  heard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#alive && resolve(value),
        (error: unknown) => this.#alive && reject(error),
      )
    })
  }
}

/**
 * No timer fires sooner. Virtual time stands still while code runs: what waits for the rest of a span would wait for a
 * rounding error of it without end.
 */
const LEAST_MS = 0.01

/** The clock of one process: the machine's, as long as the process lives. */
export class MortalClock implements Clock {
  readonly bootId: BootId

  constructor(
    private readonly inner: VirtualClock,
    private readonly life: Life,
  ) {
    this.bootId = inner.bootId
  }

  wall(): EpochMs {
    return this.inner.wall()
  }

  mono(): MonoMs {
    return this.inner.mono()
  }

  sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    this.life.step()
    return this.life.heard(this.inner.sleep(durationMs(Math.max(duration, LEAST_MS)), signal))
  }
}
