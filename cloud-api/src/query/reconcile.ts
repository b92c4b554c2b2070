import {
  type Amount,
  add,
  epochMs,
  type GatewayId,
  type IntervalRow,
  type QuantityName,
  quantity,
  type ReconcileAnswer,
  type ReconcileRegister,
  type ReconcileStream,
} from '@metergate/protocol'
import type { Range, Reader, StoredValue, StreamRow } from '../store/series-store.js'

const ALWAYS: Range = { from: epochMs(-8.64e15), to: epochMs(8.64e15) }
const MOST_REJECTED = 1000

/** The cloud's column of the table truth = device = cloud: what is here, counted and summed exactly. */
export async function reconcile(reader: Reader, gateway: GatewayId): Promise<Omit<ReconcileAnswer, 'server_time'>> {
  const newest = (await reader.newestValues(gateway)).filter(({ good }) => good)
  const meters = []
  for (const { meter, readings, intervals } of await reader.counts(gateway)) {
    const rows = await reader.intervals(gateway, meter, ALWAYS)
    const registers = newest.filter((each) => each.meter === meter).flatMap((each) => register(each, rows))
    meters.push({ meter, readings, intervals, registers })
  }
  return {
    gateway,
    streams: (await reader.streams(gateway)).map(streamOf),
    meters,
    rejected: [...(await reader.rejected(gateway, MOST_REJECTED))],
  }
}

/** Counters only: a gauge has no total. */
function register({ value, at, stream, seq }: StoredValue, rows: readonly IntervalRow[]): ReconcileRegister[] {
  if (!('value' in value) || quantity(value.quantity).nature !== 'counter') return []
  const sum = sumOf(rows, value.quantity)
  return [{ quantity: value.quantity, value: value.value, at, stream, record: seq, ...sum }]
}

function sumOf(rows: readonly IntervalRow[], name: QuantityName) {
  let intervals = 0
  let sum: Amount | null = null
  let first: Amount | null = null
  let last: Amount | null = null
  for (const { deltas } of rows) {
    const delta = deltas.find((each) => each.quantity === name)
    if (!delta?.delta) continue
    intervals += 1
    sum = sum ? add(sum, delta.delta) : delta.delta
    first ??= delta.from
    last = delta.to ?? last
  }
  return { intervals, intervals_sum: sum, intervals_from: first, intervals_to: last }
}

const streamOf = (row: StreamRow): ReconcileStream => ({
  stream: row.stream,
  kind: row.kind,
  batches: row.batches,
  records: row.records,
  copied_records: row.copies,
  first_record: row.firstRecord,
  last_record: row.lastRecord,
  last_batch: row.lastBatch,
  contiguous: row.contiguous,
  void_batches: row.voidBatches,
  gap_records: row.gapRecords,
  duplicates_refused: row.duplicates,
  conflicts: row.conflicts,
  rejected_records: row.rejected,
  chain_verified: row.chainVerified,
  chain_broken: row.chainBroken,
})
