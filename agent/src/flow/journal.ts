import type { EventRecord, MeterId, Stamp, StreamRecord } from '@metergate/protocol'
import type { RecordStore } from '../store/record-store.js'
import type { Logger } from '../system/logger.js'

export interface JournalParts {
  readonly store: RecordStore
  readonly logger: Logger
  readonly stamp: () => Stamp
}

/** `urgent`: on disk at once, not with the group commit. */
export interface EventOptions {
  readonly urgent?: boolean
  readonly meter?: MeterId
}

/** Writes records into the store, and says in the log when the disk will not have them. */
export class Journal {
  constructor(private readonly parts: JournalParts) {}

  /** True once the event is on disk. */
  event(code: string, facts: EventRecord['facts'], { urgent = false, meter }: EventOptions = {}): Promise<boolean> {
    const stamp = this.parts.stamp()
    return this.keep([{ kind: 'event', stamp, code, ...(meter ? { meter } : {}), facts }], urgent)
  }

  /** True once the records are on disk; until then they wait in memory. */
  async keep(records: readonly StreamRecord[], urgent = false): Promise<boolean> {
    const { store, logger } = this.parts
    const stored = await store.append(records, { urgent })
    if (!stored.ok) logger.error('the store cannot write; records wait in memory', { ...stored.fault, cause: 'store' })
    return stored.ok
  }
}
