import {
  type AnchorRecord,
  type Clock,
  type ClockQuality,
  type EpochMs,
  epochMs,
  type MonoMs,
  monoMs,
  type Stamp,
} from '@metergate/protocol'

/** `S` promises an error of at most this, drift since the last evidence included. */
const SYNCHRONISED_WITHIN_MS = 2_000
/** The wall clock moving this much against the monotonic one between two looks is a step, not a slew. */
const STEP_MS = 1_000
/** An answer slower than this says too little about the time. */
const ROUND_TRIP_MAX_MS = 2_000
/** Free-running crystals of such boxes drift up to 100 ppm. */
const DRIFT_PPM = 100
/** A fresh anchor at least this often while the boot lasts bounds the drift between two anchors. */
const ANCHOR_EVERY_MS = 6 * 3_600_000

export type AnchorSource = AnchorRecord['source']
export type AnchorDraft = Omit<AnchorRecord, 'stamp' | 'kind'>

/** Evidence that the system clock is right now, e.g. timesyncd's mark; undefined when there is none. */
export interface ClockEvidence {
  readonly source: Extract<AnchorSource, 'kernel' | 'chrony' | 'timesyncd'>
  readonly errorMs: number
}

export interface ClockFinding {
  readonly anchor?: AnchorDraft
  /** The wall clock jumped against the monotonic one by this many milliseconds. */
  readonly steppedMs?: number
}

/**
 * What is known of the wall clock, from moment to moment. A stamp says `S` only with evidence that still holds: a
 * step of the wall clock against the monotonic one ends it. Nothing here changes a clock.
 */
export class ClockTrust {
  #offset: number | undefined
  /** When evidence last came, and how far off the wall clock could be then. */
  #confirmed: { readonly mono: number; readonly offByMs: number } | undefined
  #lastAnchor: { mono: number; wallMinusMono: number } | undefined

  constructor(private readonly clock: Clock) {}

  /** The stamp of something that happened at `mono` (default now). */
  stamp(mono: MonoMs = this.clock.mono()): Stamp {
    const wall = epochMs(Math.round(this.clock.wall() - (this.clock.mono() - mono)))
    // Whole milliseconds: nobody's clock is better, and fractions would cost a tenth of the upload.
    return { boot: this.clock.bootId, mono: monoMs(Math.round(mono)), wall, quality: this.quality() }
  }

  quality(): ClockQuality {
    if (!this.#confirmed || this.#stepped()) return 'U'
    const driftMs = ((this.clock.mono() - this.#confirmed.mono) * DRIFT_PPM) / 1e6
    return this.#confirmed.offByMs + driftMs <= SYNCHRONISED_WITHIN_MS ? 'S' : 'U'
  }

  /** Looks at both clocks; call it about once a second. Reports a step once. */
  watch(): ClockFinding {
    const now = this.#wallMinusMono()
    if (this.#offset === undefined) {
      this.#offset = now
      return {}
    }
    const stepped = this.#stepped() ? Math.round(now - this.#offset) : undefined
    if (stepped !== undefined) this.#confirmed = undefined
    this.#offset = now
    return stepped === undefined ? {} : { steppedMs: stepped }
  }

  /** The operating system says its clock is synchronised. */
  systemEvidence(evidence: ClockEvidence): ClockFinding {
    return this.#confirm(this.clock.wall(), evidence.errorMs, evidence.source)
  }

  /** The cloud answered: its time lies between sending and receiving. */
  serverTime(server: EpochMs, roundTripMs: number): ClockFinding {
    if (roundTripMs > ROUND_TRIP_MAX_MS) return {}
    const half = Math.ceil(roundTripMs / 2)
    return this.#confirm(epochMs(server + half), half + 1, 'cloud')
  }

  /** The technician looked at a good clock and confirmed this one, to the second. */
  technicianConfirms(): ClockFinding {
    return this.#confirm(this.clock.wall(), 1_500, 'technician')
  }

  /** True time as this evidence has it, against our own wall clock. */
  #confirm(trueNow: EpochMs, errorMs: number, source: AnchorSource): ClockFinding {
    const mono = this.clock.mono()
    this.#confirmed = { mono, offByMs: Math.abs(this.clock.wall() - trueNow) + errorMs }
    this.#offset = this.#wallMinusMono()
    const wallMinusMono = trueNow - mono
    if (!this.#anchorDue(mono, wallMinusMono, errorMs)) return {}
    this.#lastAnchor = { mono, wallMinusMono }
    return {
      anchor: {
        boot: this.clock.bootId,
        mono: monoMs(Math.round(mono)),
        true_wall: epochMs(Math.round(trueNow)),
        error_ms: errorMs,
        source,
      },
    }
  }

  #anchorDue(mono: number, wallMinusMono: number, errorMs: number): boolean {
    const last = this.#lastAnchor
    if (!last) return true
    const age = mono - last.mono
    const moved = Math.abs(wallMinusMono - last.wallMinusMono)
    return age >= ANCHOR_EVERY_MS || moved > STEP_MS + errorMs + (age * DRIFT_PPM) / 1e6
  }

  #wallMinusMono(): number {
    return this.clock.wall() - this.clock.mono()
  }

  #stepped(): boolean {
    return this.#offset !== undefined && Math.abs(this.#wallMinusMono() - this.#offset) > STEP_MS
  }
}
