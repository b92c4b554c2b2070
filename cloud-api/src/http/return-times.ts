import { type Clock, type Random, randomInt } from '@metergate/protocol'

/** So many of a kind may come back in each second; one who is let in then sends its whole backlog. */
const RETURNS_PER_S = 50
const LEAST_S = 3
/** Drawn out by chance, so that a few who were turned away together do not come back together. */
const CHANCE_S = 5
const MOST_S = 600

/**
 * When those who were turned away may come back, seconds: one after the other, as many in each second as the server can
 * serve, however many were turned away at once. A herd that comes back as a herd is turned away as a herd again. Heartbeats
 * have a queue of their own, since their gateways wait for the next minute anyway.
 */
export class ReturnTimes {
  private readonly queues = { batches: new Queue(), heartbeat: new Queue(), other: new Queue() }

  constructor(
    private readonly clock: Pick<Clock, 'mono'>,
    private readonly random: Random,
  ) {}

  /** A time for one more whose request to `url` is turned away now. */
  next(url: string): number {
    const [, asked = 'other'] = /^\/v1\/(batches|heartbeat)(?:\?|$)/.exec(url) ?? []
    const kind = asked === 'batches' || asked === 'heartbeat' ? asked : 'other'
    const wait = this.queues[kind].wait(this.clock.mono())
    // The queue is as long as a queue may be: any time within it is as good as another.
    if (wait > MOST_S) return LEAST_S + randomInt(this.random, MOST_S - LEAST_S)
    return Math.min(MOST_S, Math.ceil(wait) + randomInt(this.random, CHANCE_S))
  }
}

/** The turns that were given out so far. */
class Queue {
  private nextMs = 0

  /** Seconds until the next free turn, which is taken unless it lies beyond the longest wait. */
  wait(now: number): number {
    const turn = Math.max(this.nextMs, now + LEAST_S * 1000)
    const wait = (turn - now) / 1000
    if (wait <= MOST_S) this.nextMs = turn + 1000 / RETURNS_PER_S
    return wait
  }
}
