import { minutes, type StreamId } from '@metergate/protocol'
import type { PendingBatch, RecordStore } from '../store/record-store.js'
import { batchKey } from './batch-key.js'

/** How far back a batch may be and still be "fresh": a few sealed while one was under way. */
const FRESH_WINDOW = 8
const LONGEST_POSTPONED = minutes(60)

/**
 * What to send next: fresh batches first, in order, then the backlog, oldest first. Fresh is what is newer than the
 * newest batch that was at hand when the link last came up, so after an outage the present is seen at once and the
 * past follows behind it.
 */
export class BatchPicker {
  private readonly floor = new Map<StreamId, number>()
  /** Not to be sent before an instant of the monotonic clock, and how often that was said already. */
  private readonly postponed = new Map<string, { readonly until: number; readonly times: number }>()

  constructor(private readonly store: Pick<RecordStore, 'pending' | 'freshest'>) {}

  /** The next batches, each once: at most `count` and `bytes` (compressed), but at least one. */
  take(count: number, bytes: number, now: number): readonly PendingBatch[] {
    const isPostponed = (each: PendingBatch): boolean => (this.postponed.get(batchKey(each))?.until ?? now) > now
    const fresh = this.fresh().filter((each) => !isPostponed(each))
    const backlog = this.store
      .pending(count + fresh.length + this.postponed.size)
      .filter((batch) => !isPostponed(batch) && !fresh.some((each) => batchKey(each) === batchKey(batch)))
    let left = bytes
    const fits = ({ size }: PendingBatch, index: number): boolean => {
      left -= size
      return index === 0 || left >= 0
    }
    return [...fresh, ...backlog].slice(0, count).filter(fits)
  }

  /** Has gone through: what is older than this is backlog now. */
  delivered(batch: Pick<PendingBatch, 'stream' | 'number'>): void {
    this.postponed.delete(batchKey(batch))
    this.floor.set(batch.stream, Math.max(batch.number, this.floor.get(batch.stream) ?? 0))
  }

  /** Broke off while later ones of its stream went through: as fresh as before. */
  again({ stream, number }: Pick<PendingBatch, 'stream' | 'number'>): void {
    const floor = this.floor.get(stream) ?? 0
    if (number <= floor && floor - number < FRESH_WINDOW) this.floor.set(stream, number - 1)
  }

  /** Refused, and not to be cut up: it must not keep the others, and is tried again after a minute, two, four, and at last each hour. */
  postpone(batch: Pick<PendingBatch, 'stream' | 'number'>, now: number): void {
    const times = this.postponed.get(batchKey(batch))?.times ?? 0
    this.postponed.set(batchKey(batch), {
      until: now + Math.min(LONGEST_POSTPONED, minutes(2 ** times)),
      times: times + 1,
    })
  }

  /** The link is down: when it comes back, only the newest batch of a stream counts as fresh. */
  linkLost(): void {
    this.floor.clear()
  }

  private fresh(): readonly PendingBatch[] {
    const newest = [...this.store.freshest(FRESH_WINDOW)].sort((a, b) => b.number - a.number)
    for (const batch of newest) {
      if (!this.floor.has(batch.stream)) this.floor.set(batch.stream, batch.number - 1)
    }
    return newest.reverse().filter((batch) => batch.number > (this.floor.get(batch.stream) ?? 0))
  }
}
