import {
  type BatchNumber,
  batchNumberSchema,
  type EpochMs,
  type EventRow,
  epochMsSchema,
  type GatewayId,
  heartbeatRequestSchema,
  type IntervalRow,
  intervalRowSchema,
  type MeterId,
  meterIdSchema,
  type ProductionRow,
  productionRowSchema,
  type QuantityName,
  type RejectedRecord,
  type StreamId,
  streamIdSchema,
  streamKindSchema,
  type UnitEnergyRow,
  unitEnergyRowSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import type {
  EnergySum,
  Range,
  Reader,
  SlotRow,
  SpanRow,
  StoredBatch,
  StoredHeartbeat,
  StoredValue,
  StreamRow,
  UndatedRows,
} from './series-store.js'
import { json, one, type SqlEngine } from './sql.js'
import { readBytes } from './sql-bytes.js'
import { readEnergy } from './sql-energy.js'
import { readEvents } from './sql-event-rows.js'
import { readNewest } from './sql-newest.js'
import { readAllRejections } from './sql-rejections.js'
import { readSlots } from './sql-slots.js'
import { readUndated } from './sql-undated.js'

const bodyOf = <T>(schema: z.ZodType<T>) => z.object({ body: json(schema) }).transform(({ body }) => body)

const heartbeatRow = z.object({ at: epochMsSchema, body: json(heartbeatRequestSchema) })
const atRow = z.object({ at: epochMsSchema.nullable() })
const spanRow = z.object({
  stream: streamIdSchema,
  number: batchNumberSchema,
  from: epochMsSchema,
  to: epochMsSchema,
})
const count = z.coerce.number()
const streamRow = z
  .object({
    stream: streamIdSchema,
    kind: streamKindSchema,
    contiguous: count,
    duplicates: count,
    batches: count,
    void_batches: count,
    records: count,
    copies: count,
    first_record: count,
    last_record: count,
    last_batch: count,
    chain_verified: count,
    chain_broken: count,
    gap_records: count,
    conflicts: count,
    rejected: count,
  })
  .transform(
    (row): StreamRow => ({
      stream: row.stream,
      kind: row.kind,
      contiguous: row.contiguous,
      duplicates: row.duplicates,
      batches: row.batches,
      voidBatches: row.void_batches,
      records: row.records,
      copies: row.copies,
      firstRecord: row.first_record,
      lastRecord: row.last_record,
      lastBatch: row.last_batch,
      chainVerified: row.chain_verified,
      chainBroken: row.chain_broken,
      gapRecords: row.gap_records,
      conflicts: row.conflicts,
      rejected: row.rejected,
    }),
  )
/**
 * How many numbers gap records name, each once. Added up one by one, a few that name everything would be more than an integer holds;
 * together they name 2^53-1 at most.
 */
const gapRecords = (ofStream: string): string =>
  `SELECT COALESCE(SUM(CASE WHEN reach IS NULL OR reach < first_record THEN last_record - first_record + 1
                            WHEN reach < last_record THEN last_record - reach ELSE 0 END), 0)
   FROM (SELECT g.first_record, g.last_record, MAX(g.last_record) OVER (ORDER BY g.first_record, g.last_record
           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach FROM gaps g WHERE ${ofStream}) AS named`
const countRow = z.object({ meter: meterIdSchema, readings: count, intervals: count })

/** Reads back what was committed; every question names one gateway. */
export class SqlReader implements Reader {
  constructor(private readonly engine: SqlEngine) {}

  heartbeat(gateway: GatewayId): Promise<StoredHeartbeat | undefined> {
    const text = 'SELECT at_ms AS at, body FROM heartbeats WHERE gateway_id = ?'
    return this.engine.read((tx) => one(tx, heartbeatRow, text, [gateway]))
  }

  async lastBatchAt(gateway: GatewayId): Promise<EpochMs | undefined> {
    const text = 'SELECT MAX(received_at) AS at FROM ledger WHERE gateway_id = ?'
    return (await this.engine.read((tx) => one(tx, atRow, text, [gateway])))?.at ?? undefined
  }

  newestValues(gateway: GatewayId): Promise<readonly StoredValue[]> {
    return this.engine.read((tx) => readNewest(tx, gateway))
  }

  spans(gateway: GatewayId, meter: MeterId, { from, to }: Range): Promise<readonly SpanRow[]> {
    const text = `SELECT stream, number, from_ms AS "from", to_ms AS "to" FROM spans
                  WHERE gateway_id = ? AND meter = ? AND from_ms < ? AND to_ms >= ? ORDER BY from_ms, stream, number`
    return this.engine.read((tx) => tx.all(spanRow, text, [gateway, meter, to, from]))
  }

  undated(gateway: GatewayId, meter: MeterId, range: Range): Promise<UndatedRows> {
    return this.engine.read((tx) => readUndated(tx, gateway, meter, range))
  }

  slots(gateway: GatewayId, meter: MeterId, quantity: QuantityName, range: Range): Promise<readonly SlotRow[]> {
    return this.engine.read((tx) => readSlots(tx, gateway, meter, quantity, range))
  }

  batch(gateway: GatewayId, stream: StreamId, number: BatchNumber): Promise<StoredBatch | undefined> {
    return this.engine.read((tx) => readBytes(tx, gateway, stream, number))
  }

  intervals(gateway: GatewayId, meter: MeterId, { from, to }: Range): Promise<readonly IntervalRow[]> {
    const text = `SELECT body FROM intervals WHERE gateway_id = ? AND meter = ? AND start_ms >= ? AND start_ms < ?
                  ORDER BY start_ms`
    return this.engine.read((tx) => tx.all(bodyOf(intervalRowSchema), text, [gateway, meter, from, to]))
  }

  energy(gateway: GatewayId, meter: MeterId, quantity: QuantityName, range: Range): Promise<readonly EnergySum[]> {
    return this.engine.read((tx) => readEnergy(tx, this.engine.kind, gateway, meter, quantity, range))
  }

  unitEnergy(gateway: GatewayId, { from, to }: Range, period?: string): Promise<readonly UnitEnergyRow[]> {
    const text = `SELECT body FROM unit_energy WHERE gateway_id = ? AND start_ms >= ? AND start_ms < ?
                  AND period = COALESCE(?, period) ORDER BY start_ms, product, period`
    return this.engine.read((tx) => tx.all(bodyOf(unitEnergyRowSchema), text, [gateway, from, to, period ?? null]))
  }

  production(gateway: GatewayId, { from, to }: Range): Promise<readonly ProductionRow[]> {
    const text = `SELECT body FROM production WHERE gateway_id = ? AND start_ms >= ? AND start_ms < ?
                  ORDER BY start_ms, entry`
    return this.engine.read((tx) => tx.all(bodyOf(productionRowSchema), text, [gateway, from, to]))
  }

  events(gateway: GatewayId, range: Range, limit: number): Promise<readonly EventRow[]> {
    return this.engine.read((tx) => readEvents(tx, gateway, range, limit))
  }

  streams(gateway: GatewayId): Promise<readonly StreamRow[]> {
    const same = (table: string): string => `${table}.gateway_id = s.gateway_id AND ${table}.stream = s.stream`
    const text = `SELECT s.stream, s.kind, s.contiguous, s.duplicates,
        COUNT(l.number) AS batches, COALESCE(SUM(l.records), 0) AS records,
        COALESCE(SUM(l.copies), 0) AS copies,
        COALESCE(SUM(CASE WHEN l.voided IS NULL THEN 0 ELSE 1 END), 0) AS void_batches,
        COALESCE(MIN(CASE WHEN l.voided IS NULL THEN l.first_record END), 0) AS first_record,
        COALESCE(MAX(CASE WHEN l.voided IS NULL THEN l.last_record END), 0) AS last_record,
        COALESCE(MAX(l.number), 0) AS last_batch,
        COALESCE(SUM(CASE WHEN l.chain = 'intact' THEN 1 ELSE 0 END), 0) AS chain_verified,
        COALESCE(SUM(CASE WHEN l.chain = 'broken' THEN 1 ELSE 0 END), 0) AS chain_broken,
        (${gapRecords(same('g'))}) AS gap_records,
        (SELECT COUNT(*) FROM conflicts c WHERE ${same('c')}) AS conflicts,
        (SELECT COUNT(*) FROM rejections r WHERE ${same('r')}) AS rejected
      FROM streams s LEFT JOIN ledger l ON ${same('l')}
      WHERE s.gateway_id = ?
      GROUP BY s.gateway_id, s.stream, s.kind, s.contiguous, s.duplicates, s.ordinal ORDER BY s.ordinal`
    return this.engine.read((tx) => tx.all(streamRow, text, [gateway]))
  }

  counts(gateway: GatewayId): Promise<readonly z.infer<typeof countRow>[]> {
    const text = `SELECT meter, SUM(readings) AS readings, SUM(intervals) AS intervals FROM (
        SELECT meter, SUM(readings) AS readings, 0 AS intervals FROM spans WHERE gateway_id = ? GROUP BY meter
        UNION ALL
        SELECT meter, SUM(readings) AS readings, 0 AS intervals FROM undated_spans WHERE gateway_id = ? GROUP BY meter
        UNION ALL
        SELECT meter, 0 AS readings, COUNT(*) AS intervals FROM intervals WHERE gateway_id = ? GROUP BY meter
      ) AS both_kinds GROUP BY meter ORDER BY meter`
    return this.engine.read((tx) => tx.all(countRow, text, [gateway, gateway, gateway]))
  }

  rejected(gateway: GatewayId, limit: number): Promise<readonly RejectedRecord[]> {
    return this.engine.read((tx) => readAllRejections(tx, gateway, limit))
  }
}
