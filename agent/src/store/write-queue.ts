import type { Result, Seq, StreamKind, StreamRecord } from '@metergate/protocol'
import { encodeRecord } from '@metergate/protocol'
import { streamKindOf } from './classify.js'
import type { StoreFault } from './record-store.js'

export type AppendOutcome = Result<readonly Seq[], StoreFault>

/** A record that waits for its commit. */
export interface Waiting {
  readonly stream: StreamKind
  readonly record: StreamRecord
  readonly bytes: number
}

/** The records of one append, and whom to tell. */
export interface Entry {
  /** Grows from append to append. */
  readonly order: number
  readonly items: readonly Waiting[]
  readonly mono: number
}

/** What the next commit is to bring: numbers that are used up first, then the records of the oldest entries. */
export interface Load {
  readonly lost: Readonly<Record<StreamKind, number>>
  readonly entries: readonly Entry[]
}

/** What a commit brought of the queue: the numbers it used of each kind, and the last entry in it. */
export interface Brought {
  readonly used: Readonly<Record<StreamKind, number>>
  readonly upTo: number
  readonly seqs: ReadonlyMap<number, readonly Seq[]>
}

interface Held extends Entry {
  readonly items: Waiting[]
  /** Told once: when stored, or when the first try failed (the records stay queued). */
  settle: ((outcome: AppendOutcome) => void) | undefined
}

/** Records in one transaction: a queue that grew while the disk refused goes in pieces that fit its log. */
const MOST_AT_ONCE = 4_000

/**
 * What is not on disk yet, in order. While the disk refuses it holds at most `limitBytes`; beyond that the oldest
 * readings are lost, then the oldest ledger records. Of those only their count is kept: they take their numbers in the next commit, and
 * a gap record names them. Dropped, but never silently.
 */
export class WriteQueue {
  private entries: Held[] = []
  private readonly lost: Record<StreamKind, number> = { detail: 0, ledger: 0 }
  private bytes = 0
  private added = 0

  constructor(private readonly limitBytes: number) {}

  get isEmpty(): boolean {
    return this.entries.length === 0 && this.lost.detail === 0 && this.lost.ledger === 0
  }

  /** The oldest of what waits, as much as goes into one transaction. */
  head(): Load {
    let records = 0
    const end = this.entries.findIndex(({ items }) => {
      records += items.length
      return records >= MOST_AT_ONCE
    })
    return { lost: { ...this.lost }, entries: end < 0 ? this.entries : this.entries.slice(0, end + 1) }
  }

  add(records: readonly StreamRecord[], mono: number, settle: (outcome: AppendOutcome) => void): void {
    const items = records.map((record): Waiting => {
      return { stream: streamKindOf(record), record, bytes: encodeRecord(record).length }
    })
    for (const { bytes } of items) this.bytes += bytes
    this.added += 1
    this.entries.push({ order: this.added, items, mono, settle })
  }

  /**
   * Forgets what has been stored, and tells who waits for it. Also when records of it were given up since the commit was tried: the
   * oldest of a kind go first, so what was lost before is the beginning of what was brought.
   */
  brought({ used, upTo, seqs }: Brought): void {
    const end = this.entries.findIndex(({ order }) => order > upTo)
    const stored = this.entries.splice(0, end < 0 ? this.entries.length : end)
    for (const kind of ['detail', 'ledger'] as const) this.lost[kind] = Math.max(0, this.lost[kind] - used[kind])
    for (const { order, items, settle } of stored) {
      for (const { bytes } of items) this.bytes -= bytes
      settle?.({ ok: true, value: seqs.get(order) ?? [] })
    }
  }

  /** Tells everyone still waiting that the disk refused. */
  refuseAll(outcome: AppendOutcome): void {
    for (const entry of this.entries) {
      entry.settle?.(outcome)
      entry.settle = undefined
    }
  }

  /** Gives up the oldest records until the bound holds; only called while the disk refuses, when all have been told. */
  shrink(): void {
    for (const kind of ['detail', 'ledger'] as const) {
      for (const entry of this.entries) {
        if (this.bytes <= this.limitBytes) break
        this.forget(entry, kind)
      }
    }
    this.entries = this.entries.filter(({ items }) => items.length > 0)
  }

  private forget({ items }: Held, kind: StreamKind): void {
    const kept = items.filter(({ stream }) => stream !== kind)
    for (const { stream, bytes } of items) if (stream === kind) this.bytes -= bytes
    this.lost[kind] += items.length - kept.length
    items.splice(0, items.length, ...kept)
  }
}
