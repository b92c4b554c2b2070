import { type Clock, durationMs } from '@metergate/protocol'
import type { SeriesStore } from '../store/series-store.js'
import { StoreUnavailable } from '../store/sql.js'

/** How long an answer may wait for a database that does not answer: a gateway that hears 503 soon frees its line. */
export const STORE_PATIENCE_MS = 1_500

/**
 * The outcome of `work`, or `StoreUnavailable` when a database server takes too long over it. The work itself goes on: when
 * it is committed after all, the gateway sends the batch again and hears that it is there. SQLite works in this very
 * process and is waited for.
 */
export async function patiently<T>(
  { clock, store }: { readonly clock: Clock; readonly store: Pick<SeriesStore, 'kind'> },
  work: Promise<T>,
  patienceMs = STORE_PATIENCE_MS,
): Promise<T> {
  if (store.kind === 'sqlite') return work
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
