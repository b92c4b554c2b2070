import type { Scheduler } from './scheduler.js'

/** Wall time now, milliseconds since 1970: the only place of the simulator that asks the machine's clock. */
export function wallNow(): number {
  return Date.now()
}

/** Maps a scheduler's instants to wall time, tied together once: a stepped system clock does not jerk the plant. */
export function wallTimeOf(scheduler: Scheduler): (schedulerMs: number) => number {
  const offset = wallNow() - scheduler.now()
  return (schedulerMs) => schedulerMs + offset
}
