import { type BatchHeader, batchHeaderSchema, decodeBatch, parseJsonBytes } from '@metergate/protocol'
import { indexOf } from './sealing.js'
import type { BatchIndex, BatchRow } from './tables.js'

/** Does the row say what its bytes say, and can every record in them be read? */
export function rowAgrees(row: BatchRow, body: Uint8Array, bytes: Uint8Array): boolean {
  const decoded = decodeBatch(bytes)
  if (!decoded.ok || decoded.value.uninterpreted.length > 0) return false
  const { header, records } = decoded.value
  // A void batch keeps the index of the one it stands for.
  const isIndexed = header.void !== undefined || indexAgrees(row, indexOf(records))
  return sizesAgree(row, body, bytes) && isSame(header, row) && isIndexed
}

/** The same of what numbers and chain hang on, without reading the records: a tenth of the work. */
export function headerAgrees(row: BatchRow, body: Uint8Array, bytes: Uint8Array): boolean {
  const header = batchHeaderSchema.safeParse(parseJsonBytes(bytes))
  return header.success && sizesAgree(row, body, bytes) && isSame(header.data, row)
}

const sizesAgree = (row: BatchRow, body: Uint8Array, bytes: Uint8Array): boolean =>
  row.size === body.length && row.decoded_size === bytes.length

export const isSame = (header: BatchHeader, row: BatchRow): boolean =>
  header.stream === row.stream_id &&
  header.number === row.number &&
  header.first === row.first &&
  header.last === row.last &&
  header.previous === row.previous &&
  (header.void !== undefined) === row.void

const indexAgrees = (row: BatchRow, index: BatchIndex): boolean =>
  row.kinds === index.kinds &&
  row.time_min === index.timeMin &&
  row.time_max === index.timeMax &&
  row.oldest_wall === index.oldestWall &&
  row.meters === index.meters.join(' ')
