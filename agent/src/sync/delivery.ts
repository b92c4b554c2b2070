import type { Sha256Hex, StreamId } from '@metergate/protocol'
import type { Acknowledgement, RecordStore, SealedBatch } from '../store/record-store.js'
import { batchKey } from './batch-key.js'
import type { UplinkReceipt } from './uplink.js'

/** What an answer did, and what it claimed that cannot be. */
export interface Settlement {
  readonly freed: readonly Acknowledgement[]
  readonly rejected: number
  /** Acknowledged or rejected without having been sent: frees nothing, is counted, means somebody is confused. */
  readonly strange: number
}

interface Sent {
  readonly sha256: Sha256Hex
  readonly first: number
  readonly last: number
}

/**
 * Remembers what was sent and believes answers only about that: a batch is freed when stream, number and hash are
 * those of bytes that left this process. Late and repeated acknowledgements are as good as prompt ones.
 */
export class Delivery {
  private readonly sent = new Map<string, Sent>()

  constructor(private readonly store: Pick<RecordStore, 'acknowledge' | 'quarantine'>) {}

  /** To be said before the bytes leave. */
  sending({ stream, number, sha256, first, last }: SealedBatch): void {
    this.sent.set(batchKey({ stream, number }), { sha256, first, last })
  }

  settle(receipt: UplinkReceipt): Settlement {
    // Rejections first: they name records of batches that are about to be freed.
    const rejected = receipt.rejected.filter(({ stream, record }) => this.hasSent(stream, record))
    if (rejected.length > 0) this.store.quarantine(rejected)
    const believed = receipt.committed.filter(
      ({ stream, number, sha256 }) => this.sent.get(batchKey({ stream, number }))?.sha256 === sha256,
    )
    const freed = believed.length > 0 ? this.store.acknowledge(believed) : []
    for (const { stream, number } of believed) this.sent.delete(batchKey({ stream, number }))
    return {
      freed,
      rejected: rejected.length,
      strange: receipt.committed.length - believed.length + receipt.rejected.length - rejected.length,
    }
  }

  /** Sent and not settled by any answer so far. */
  isOpen({ stream, number }: SealedBatch): boolean {
    return this.sent.has(batchKey({ stream, number }))
  }

  /** This batch will not be asked about again (voided, or its stream was left). */
  forget(stream: StreamId, number: number): void {
    this.sent.delete(batchKey({ stream, number }))
  }

  private hasSent(stream: StreamId, record: number): boolean {
    for (const [key, { first, last }] of this.sent) {
      if (key.startsWith(`${stream}/`) && record >= first && record <= last) return true
    }
    return false
  }
}
