import type { BootId, EpochMs, MonoMs, Stamp } from '../time.js'
import { type Anchor, type Dated, DRIFT_PPM, dateOf } from './dating.js'

/** A stretch of a boot's own clock, both ends in it. */
export interface MonoRange {
  readonly from: number
  readonly to: number
}
/** Where in the boot an anchor has the least bound: after the one before, up to `until`. */
interface Cell {
  readonly anchor: Anchor
  readonly until: number
}

const DRIFT = DRIFT_PPM / 1_000_000

/** The anchors of one boot, put in order once: a box never synchronised has some thousand a year. */
export class BootAnchors {
  private readonly cells: readonly Cell[]

  constructor(anchors: readonly Anchor[]) {
    const forward = [...anchors].sort((a, b) => a.mono - b.mono || a.error_ms - b.error_ms)
    const best = unbeaten(unbeaten(forward).reverse()).reverse()
    this.cells = best.map((anchor, index) => {
      const next = best[index + 1]
      const until = next ? (anchor.mono + next.mono) / 2 + (next.error_ms - anchor.error_ms) / (2 * DRIFT) : Infinity
      return { anchor, until }
    })
  }

  /** The anchor with the least bound, which is that of `dateOf`; of equal ones any. */
  bestAt(mono: MonoMs): Anchor | undefined {
    let [low, high] = [0, this.cells.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.cells[middle]?.until ?? Infinity) >= mono) high = middle
      else low = middle + 1
    }
    return this.cells[low]?.anchor
  }

  /** Where in the boot everything lies that is dated `from`..`to`, to the millisecond; oldest first. */
  monosWithin(from: EpochMs, to: EpochMs): MonoRange[] {
    const found: MonoRange[] = []
    let after = -Infinity
    for (const { anchor, until } of this.cells) {
      const offset = anchor.true_wall - anchor.mono
      const range = { from: Math.max(after, from - offset - 1), to: Math.min(until, to - offset + 1) }
      after = until
      if (range.from > range.to) continue
      const last = found.at(-1)
      if (last && range.from <= last.to) found[found.length - 1] = { from: last.from, to: range.to }
      else found.push(range)
    }
    return found
  }
}

/** Those whose own error is less than the bound any before them has at their place. */
function unbeaten(inOrder: readonly Anchor[]): Anchor[] {
  const kept: Anchor[] = []
  for (const anchor of inOrder) {
    const last = kept.at(-1)
    if (!last || anchor.error_ms < last.error_ms + Math.abs(anchor.mono - last.mono) * DRIFT) kept.push(anchor)
  }
  return kept
}

/** Anchors of any boots; dates as `dateOf` does, without going over all of them for each stamp. */
export class AnchorBook {
  private readonly boots = new Map<BootId, BootAnchors>()

  constructor(anchors: readonly Anchor[]) {
    const byBoot = new Map<BootId, Anchor[]>()
    for (const anchor of anchors) {
      const own = byBoot.get(anchor.boot)
      if (own) own.push(anchor)
      else byBoot.set(anchor.boot, [anchor])
    }
    for (const [boot, own] of byBoot) this.boots.set(boot, new BootAnchors(own))
  }

  /** Undefined of a boot without an anchor. */
  of(boot: BootId): BootAnchors | undefined {
    return this.boots.get(boot)
  }

  dateOf(stamp: Stamp): Dated {
    const best = this.boots.get(stamp.boot)?.bestAt(stamp.mono)
    return dateOf(stamp, best ? [best] : [])
  }
}
