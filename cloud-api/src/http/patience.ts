import { type Clock, durationMs } from '@metergate/protocol'
import type { SeriesStore } from '../store/series-store.js'
import { StoreUnavailable } from '../store/sql.js'

/** How long an answer may wait for a database that does not answer: a gateway that hears 503 soon frees its line. */
export const STORE_PATIENCE_MS = 1_500

/**
 * Bounds how long an answer waits for a database server. Once one request waited in vain, the store counts as silent: then
 * one request at a time asks whether it is back, and all others are told "later" at once instead of waiting in a queue
 * behind it. SQLite works in this very process and is waited for.
 */
export class StorePatience {
  private isSilent = false
  private isAsking = false

  constructor(
    private readonly clock: Pick<Clock, 'sleep'>,
    private readonly store: Pick<SeriesStore, 'kind' | 'ping'>,
    private readonly patienceMs = STORE_PATIENCE_MS,
  ) {}

  /**
   * The outcome of `work`, or `StoreUnavailable` when the database takes too long over it. The work itself goes on: when it
   * is committed after all, the gateway sends the batch again and hears that it is there.
   */
  async within<T>(work: () => Promise<T>): Promise<T> {
    if (this.store.kind === 'sqlite') return work()
    if (!this.isSilent) return this.inTime(work)
    if (this.isAsking) throw new StoreUnavailable('the store has not answered lately; one request asks for all')
    // One deadline for both: whoever asks waits no longer than anybody else.
    return this.inTime(async (over) => {
      await this.ask()
      over.throwIfAborted()
      return work()
    })
  }

  private async ask(): Promise<void> {
    this.isAsking = true
    try {
      await this.store.ping()
      this.isSilent = false
    } finally {
      this.isAsking = false
    }
  }

  private async inTime<T>(work: (over: AbortSignal) => Promise<T>): Promise<T> {
    const done = new AbortController()
    const tooLate = this.clock.sleep(durationMs(this.patienceMs), done.signal).then(() => {
      this.isSilent = true
      throw new StoreUnavailable(`the store did not answer within ${this.patienceMs} ms`)
    })
    const working = work(done.signal)
    // Whichever is late has nobody listening any more.
    working.catch(() => undefined)
    tooLate.catch(() => undefined)
    try {
      return await Promise.race([working, tooLate])
    } finally {
      done.abort()
    }
  }
}
