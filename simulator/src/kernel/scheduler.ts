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

/** Node rounds timers to whole milliseconds, fires them up to one early (its own clock is as coarse) or late: it is asked for too little. */
const EARLY_MS = 2
/** The thread sleeps through the last stretch in steps, so that bytes that come meanwhile are stamped right. No spinning: that takes the program under test its CPU. */
const STEP_MS = 0.4
/** A sleeping thread wakes up this late; the rest is spun through. */
const WAKE_MS = 0.08
const NOBODY_WAKES = new Int32Array(new SharedArrayBuffer(4))

/** The machine's monotonic clock, precise to about a tenth of a millisecond as long as the event loop is free. */
export class RealScheduler implements Scheduler {
  now(): number {
    return Number(process.hrtime.bigint()) / 1e6
  }

  after(delayMs: number, action: () => void, precision: 'exact' | 'loose' = 'exact'): () => void {
    const due = this.now() + delayMs
    let stop: () => void = () => {}
    const wait = (mayAct = true): void => {
      const left = due - this.now()
      if (left <= 0 && mayAct) {
        stop = () => {}
        action()
      } else if (left > EARLY_MS + 1 || (left > 0 && precision === 'loose')) {
        const timer = setTimeout(wait, Math.max(1, Math.floor(precision === 'loose' ? left : left - EARLY_MS)))
        stop = () => clearTimeout(timer)
      } else {
        if (left > WAKE_MS) Atomics.wait(NOBODY_WAKES, 0, 0, Math.min(left - WAKE_MS, STEP_MS))
        const immediate = setImmediate(wait)
        stop = () => clearImmediate(immediate)
      }
    }
    // However late it is: nothing happens before the caller has finished, as in virtual time.
    wait(false)
    return () => stop()
  }
}
