import { epochMsSchema, type GatewayId, type MeterId, type QuantityName } from '@metergate/protocol'
import { z } from 'zod'
import { mergeRollups } from './rollup.js'
import type { BatchToFile, Range, Rollup, Slot, SlotRow } from './series-store.js'
import { insertRows, type SqlTransaction } from './sql.js'

/** A rollup as stored: count, min, max, sum, last, instant of the last, suspect, absent. */
const packedSchema = z
  .tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.number(), z.number(), z.number()])
  .transform(
    ([count, min, max, sum, last, lastAt, suspect, absent]): Rollup => ({
      count,
      min,
      max,
      sum,
      last,
      lastAt,
      suspect,
      absent,
    }),
  )

/** Twelve digits are more than any curve shows; the noise of adding floats up would only cost space. */
const pack = ({ count, min, max, sum, last, lastAt, suspect, absent }: Rollup): number[] => [
  count,
  min,
  max,
  Number(sum.toPrecision(12)),
  last,
  lastAt,
  suspect,
  absent,
]

const bodySchema = z.record(z.string(), z.unknown())
const slotRow = z.object({ start: epochMsSchema, body: z.string() })

const unpackAll = (text: string): Record<string, unknown> => bodySchema.parse(JSON.parse(text))

/** Adds a new batch to the slots it touches; the gateway's lock is held, so nobody else changes them meanwhile. */
export async function writeSlots(tx: SqlTransaction, { header, contents }: BatchToFile): Promise<void> {
  if (contents.slots.length === 0) return
  const held = await heldSlots(tx, header.gateway, contents.slots)
  const rows = contents.slots.map(({ meter, start, rollups }) => {
    const before = held.get(`${meter} ${start}`)
    const body: Record<string, unknown> = before === undefined ? {} : unpackAll(before)
    for (const [quantity, rollup] of rollups) {
      const known = packedSchema.safeParse(body[quantity])
      body[quantity] = pack(known.success ? mergeRollups(known.data, rollup) : rollup)
    }
    return [header.gateway, meter, start, JSON.stringify(body)]
  })
  const head = 'INSERT INTO slots (gateway_id, meter, start_ms, body)'
  await insertRows(tx, head, rows, 'ON CONFLICT (gateway_id, meter, start_ms) DO UPDATE SET body = excluded.body')
}

/** The stored bodies between the first and last slot of a batch, by meter and start. */
async function heldSlots(tx: SqlTransaction, gateway: GatewayId, slots: readonly Slot[]): Promise<Map<string, string>> {
  const held = new Map<string, string>()
  for (const meter of new Set(slots.map((slot) => slot.meter))) {
    const starts = slots.filter((slot) => slot.meter === meter).map(({ start }) => start)
    const range = [Math.min(...starts), Math.max(...starts)]
    const text = `SELECT start_ms AS start, body FROM slots
                  WHERE gateway_id = ? AND meter = ? AND start_ms >= ? AND start_ms <= ?`
    for (const { start, body } of await tx.all(slotRow, text, [gateway, meter, ...range]))
      held.set(`${meter} ${start}`, body)
  }
  return held
}

/** The slots of one quantity. */
export async function readSlots(
  tx: SqlTransaction,
  gateway: GatewayId,
  meter: MeterId,
  quantity: QuantityName,
  { from, to }: Range,
): Promise<SlotRow[]> {
  const text = `SELECT start_ms AS start, body FROM slots
                WHERE gateway_id = ? AND meter = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms`
  const rows = await tx.all(slotRow, text, [gateway, meter, from, to])
  return rows.flatMap(({ start, body }) => {
    const rollup = packedSchema.safeParse(unpackAll(body)[quantity])
    return rollup.success ? [{ start, rollup: rollup.data }] : []
  })
}
