import type { EpochMs, MeterId, StreamKind, StreamRecord } from '@metergate/protocol'
import { unreachable } from '@metergate/protocol'
import type { RecordQuery } from './record-store.js'

/** Readings are detail; everything that must outlive them is ledger. */
export function streamKindOf(record: StreamRecord): StreamKind {
  return record.kind === 'reading' ? 'detail' : 'ledger'
}

/** The time a record is about, as recorded: the interval's start, the reading's wall clock. */
export function timeOf(record: StreamRecord): EpochMs {
  switch (record.kind) {
    case 'interval':
    case 'production':
    case 'unit_energy':
      return record.start
    case 'reading':
    case 'event':
    case 'anchor':
    case 'gap':
      return record.stamp.wall
    default:
      return unreachable(record)
  }
}

/** The meters a record is about; empty for those that concern the whole gateway. */
export function metersOf(record: StreamRecord): readonly MeterId[] {
  switch (record.kind) {
    case 'reading':
    case 'interval':
      return [record.meter]
    case 'unit_energy':
      return record.meters
    case 'event':
      return record.meter === undefined ? [] : [record.meter]
    case 'production':
    case 'anchor':
    case 'gap':
      return []
    default:
      return unreachable(record)
  }
}

/** Does a record answer the query, numbers aside? `from` is inclusive, `to` exclusive. */
export function matches(record: StreamRecord, query: Omit<RecordQuery, 'after'>): boolean {
  if (query.kinds && !query.kinds.includes(record.kind)) return false
  if (query.meter !== undefined && !metersOf(record).includes(query.meter)) return false
  const time = timeOf(record)
  if (query.from !== undefined && time < query.from) return false
  return query.to === undefined || time < query.to
}

/** Bit of each kind in a batch's index row. Never renumber: the bits are on disk. */
const KIND_BITS: Readonly<Record<StreamRecord['kind'], number>> = {
  reading: 1,
  interval: 2,
  production: 4,
  unit_energy: 8,
  event: 16,
  anchor: 32,
  gap: 64,
}

/** The kinds as one number, so that a query skips batches without decoding them. */
export function kindBits(kinds: Iterable<StreamRecord['kind']>): number {
  let bits = 0
  for (const kind of kinds) bits |= KIND_BITS[kind]
  return bits
}
