import { type Clock, type DurationMs, type MonoMs, monoMs } from '@metergate/protocol'

/** At most this share of a period is slewed at one slot, so that a clock step neither bursts nor stalls the cadence. */
const SLEW_SHARE = 1 / 20

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
 * The slot after `due`. The cadence runs on the monotonic clock; it is drawn towards the wall clock's grid (…:00, :10, :20)
 * by small steps only. Slots that have passed meanwhile are skipped, never made up for; `skipped` says how many.
 */
export function nextSlot(
  clock: Clock,
  due: MonoMs,
  periodMs: DurationMs,
): { readonly due: MonoMs; readonly skipped: number } {
  const late = Math.max(0, clock.mono() - due)
  const skipped = Math.floor(late / periodMs)
  const planned = due + (skipped + 1) * periodMs
  // Where the wall clock will stand at `planned`, relative to its grid.
  const ahead = phaseError(clock, periodMs) + (planned - clock.mono())
  const error = ahead - Math.round(ahead / periodMs) * periodMs
  const limit = periodMs * SLEW_SHARE
  return { due: monoMs(planned - Math.max(-limit, Math.min(limit, error))), skipped }
}
