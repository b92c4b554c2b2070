import type { Result, Seq, StreamKind, StreamRecord } from '@metergate/protocol'
import { encodeRecord } from '@metergate/protocol'
import { streamKindOf } from './classify.js'
import type { StoreFault } from './record-store.js'

export type AppendOutcome = Result<readonly Seq[], StoreFault>

/** A record that waits for its commit, or `lost` ones of which only the number will be kept. */
export type Waiting =
  | { readonly kind: 'record'; readonly stream: StreamKind; readonly record: StreamRecord; readonly bytes: number }
  | { readonly kind: 'lost'; readonly stream: StreamKind }

/** The records of one append, and whom to tell. */
export interface Entry {
  readonly items: Waiting[]
  readonly mono: number
  /** Told once: when stored, or when the first try failed (the records stay queued). */
  settle: ((outcome: AppendOutcome) => void) | undefined
}

/**
 * What is not on disk yet, in order. While the disk refuses it holds at most `limitBytes`; beyond that the oldest
 * readings turn into `lost` marks, then the oldest ledger records. A mark takes its number in the next commit, and
 * a gap record names it: dropped, but never silently.
 */
export class WriteQueue {
  private entries: Entry[] = []
  private bytes = 0

  constructor(private readonly limitBytes: number) {}

  get length(): number {
    return this.entries.length
  }

  all(): readonly Entry[] {
    return this.entries
  }

  add(records: readonly StreamRecord[], mono: number, settle: (outcome: AppendOutcome) => void): void {
    const items = records.map((record): Waiting => {
      return { kind: 'record', stream: streamKindOf(record), record, bytes: encodeRecord(record).length }
    })
    for (const item of items) this.bytes += item.kind === 'record' ? item.bytes : 0
    this.entries.push({ items, mono, settle })
  }

  /** Forgets what has been stored: the first `count` entries. */
  taken(count: number): readonly Entry[] {
    const stored = this.entries.slice(0, count)
    this.entries = this.entries.slice(count)
    for (const item of stored.flatMap((each) => each.items)) this.bytes -= item.kind === 'record' ? item.bytes : 0
    return stored
  }

  /** Tells everyone still waiting that the disk refused. */
  refuseAll(outcome: AppendOutcome): void {
    for (const entry of this.entries) {
      entry.settle?.(outcome)
      entry.settle = undefined
    }
  }

  /** Turns the oldest records into marks until the bound holds; only called while the disk refuses. */
  shrink(): void {
    for (const stream of ['detail', 'ledger'] as const) {
      for (const entry of this.entries) {
        if (this.bytes <= this.limitBytes) return
        this.forget(entry, stream)
      }
    }
  }

  private forget(entry: Entry, stream: StreamKind): void {
    for (const [index, item] of entry.items.entries()) {
      if (item.kind === 'lost' || item.stream !== stream) continue
      entry.items[index] = { kind: 'lost', stream }
      this.bytes -= item.bytes
    }
  }
}
