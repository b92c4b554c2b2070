/**
 * What happened between two readings of one counter. Values are integers of the register's last digit, times are
 * epoch milliseconds; integers within ±(2^53-1) throughout, so every sum is exact.
 */
export interface CounterSample {
  readonly at: number
  readonly n: number
}

export interface CounterLimits {
  /** The value at which the register starts again at zero, in register digits; undefined when it never does. */
  readonly modulus: number | undefined
  /** The most it can rise in one hour, in register digits (largest power × 1 h); undefined when not configured. */
  readonly maxPerHour: number | undefined
  /** The smallest amount it moves by, in register digits: 1, or more where a CT ratio stretches the meter's own digit. */
  readonly step: number
  /** Time that passed unseen by the samples' own times, because the clock was set back; widens what is plausible. */
  readonly slackMs?: number
}

export type CounterStep =
  | { readonly kind: 'forward'; readonly rise: number }
  /** Fell, but passing the modulus explains it with a plausible rise. */
  | { readonly kind: 'rollover'; readonly rise: number }
  | { readonly kind: 'decrease'; readonly fall: number }
  /** Rose more than the largest power could drive it. */
  | { readonly kind: 'jump'; readonly rise: number; readonly most: number }

/** Meters read a little late and early, and ratings are rounded: 20 % above the largest power is still believed. */
export const RISE_TOLERANCE_PERCENT = 120

/** Some meters refresh their registers only once a minute, so one step may hold a minute more than the clock says. */
const REFRESH_MS = 60_000

const HOUR_MS = 3_600_000
/** Without a configured largest power, only a fall from the top tenth to the bottom tenth counts as a rollover. */
const ROLLOVER_EDGE = 10

/**
 * Judges one step from `before` to `after` (later in time). Pure and without memory: whether to believe a fall or
 * a jump is decided by what follows, see counter-track.
 */
export function judgeStep(before: CounterSample, after: CounterSample, limits: CounterLimits): CounterStep {
  const difference = after.n - before.n
  const most = mostRise(after.at - before.at, limits)
  if (difference >= 0) {
    return most !== undefined && difference > most
      ? { kind: 'jump', rise: difference, most }
      : { kind: 'forward', rise: difference }
  }
  const { modulus } = limits
  if (modulus !== undefined && before.n < modulus && isRollover(before.n, after.n, modulus, most)) {
    return { kind: 'rollover', rise: difference + modulus }
  }
  return { kind: 'decrease', fall: -difference }
}

function isRollover(before: number, after: number, modulus: number, most: number | undefined): boolean {
  if (most !== undefined) return after - before + modulus <= most
  return before >= modulus - modulus / ROLLOVER_EDGE && after <= modulus / ROLLOVER_EDGE
}

/** The most the register can rise in `ms`: a slow load may still turn one step at any moment. */
function mostRise(ms: number, { maxPerHour, step, slackMs = 0 }: CounterLimits): number | undefined {
  if (maxPerHour === undefined) return undefined
  return step + Math.ceil((maxPerHour * (ms + REFRESH_MS + slackMs) * RISE_TOLERANCE_PERCENT) / (HOUR_MS * 100))
}
