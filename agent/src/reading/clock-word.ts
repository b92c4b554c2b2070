import type { AnchorRecord } from '@metergate/protocol'

/** `S` promises an error of at most this, drift since the last evidence included. */
export const SYNCHRONISED_WITHIN_MS = 2_000
/** The wall clock moving this much against the monotonic one is a step, not a slew. */
export const STEP_MS = 1_000
/** Free-running crystals of such boxes drift up to 100 ppm. */
const DRIFT_PPM = 100
/** A cloud that contradicts itself, as two servers behind one name may, is followed at most this often. */
const CHANGE_OF_MIND_MS = 3_600_000

export type AnchorSource = AnchorRecord['source']

/** What somebody said of the time: true time against the monotonic clock, and how far off it could be when he said it. */
export interface ClockWord {
  readonly source: AnchorSource
  readonly mono: number
  readonly trueMinusMono: number
  readonly errorMs: number
}

/**
 * Who is believed where two differ by more than both can be wrong: the daemon that keeps this box's clock measures all
 * the time and states its error; a person looked once; of the cloud's server nobody knows who sets its clock.
 */
const RANK: Readonly<Record<AnchorSource, number>> = { chrony: 3, kernel: 3, timesyncd: 3, technician: 2, cloud: 1 }

export const driftOver = (ms: number): number => (ms * DRIFT_PPM) / 1e6

/** How far off the word can be by now. */
export const boundAt = ({ errorMs, mono }: ClockWord, now: number): number => errorMs + driftOver(now - mono)

/** Whoever is too vague by now to promise anything outranks nobody. */
const rankAt = (word: ClockWord, now: number): number =>
  boundAt(word, now) <= SYNCHRONISED_WITHIN_MS ? RANK[word.source] : 0

/** How much the next word differs, beyond what both can be wrong; 0 when they agree. A slew moves both clocks, up to a step. */
export function differenceOf(held: ClockWord, next: ClockWord): number {
  const by = next.trueMinusMono - held.trueMinusMono
  return Math.abs(by) > STEP_MS + next.errorMs + boundAt(held, next.mono) ? Math.round(by) : 0
}

/**
 * Whether the next word takes the place of the one held. Where they agree, the sharper one counts, and of one daemon the
 * newest, since it moves the clock. Where they do not, the higher rank counts; among equals the newer, which knows what
 * happened since.
 */
export function takesPlace(held: ClockWord, next: ClockWord, changedMind: number | undefined): boolean {
  const now = next.mono
  const isSameDaemon = next.source === held.source && next.source !== 'cloud' && next.source !== 'technician'
  if (differenceOf(held, next) === 0) return isSameDaemon || next.errorMs <= boundAt(held, now)
  const rise = rankAt(next, now) - rankAt(held, now)
  if (rise !== 0) return rise > 0
  return next.source !== 'cloud' || changedMind === undefined || now - changedMind >= CHANGE_OF_MIND_MS
}
