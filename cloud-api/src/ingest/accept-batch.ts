import {
  type DecodedBatch,
  decodeBatch,
  type EpochMs,
  fail,
  type GatewayId,
  ok,
  type Result,
  sha256Hex,
  WIRE_LIMITS,
} from '@metergate/protocol'
import type { BatchEncoding, BatchToCommit, StoredBatch } from '../store/series-store.js'
import { type Inflate, inflate } from './inflate.js'
import { understand } from './understand.js'

/** A body as received and as decompressed. */
export interface ReceivedBatch {
  readonly gateway: GatewayId
  readonly encoding: BatchEncoding
  readonly body: Uint8Array
  readonly decoded: Uint8Array
  readonly receivedAt: EpochMs
}

/** Why bytes can't be filed at all. A batch whose header is read is never refused for what is in it. */
export type AcceptFault =
  | { readonly kind: 'too_large'; readonly why: string }
  | { readonly kind: 'unreadable'; readonly why: string }
  | { readonly kind: 'wrong_gateway'; readonly why: string }

/** Reads the bytes of a batch; pure. */
export function readBatch({ gateway, decoded }: ReceivedBatch): Result<DecodedBatch, AcceptFault> {
  const batch = decodeBatch(decoded)
  if (!batch.ok) {
    const kind = batch.fault.kind === 'too_large' ? 'too_large' : 'unreadable'
    return fail({ kind, why: `${batch.fault.kind}: ${batch.fault.why}` })
  }
  const { header } = batch.value
  if (header.gateway === gateway) return ok(batch.value)
  return fail({ kind: 'wrong_gateway', why: `the batch is of ${header.gateway}, the signature of ${gateway}` })
}

/**
 * Decides what to store of a batch: bytes first, understanding second. Records that can't be interpreted are listed
 * among the contents as rejected and stop nothing. Pure; whether the batch's number is free, and which of its records are
 * here already, is the store's to say. `unpack` reads what the store holds already.
 */
export function acceptBatch(received: ReceivedBatch, batch: DecodedBatch, unpack: Inflate = inflate): BatchToCommit {
  const { encoding, body, decoded, receivedAt } = received
  return {
    header: batch.header,
    sha256: sha256Hex(decoded),
    encoding,
    body,
    decodedSize: decoded.length,
    receivedAt,
    records: batch.records,
    readHeld: async (stored) => {
      const read = await openStored(stored, unpack)
      return read.ok ? read.value : undefined
    },
    contentsWithout: (copies) => understand({ ...batch, records: batch.records.filter(({ seq }) => !copies.has(seq)) }),
  }
}

/** Reads a stored batch back, if it still has the hash it was acknowledged with; the fault is a sentence about it. */
export async function openStored(
  { body, encoding, sha256 }: StoredBatch,
  unpack: Inflate = inflate,
): Promise<Result<DecodedBatch, string>> {
  const bytes = await unpack(body, encoding, WIRE_LIMITS.decodedBytes)
  if (!bytes.ok) return fail('cannot be decompressed any more')
  if (sha256Hex(bytes.value) !== sha256) return fail('is damaged: its hash is not the one acknowledged')
  const decoded = decodeBatch(bytes.value)
  return decoded.ok ? ok(decoded.value) : fail('cannot be read any more')
}
