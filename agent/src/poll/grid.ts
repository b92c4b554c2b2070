import { type Clock, type DurationMs, type MonoMs, monoMs } from '@metergate/protocol'

/** At most this share of a period is slewed at one slot, so that a clock step neither bursts nor stalls the cadence. */
const SLEW_SHARE = 1 / 20

/**
 * The wall clock tells whole milliseconds, so of its phase no more than this is known. Following it closer would move each slot of each
 * meter by a chance fraction, and meters that are due together would be asked in another order every time.
 */
const WALL_STEP_MS = 1

/** How far the wall clock is past the grid line nearest to it: negative before the line, positive after. */
function phaseError(clock: Clock, periodMs: number): number {
  const phase = ((clock.wall() % periodMs) + periodMs) % periodMs
  return phase > periodMs / 2 ? phase - periodMs : phase
}

/** The first slot of a cadence: the next grid line of the wall clock, expressed in monotonic time. */
export function firstSlot(clock: Clock, periodMs: DurationMs): MonoMs {
  const phase = ((clock.wall() % periodMs) + periodMs) % periodMs
  return monoMs(clock.mono() + (periodMs - phase))
}

/**
 * The slot after `due`, whose poll began at `begun`. The cadence runs on the monotonic clock; it is drawn towards the wall clock's grid
 * (…:00, :10, :20) by small steps only. Slots that had passed when the poll began are skipped, never made up for; `skipped` says how
 * many. One that falls into the poll itself is not lost: it is asked next.
 */
export function nextSlot(
  clock: Clock,
  due: MonoMs,
  periodMs: DurationMs,
  begun: MonoMs = clock.mono(),
): { readonly due: MonoMs; readonly skipped: number } {
  const late = Math.max(0, begun - due)
  const skipped = Math.floor(late / periodMs)
  const planned = due + (skipped + 1) * periodMs
  // Where the wall clock will stand at `planned`, relative to its grid.
  const ahead = phaseError(clock, periodMs) + (planned - clock.mono())
  const error = ahead - Math.round(ahead / periodMs) * periodMs
  if (Math.abs(error) <= WALL_STEP_MS) return { due: monoMs(planned), skipped }
  const limit = periodMs * SLEW_SHARE
  return { due: monoMs(planned - Math.max(-limit, Math.min(limit, error))), skipped }
}
