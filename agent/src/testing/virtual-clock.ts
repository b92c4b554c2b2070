import {
  type BootId,
  bootId,
  type Clock,
  type DurationMs,
  type EpochMs,
  epochMs,
  invariant,
  type MonoMs,
  monoMs,
} from '@metergate/protocol'

interface Sleeper {
  readonly due: number
  readonly order: number
  readonly wake: () => void
}

/**
 * A clock that moves only when told to: sleepers wake in order of time (then of going to sleep), each with the
 * clock standing at its own moment, and everything it sets off runs before the next one wakes.
 */
export class VirtualClock implements Clock {
  readonly bootId: BootId
  private now: number
  private wallAhead: number
  private sleepers: Sleeper[] = []
  private order = 0

  constructor(options: { readonly wall?: number; readonly mono?: number; readonly boot?: string } = {}) {
    this.now = options.mono ?? 0
    this.wallAhead = (options.wall ?? Date.UTC(2026, 0, 5)) - this.now
    this.bootId = bootId(options.boot ?? 'virtual-boot-1')
  }

  wall(): EpochMs {
    return epochMs(Math.round(this.now + this.wallAhead))
  }

  mono(): MonoMs {
    return monoMs(this.now)
  }

  /** Sets the wall clock forward or back by whole milliseconds, as NTP or a technician would; monotonic time does not notice. */
  stepWall(byMs: number): void {
    this.wallAhead += Math.round(byMs)
  }

  /** How many are asleep. */
  get sleeping(): number {
    return this.sleepers.length
  }

  sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const abort = (): void => {
        this.sleepers = this.sleepers.filter((each) => each !== sleeper)
        reject(signal?.reason)
      }
      const wake = (): void => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      this.order += 1
      const sleeper = { due: this.now + Math.max(0, duration), order: this.order, wake }
      this.sleepers.push(sleeper)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Lets `ms` go by. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms
    await settle()
    while (this.wakeNext(end)) await settle()
    this.now = end
  }

  /** Lets time go by until `goal` settles; throws when that takes more than `limitMs`, or when nobody is left to wake. */
  async runUntil<T>(goal: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let done = false
    const watch = goal.then(
      () => (done = true),
      () => (done = true),
    )
    const end = this.now + limitMs
    await settle()
    while (!done) {
      invariant(this.wakeNext(end), `not settled after ${limitMs} ms of virtual time (${this.sleeping} asleep)`)
      await settle()
    }
    await watch
    return goal
  }

  private wakeNext(end: number): boolean {
    const next = this.sleepers.reduce<Sleeper | undefined>(
      (best, each) => (best && before(best, each) ? best : each),
      undefined,
    )
    if (!next || next.due > end) return false
    this.sleepers = this.sleepers.filter((each) => each !== next)
    this.now = Math.max(this.now, next.due)
    next.wake()
    return true
  }
}

const before = (a: Sleeper, b: Sleeper): boolean => a.due < b.due || (a.due === b.due && a.order < b.order)

/** Lets every promise that can settle do so: the event loop turns only when no microtask is left. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
