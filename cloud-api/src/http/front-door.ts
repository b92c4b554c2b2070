import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '@metergate/protocol'
import type { Admission } from './admission.js'
import type { Metrics } from './metrics.js'
import { HttpProblem } from './problem.js'
import type { ReturnTimes } from './return-times.js'

/** What gateways send; whoever reads is not turned away at the door. */
const OF_GATEWAYS = /^\/v1\/(batches|heartbeat)(\?|$)/

export interface FrontDoorParts {
  /** While one of these is full, nobody is let in. */
  readonly places: readonly Pick<Admission, 'isFull' | 'turnAway'>[]
  readonly returnTimes: ReturnTimes
  readonly metrics: Pick<Metrics, 'turnedAway'>
  readonly clock: Pick<Clock, 'wall'>
}

/**
 * Turns gateways away before anything is done for them: no route, no body, no signature, no store. Under a herd most
 * answers are these, and each costs the server a small part of what one batch does.
 */
export class FrontDoor {
  private readonly problem = new HttpProblem(
    'busy',
    'Too many gateways are sending at once. Nothing was read; try again after the time in Retry-After.',
  )

  constructor(private readonly parts: FrontDoorParts) {}

  /** True when the request may go on; otherwise it has been answered. */
  letsIn({ url = '/' }: IncomingMessage, response: ServerResponse): boolean {
    const { places, returnTimes, metrics, clock } = this.parts
    const full = OF_GATEWAYS.test(url) ? places.find(({ isFull }) => isFull) : undefined
    if (!full) return true
    full.turnAway()
    metrics.turnedAway.inc()
    const body = Buffer.from(JSON.stringify(this.problem.body(clock.wall())))
    // The connection stays: the rest of the body is dropped as it comes. Closing it now could take the answer with it.
    response.writeHead(this.problem.status, {
      'content-type': 'application/problem+json',
      'content-length': body.length,
      'retry-after': String(returnTimes.next(url)),
      'cache-control': 'no-store',
    })
    response.end(body)
    return false
  }
}
