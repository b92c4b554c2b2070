import { type Clock, type Random, randomInt } from '@metergate/protocol'

const WINDOW_S = 60
/** So many a second may come back on the average; the rest of the server is for those who are served. */
const RETURNS_PER_S = 25
const LEAST_S = 2
const SPREAD_LEAST_S = 30
const SPREAD_MOST_S = 600

/**
 * When those who were turned away may come back, seconds. Spread at random, and the wider the more were turned away within
 * the last minute: a herd that comes back as a herd is turned away as a herd again.
 */
export class ReturnTimes {
  /** How many were turned away in each second, by the second's place in the window. */
  private readonly counts = new Array<number>(WINDOW_S).fill(0)
  private second = 0

  constructor(
    private readonly clock: Pick<Clock, 'mono'>,
    private readonly random: Random,
  ) {}

  /** A time for one more who is turned away now. */
  next(): number {
    this.forget(Math.floor(this.clock.mono() / 1000))
    const place = this.second % WINDOW_S
    this.counts[place] = (this.counts[place] ?? 0) + 1
    const lately = this.counts.reduce((sum, count) => sum + count, 0)
    const spread = Math.min(SPREAD_MOST_S, Math.max(SPREAD_LEAST_S, Math.ceil(lately / RETURNS_PER_S)))
    return LEAST_S + randomInt(this.random, spread - LEAST_S)
  }

  private forget(now: number): void {
    for (let gone = 0; this.second < now && gone < WINDOW_S; gone += 1) {
      this.second += 1
      this.counts[this.second % WINDOW_S] = 0
    }
    this.second = Math.max(this.second, now)
  }
}
