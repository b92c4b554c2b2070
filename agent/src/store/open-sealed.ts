import { decodeBatch, invariant, originOf } from '@metergate/protocol'
import { decompress } from './compression.js'
import type { SealedBatch, StoredRecord } from './record-store.js'

/** Two halves, or nothing when there is only one record to cut. */
export function halves<T>(rows: readonly T[]): readonly (readonly T[])[] {
  if (rows.length < 2) return []
  const middle = Math.ceil(rows.length / 2)
  return [rows.slice(0, middle), rows.slice(middle)]
}

/** Reads a sealed batch back; throws when its bytes are not those that were sealed. */
export function openSealed(batch: SealedBatch) {
  const bytes = decompress(batch.body, batch.encoding)
  invariant(bytes.ok, `batch ${batch.number} of ${batch.stream} cannot be read`)
  const decoded = decodeBatch(bytes.value)
  invariant(decoded.ok, `batch ${batch.number} of ${batch.stream} is no batch`)
  return decoded.value
}

/** Records of a decoded batch as they can be sealed again, origins kept. */
export function unsealedOf(batch: SealedBatch): readonly StoredRecord[] {
  const { header, records } = openSealed(batch)
  return records.map(({ seq, record }) => ({ seq, record, origin: originOf(header, seq) }))
}
