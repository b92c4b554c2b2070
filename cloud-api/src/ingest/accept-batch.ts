import {
  type BatchHeader,
  type DecodedBatch,
  decodeBatch,
  type EpochMs,
  fail,
  type GatewayId,
  type OriginRun,
  ok,
  type Result,
  sha256Hex,
} from '@metergate/protocol'
import type { BatchEncoding, BatchToCommit } from '../store/series-store.js'
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
 * Decides what to store of a batch: bytes first, understanding second. Records that can't be interpreted are listed in
 * `contents.rejected` and stop nothing; `copies` are numbers whose record is here already under its origin, so that
 * only their bytes are kept. Pure; whether the batch's number is free is the store's to say.
 */
export function acceptBatch(
  received: ReceivedBatch,
  batch: DecodedBatch,
  copies: ReadonlySet<number> = new Set(),
): BatchToCommit {
  const { encoding, body, decoded, receivedAt } = received
  const fresh = batch.records.filter(({ seq }) => !copies.has(seq))
  return {
    header: batch.header,
    sha256: sha256Hex(decoded),
    encoding,
    body,
    decodedSize: decoded.length,
    receivedAt,
    copies: copies.size,
    contents: understand({ ...batch, records: fresh }),
  }
}

/**
 * Where records of this batch may be already: under their origin, or under their own numbers in another batch, when a refusal
 * on the way made the gateway cut up a batch that had arrived. For {@link acceptBatch}'s `copies`.
 */
export function mayBeHeld({ first, last, stream, origin = [], void: voided }: BatchHeader): readonly OriginRun[] {
  return voided ? [] : [...origin, { first, count: last - first + 1, stream, was: first }]
}
