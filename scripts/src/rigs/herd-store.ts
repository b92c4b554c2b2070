import type { Acknowledgement, PendingBatch, RecordStore, SealedBatch } from '@metergate/agent'
import { fail, type StreamId } from '@metergate/protocol'

const NOT_HERE = 'a herd only sends'

/** The sealed batches of one gateway of a herd, in memory: what the sync loop asks of a store, and nothing else. */
export class HerdStore implements RecordStore {
  private readonly waiting: Map<number, SealedBatch>
  /** Numbers in the order in which the cloud acknowledged them. */
  readonly freed: number[] = []
  private readonly states = new Map<string, string>()

  constructor(batches: readonly SealedBatch[]) {
    this.waiting = new Map(batches.map((batch) => [batch.number, batch]))
  }

  get backlog(): number {
    return this.waiting.size
  }

  pending(limit: number): readonly PendingBatch[] {
    return this.first([...this.waiting.values()], limit)
  }

  freshest(limit: number): readonly PendingBatch[] {
    return this.first([...this.waiting.values()].reverse(), limit)
  }

  load(_stream: StreamId, number: number): SealedBatch | undefined {
    return this.waiting.get(number)
  }

  acknowledge(list: readonly Acknowledgement[]): readonly Acknowledgement[] {
    return list.filter(({ number, sha256 }) => {
      if (this.waiting.get(number)?.sha256 !== sha256) return false
      this.waiting.delete(number)
      this.freed.push(number)
      return true
    })
  }

  getState(key: string): string | undefined {
    return this.states.get(key)
  }

  putState(key: string, value: string): void {
    this.states.set(key, value)
  }

  seal(): undefined {
    return undefined
  }

  async append() {
    return fail({ kind: 'closed' as const, why: NOT_HERE })
  }

  async flush() {
    return fail({ kind: 'closed' as const, why: NOT_HERE })
  }

  isLeaving(): boolean {
    return false
  }

  records(): readonly [] {
    return []
  }

  health() {
    return { streams: [], sizeBytes: 0, capBytes: 0, quarantined: 0, evictedRecords: 0, degraded: undefined }
  }

  quarantine(): void {
    throw new Error(NOT_HERE)
  }

  refuse(): boolean {
    throw new Error(NOT_HERE)
  }

  restartStream(): boolean {
    throw new Error(NOT_HERE)
  }

  async close(): Promise<void> {}

  private first(batches: readonly SealedBatch[], limit: number): readonly PendingBatch[] {
    return batches.slice(0, limit).map(({ streamKind, stream, number, sha256, body }) => ({
      streamKind,
      stream,
      number,
      sha256,
      size: body.length,
    }))
  }
}
