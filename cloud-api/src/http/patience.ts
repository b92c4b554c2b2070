import { type Clock, durationMs } from '@metergate/protocol'
import { StoreUnavailable } from '../store/sql.js'

/** How long an answer may wait for a database that does not answer: a gateway that hears 503 soon frees its line. */
export const STORE_PATIENCE_MS = 1_500

/**
 * The outcome of `work`, or `StoreUnavailable` when it takes too long. The work itself goes on: when it is committed after
 * all, the gateway sends the batch again and hears that it is there.
 */
export async function patiently<T>(clock: Clock, work: Promise<T>, patienceMs = STORE_PATIENCE_MS): Promise<T> {
  const done = new AbortController()
  const tooLate = clock.sleep(durationMs(patienceMs), done.signal).then(() => {
    throw new StoreUnavailable(`the store did not answer within ${patienceMs} ms`)
  })
  // Whichever is late has nobody listening any more.
  work.catch(() => undefined)
  tooLate.catch(() => undefined)
  try {
    return await Promise.race([work, tooLate])
  } finally {
    done.abort()
  }
}
