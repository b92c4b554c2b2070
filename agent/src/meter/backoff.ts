import { type Clock, type MonoMs, monoMs } from '@metergate/protocol'

export interface BackoffOptions {
  /** Polls in a row without any answer before a unit is taken for dead. */
  readonly deadAfter: number
  /** First wait before a dead unit is asked again; doubles with every probe in vain. */
  readonly firstMs: number
  /** Longest wait: the probe period of a unit that has been dead for long. */
  readonly longestMs: number
  /** Most of the line's time that probes in vain may take, of 1; more dead units are probed more rarely. */
  readonly share: number
}

export const DEFAULT_BACKOFF: BackoffOptions = { deadAfter: 2, firstMs: 5_000, longestMs: 60_000, share: 0.05 }

/** `live`: keeps its cadence. `silent`: left out, and probed once at `nextProbe`. */
export type UnitPresence =
  | { readonly kind: 'live'; readonly misses: number }
  | { readonly kind: 'silent'; readonly since: MonoMs; readonly waitMs: number; readonly nextProbe: MonoMs }

const LIVE: UnitPresence = { kind: 'live', misses: 0 }

/**
 * Which units of one line are worth asking. A dead unit costs a time-out, and the live ones pay for it; so dead units are
 * probed one at a time, ever more rarely up to a bound, and come back with their first answer. Only silence counts: a unit
 * that answers with an exception is alive, and a line that is down says nothing about its units.
 */
export class Backoff {
  readonly #clock: Clock
  readonly #options: BackoffOptions
  readonly #units = new Map<string, UnitPresence>()
  #noProbeBefore = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, options: BackoffOptions = DEFAULT_BACKOFF) {
    this.#clock = clock
    this.#options = options
  }

  presence(unit: string): UnitPresence {
    return this.#units.get(unit) ?? LIVE
  }

  isLive(unit: string): boolean {
    return this.presence(unit).kind === 'live'
  }

  /** Anything the unit said, a value or an exception. `came_back` when it was taken for dead until now. */
  answered(unit: string): 'came_back' | undefined {
    const before = this.presence(unit)
    this.#units.set(unit, LIVE)
    return before.kind === 'silent' ? 'came_back' : undefined
  }

  /** A poll or a probe without any answer, which took `costMs` of the line. `went_silent` when this makes it dead. */
  missed(unit: string, costMs: number): 'went_silent' | undefined {
    const now = this.#clock.mono()
    const before = this.presence(unit)
    if (before.kind === 'silent') {
      this.#noProbeBefore = now + costMs / this.#options.share
      const waitMs = Math.min(before.waitMs * 2, this.#options.longestMs)
      this.#units.set(unit, { ...before, waitMs, nextProbe: monoMs(now + waitMs) })
      return undefined
    }
    const misses = before.misses + 1
    if (misses < this.#options.deadAfter) {
      this.#units.set(unit, { kind: 'live', misses })
      return undefined
    }
    const waitMs = this.#options.firstMs
    this.#units.set(unit, { kind: 'silent', since: now, waitMs, nextProbe: monoMs(now + waitMs) })
    return 'went_silent'
  }

  /**
   * The one dead unit to probe now: the one due longest. Undefined when none is due or the line has been probed just before.
   * `aheadMs`: also one that falls due within that time, for a caller who has a pause to fill now.
   */
  dueProbe(aheadMs = 0): string | undefined {
    const now = this.#clock.mono()
    if (now < this.#noProbeBefore) return undefined
    const due = this.#silent().filter(([, { nextProbe }]) => nextProbe - aheadMs <= now)
    return due.sort(([, a], [, b]) => a.nextProbe - b.nextProbe)[0]?.[0]
  }

  /** When `dueProbe` will next name a unit; undefined while all are live. */
  nextProbeAt(aheadMs = 0): MonoMs | undefined {
    const earliest = Math.min(...this.#silent().map(([, { nextProbe }]) => nextProbe))
    return Number.isFinite(earliest) ? monoMs(Math.max(earliest - aheadMs, this.#noProbeBefore)) : undefined
  }

  /** The line itself is down: no unit is probed for `waitMs`, and none is thought worse of. */
  lineDown(waitMs: number): void {
    this.#noProbeBefore = Math.max(this.#noProbeBefore, this.#clock.mono() + waitMs)
  }

  /** A technician asks, or the line is back: dead units are probed from now on without waiting any longer. */
  probeAllSoon(): void {
    const now = this.#clock.mono()
    for (const [unit, presence] of this.#silent())
      this.#units.set(unit, { ...presence, waitMs: this.#options.firstMs, nextProbe: now })
  }

  #silent(): [string, Extract<UnitPresence, { kind: 'silent' }>][] {
    return [...this.#units].flatMap(([unit, presence]) => (presence.kind === 'silent' ? [[unit, presence]] : []))
  }
}
