import {
  type BootId,
  bootId,
  type Clock,
  type DurationMs,
  type EpochMs,
  epochMs,
  type MonoMs,
  monoMs,
} from '@metergate/protocol'
import type { Timeline } from './timeline.js'

/** How one simulated machine's clocks relate to the timeline, which is true time. */
export interface VirtualClockOptions {
  readonly bootId?: string
  /** True wall time at timeline 0. */
  readonly epochAtZeroMs?: number
  /** Wall clock minus true time at start: a box without a battery clock wakes up in 1970. */
  readonly wallErrorMs?: number
  /** Crystal error in parts per million; the clock runs fast when positive. */
  readonly driftPpm?: number
}

/** 2026-03-02T00:00:00Z, a Monday without a holiday near. */
export const DEFAULT_EPOCH_MS = Date.UTC(2026, 2, 2)

/** The protocol's {@link Clock} on a {@link Timeline}: one per simulated boot of a machine. */
export class VirtualClock implements Clock {
  readonly bootId: BootId
  readonly #timeline: Timeline
  readonly #bornAt: number
  readonly #epochAtZeroMs: number
  readonly #rate: number
  #wallErrorMs: number

  constructor(timeline: Timeline, options: VirtualClockOptions = {}) {
    this.#timeline = timeline
    this.#bornAt = timeline.now()
    this.bootId = bootId(options.bootId ?? 'virtual-1')
    this.#epochAtZeroMs = options.epochAtZeroMs ?? DEFAULT_EPOCH_MS
    this.#wallErrorMs = options.wallErrorMs ?? 0
    this.#rate = 1 + (options.driftPpm ?? 0) / 1e6
  }

  /** What this machine believes. */
  wall(): EpochMs {
    return epochMs(Math.round(this.#epochAtZeroMs + this.#bornAt + this.mono() + this.#wallErrorMs))
  }

  /** What time it really is: only for oracles. */
  trueWall(): EpochMs {
    return epochMs(Math.round(this.#epochAtZeroMs + this.#timeline.now()))
  }

  mono(): MonoMs {
    return monoMs((this.#timeline.now() - this.#bornAt) * this.#rate)
  }

  /** A wall-clock step, as NTP or a technician makes it; monotonic time is untouched. */
  stepWall(deltaMs: number): void {
    this.#wallErrorMs += deltaMs
  }

  sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        cancel()
        reject(signal?.reason)
      }
      const cancel = this.#timeline.after(duration / this.#rate, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
}
