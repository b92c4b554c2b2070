/**
 * Time as the simulator's parts need it: an instant in milliseconds (fractional, monotonic) and a call-back
 * at a later one. Real on a pty, virtual in the in-process line and the world.
 */
export interface Scheduler {
  now(): number
  /**
   * Calls `action` once at `now() + delayMs` or as soon after as can be; returns a function that calls it off.
   * `loose` saves work where a millisecond late does no harm.
   */
  after(delayMs: number, action: () => void, precision?: 'exact' | 'loose'): () => void
}

/** Node rounds timers to whole milliseconds and fires late, never early: the last stretch is spun through. */
const SPIN_MS = 1.2

/** The machine's monotonic clock, precise to well under a millisecond as long as the event loop is free. */
export class RealScheduler implements Scheduler {
  now(): number {
    return Number(process.hrtime.bigint()) / 1e6
  }

  after(delayMs: number, action: () => void, precision: 'exact' | 'loose' = 'exact'): () => void {
    const due = this.now() + delayMs
    let stop: () => void = () => {}
    const wait = (): void => {
      const left = due - this.now()
      if (left <= 0) {
        stop = () => {}
        action()
      } else if (left > SPIN_MS || precision === 'loose') {
        const timer = setTimeout(wait, Math.max(1, Math.floor(precision === 'loose' ? left : left - 1)))
        stop = () => clearTimeout(timer)
      } else {
        const immediate = setImmediate(wait)
        stop = () => clearImmediate(immediate)
      }
    }
    wait()
    return () => stop()
  }
}
