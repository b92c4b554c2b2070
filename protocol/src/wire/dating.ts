import { type BootId, type EpochMs, epochMs, type Stamp } from '../time.js'
import type { AnchorRecord } from './records.js'

/** A quartz oscillator is off by at most this part of the time since (or until) the anchor. */
export const DRIFT_PPM = 100

/** The part of an anchor record that dating needs. */
export type Anchor = Pick<AnchorRecord, 'boot' | 'mono' | 'true_wall' | 'error_ms'>

/** `S` synchronised when made, `D` dated afterwards by an anchor of its boot, `U` unknown. */
export type DateQuality = 'S' | 'D' | 'U'

/** When a record was made, as well as can be known. */
export interface Dated {
  readonly at: EpochMs
  readonly quality: DateQuality
  /** Bound of the error of a `D` date, milliseconds. */
  readonly errorMs?: number
  /** `U` only: not before and not after, where neighbouring boots tell. */
  readonly lower?: EpochMs
  readonly upper?: EpochMs
}

/**
 * Dates a record; the same function in the agent and in the cloud, so that they agree.
 *
 * A synchronised stamp is its own date. Otherwise the anchor of the same boot with the least error bound
 * (its own error + 100 ppm of the time between) dates it. A boot without an anchor stays `U`: its wall clock is
 * only a label, drawn between the last anchor of earlier boots and the start of the next anchored one when
 * `boots` says in which order the boots were.
 */
export function dateOf(stamp: Stamp, anchors: readonly Anchor[], boots: readonly BootId[] = []): Dated {
  if (stamp.quality === 'S') return { at: stamp.wall, quality: 'S' }
  const own = anchors.filter((anchor) => anchor.boot === stamp.boot)
  const best = own.reduce<Anchor | undefined>(
    (least, anchor) => (least && errorOf(least, stamp) <= errorOf(anchor, stamp) ? least : anchor),
    undefined,
  )
  if (!best) return undated(stamp, anchors, boots)
  return {
    at: epochMs(best.true_wall + Math.round(stamp.mono - best.mono)),
    quality: 'D',
    errorMs: errorOf(best, stamp),
  }
}

const errorOf = (anchor: Anchor, stamp: Stamp): number =>
  anchor.error_ms + driftOver(Math.abs(anchor.mono - stamp.mono))
const driftOver = (ms: number): number => Math.ceil((ms * DRIFT_PPM) / 1_000_000)

function undated(stamp: Stamp, anchors: readonly Anchor[], boots: readonly BootId[]): Dated {
  const position = boots.indexOf(stamp.boot)
  if (position < 0) return { at: stamp.wall, quality: 'U' }
  const before = anchors.filter((anchor) => boots.slice(0, position).includes(anchor.boot))
  const after = anchors.filter((anchor) => boots.slice(position + 1).includes(anchor.boot))
  // Earlier boots were alive at their anchors; later boots began `mono` before theirs.
  const lower = before.map((anchor) => anchor.true_wall - anchor.error_ms)
  const upper = after.map((anchor) => anchor.true_wall - anchor.mono + anchor.error_ms + driftOver(anchor.mono))
  const notBefore = lower.length > 0 ? Math.max(...lower) : undefined
  const notAfter = upper.length > 0 ? Math.ceil(Math.min(...upper)) : undefined
  return {
    at: epochMs(Math.min(Math.max(stamp.wall, notBefore ?? stamp.wall), notAfter ?? Number.MAX_VALUE)),
    quality: 'U',
    ...(notBefore === undefined ? {} : { lower: epochMs(notBefore) }),
    ...(notAfter === undefined ? {} : { upper: epochMs(notAfter) }),
  }
}
