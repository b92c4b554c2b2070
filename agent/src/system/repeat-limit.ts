import type { Clock } from '@metergate/protocol'

const WINDOW_MS = 60_000

/**
 * Keeps one broken cable from filling the disk: of each cause at most `most` lines a minute pass; the first line of the
 * next minute says how many were left out.
 */
export class RepeatLimit {
  readonly #causes = new Map<string, { since: number; passed: number; dropped: number }>()

  constructor(
    private readonly clock: Pick<Clock, 'mono'>,
    private readonly most = 10,
  ) {}

  /** Whether a line of this cause may be written now, and how many were left out since the last one that was. */
  admit(cause: string): { readonly pass: boolean; readonly dropped: number } {
    const now = this.clock.mono()
    const known = this.#causes.get(cause)
    if (!known || now - known.since >= WINDOW_MS) {
      this.#forget(now)
      this.#causes.set(cause, { since: now, passed: 1, dropped: 0 })
      return { pass: true, dropped: known?.dropped ?? 0 }
    }
    if (known.passed < this.most) {
      known.passed++
      return { pass: true, dropped: 0 }
    }
    known.dropped++
    return { pass: false, dropped: known.dropped }
  }

  /** Causes long silent take no memory; those that still owe a count stay. */
  #forget(now: number): void {
    for (const [cause, { since, dropped }] of this.#causes)
      if (dropped === 0 && now - since >= WINDOW_MS) this.#causes.delete(cause)
  }
}
