import { epochMsSchema, type GatewayId, type MeterId, meterIdSchema, type QuantityName } from '@metergate/protocol'
import { z } from 'zod'
import { mergeRollups } from './rollup.js'
import type { BatchToFile, Range, Rollup, Slot, SlotRow } from './series-store.js'
import { insertRows, placesFor, ROWS_AT_ONCE, type SqlTransaction } from './sql.js'

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
const heldRow = slotRow.extend({ meter: meterIdSchema })

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

/**
 * The stored bodies between the first and last slot of each meter, by meter and start. Meters of one batch mostly cover the same
 * stretch and are asked together; one whose clock was elsewhere does not drag the others through the years between.
 */
async function heldSlots(tx: SqlTransaction, gateway: GatewayId, slots: readonly Slot[]): Promise<Map<string, string>> {
  const held = new Map<string, string>()
  for (const { from, to, meters } of stretches(slots)) {
    const text = `SELECT meter, start_ms AS start, body FROM slots
                  WHERE gateway_id = ? AND meter IN (${placesFor(meters)}) AND start_ms >= ? AND start_ms <= ?`
    for (const { meter, start, body } of await tx.all(heldRow, text, [gateway, ...meters, from, to]))
      held.set(`${meter} ${start}`, body)
  }
  return held
}

interface Stretch {
  readonly from: number
  readonly to: number
  readonly meters: MeterId[]
}

/** Meters with the same first and last slot, at most {@link ROWS_AT_ONCE} in one. */
function stretches(slots: readonly Slot[]): Stretch[] {
  const ofMeter = new Map<MeterId, { from: number; to: number }>()
  for (const { meter, start } of slots) {
    const known = ofMeter.get(meter) ?? { from: start, to: start }
    ofMeter.set(meter, { from: Math.min(known.from, start), to: Math.max(known.to, start) })
  }
  const open = new Map<string, Stretch>()
  const all: Stretch[] = []
  for (const [meter, { from, to }] of ofMeter) {
    const known = open.get(`${from} ${to}`)
    const stretch = known && known.meters.length < ROWS_AT_ONCE ? known : { from, to, meters: [] }
    if (stretch !== known) all.push(stretch)
    stretch.meters.push(meter)
    open.set(`${from} ${to}`, stretch)
  }
  return all
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
