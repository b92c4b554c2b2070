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
  /** The most it can rise in one hour, in register digits (largest power × 1 h); undefined when nothing bounds it. */
  readonly maxPerHour: number | undefined
  /** Where `maxPerHour` is only presumed: it shows no rollover over a longer gap than this. Absent when configured. */
  readonly rolloverWithinMs?: number | undefined
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
/** Only a fall from the top tenth to the bottom tenth counts as a rollover: from anywhere else it is a reset, or another meter. */
const ROLLOVER_EDGE = 10
/** A reset would hit so narrow an edge once in so many times: that close, a silence leaves no doubt of a rollover. */
const CHANCE = 10_000

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
  const isSeen = after.at - before.at <= (limits.rolloverWithinMs ?? Number.POSITIVE_INFINITY)
  const isProven = modulus !== undefined && (isSeen || difference + modulus <= modulus / CHANCE)
  if (modulus !== undefined && before.n < modulus && isProven && isRollover(before.n, after.n, modulus, most)) {
    return { kind: 'rollover', rise: difference + modulus }
  }
  return { kind: 'decrease', fall: -difference }
}

/**
 * The largest power alone shows no rollover: what it allows grows with the gap until a weekend explains any fall, a new
 * meter's zero too.
 */
function isRollover(before: number, after: number, modulus: number, most: number | undefined): boolean {
  const isAtEdges = before >= modulus - modulus / ROLLOVER_EDGE && after <= modulus / ROLLOVER_EDGE
  return isAtEdges && (most === undefined || after - before + modulus <= most)
}

/** The most the register can rise in `ms`: a slow load may still turn one step at any moment. */
function mostRise(ms: number, { maxPerHour, step, slackMs = 0 }: CounterLimits): number | undefined {
  if (maxPerHour === undefined) return undefined
  return step + Math.ceil((maxPerHour * (ms + REFRESH_MS + slackMs) * RISE_TOLERANCE_PERCENT) / (HOUR_MS * 100))
}
