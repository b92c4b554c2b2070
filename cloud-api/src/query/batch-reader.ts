import { type DecodedBatch, type GatewayId, invariant } from '@metergate/protocol'
import { openStored } from '../ingest/accept-batch.js'
import type { Reader, SpanRow } from '../store/series-store.js'

/** Records kept decoded; some tens of megabytes. */
const KEEP_RECORDS = 30_000

/**
 * Reads stored batches back. They never change, so the last decoded ones are kept; a stored batch that can no
 * longer be read, or whose hash no longer agrees, is damage and stops the question.
 */
export class BatchReader {
  private readonly kept = new Map<string, DecodedBatch>()
  private records = 0

  constructor(
    private readonly reader: Reader,
    private readonly keepRecords = KEEP_RECORDS,
  ) {}

  async read(gateway: GatewayId, { stream, number }: Pick<SpanRow, 'stream' | 'number'>): Promise<DecodedBatch> {
    const key = `${gateway} ${stream} ${number}`
    const kept = this.kept.get(key)
    if (kept) {
      // Taken out and put back: a Map remembers the order of insertion, so the first is the longest unused.
      this.kept.delete(key)
      this.kept.set(key, kept)
      return kept
    }
    const batch = await this.load(gateway, { stream, number })
    this.keep(key, batch)
    return batch
  }

  private keep(key: string, batch: DecodedBatch): void {
    if (this.kept.has(key)) return
    this.kept.set(key, batch)
    this.records += batch.records.length
    for (const [oldest, { records }] of this.kept) {
      if (this.records <= this.keepRecords) return
      this.kept.delete(oldest)
      this.records -= records.length
    }
  }

  private async load(
    gateway: GatewayId,
    { stream, number }: Pick<SpanRow, 'stream' | 'number'>,
  ): Promise<DecodedBatch> {
    const where = `batch ${number} of stream ${stream} of ${gateway}`
    const stored = await this.reader.batch(gateway, stream, number)
    invariant(stored, `${where} is in the ledger, but its bytes are gone`)
    const read = await openStored(stored)
    invariant(read.ok, `${where} ${read.ok ? '' : read.fault}`)
    return read.value
  }
}
