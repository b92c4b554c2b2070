import {
  type BootId,
  type Clock,
  type DurationMs,
  type EpochMs,
  epochMs,
  type MonoMs,
  monoMs,
  bootId as toBootId,
} from '@metergate/protocol'

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  private now = 1_000_000
  private sleepers: Sleeper[] = []

  constructor(
    readonly bootId: BootId = toBootId('boot-1'),
    private wallAhead = 1_790_000_000_000,
  ) {}

  wall(): EpochMs {
    return epochMs(Math.round(this.wallAhead + this.now))
  }

  /** Somebody sets the wall clock; the monotonic one does not notice. */
  setWall(to: number): void {
    this.wallAhead = to - this.now
  }

  mono(): MonoMs {
    return monoMs(this.now)
  }

  sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) reject(signal.reason)
      this.sleepers.push({ at: this.now + duration, wake: resolve })
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  /** Goes on by so many milliseconds and lets everyone due act. */
  async advance(ms: number): Promise<void> {
    this.now += ms
    const due = this.sleepers.filter((each) => each.at <= this.now)
    this.sleepers = this.sleepers.filter((each) => each.at > this.now)
    for (const each of due) each.wake()
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
  }
}
