import {
  bootIdSchema,
  epochMsSchema,
  type GatewayId,
  type MeterId,
  meterIdSchema,
  monoMsSchema,
  readingValueSchema,
  seqSchema,
  streamIdSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import type { BatchToFile, NewestValue, StoredValue } from './series-store.js'
import { insertRows, type SqlTransaction } from './sql.js'
import { Dating } from './sql-undated.js'

/** One quantity's newest good or bad value, with its place: streams in the order the cloud met them, then records. */
const entrySchema = z.object({
  good: z.boolean(),
  ordinal: z.number(),
  stream: streamIdSchema,
  seq: seqSchema,
  at: epochMsSchema,
  value: readingValueSchema,
  undated: z.object({ boot: bootIdSchema, mono: monoMsSchema }).optional(),
})
type Entry = z.infer<typeof entrySchema>

/** A meter's row: by quantity and goodness. */
const bodySchema = z.record(z.string(), entrySchema)
const newestRow = z.object({ meter: meterIdSchema, body: z.string() })

const keyOf = ({ good, value }: Pick<NewestValue, 'good' | 'value'>): string => `${value.quantity} ${good ? 1 : 0}`
const isNewer = (a: Entry, b: Entry): boolean => a.ordinal > b.ordinal || (a.ordinal === b.ordinal && a.seq > b.seq)

/** Brings each meter's row up to date; the gateway's lock is held, so nobody else changes it meanwhile. */
export async function writeNewest(tx: SqlTransaction, batch: BatchToFile, ordinal: number): Promise<void> {
  const { header, contents } = batch
  if (contents.newest.length === 0) return
  const meters = await readBodies(tx, header.gateway)
  const touched = new Set<MeterId>()
  for (const { meter, good, at, seq, value, undated } of contents.newest) {
    const body = meters.get(meter) ?? {}
    meters.set(meter, body)
    const entry = { good, ordinal, stream: header.stream, seq, at, value, undated }
    const held = body[keyOf(entry)]
    if (held && !isNewer(entry, held)) continue
    body[keyOf(entry)] = entry
    touched.add(meter)
  }
  const rows = [...touched].map((meter) => [header.gateway, meter, JSON.stringify(meters.get(meter))])
  const head = 'INSERT INTO newest_values (gateway_id, meter, body)'
  await insertRows(tx, head, rows, 'ON CONFLICT (gateway_id, meter) DO UPDATE SET body = excluded.body')
}

/** All newest values of a gateway: by meter and quantity, the newer of good and bad last. */
export async function readNewest(tx: SqlTransaction, gateway: GatewayId): Promise<StoredValue[]> {
  const meters = [...(await readBodies(tx, gateway))].sort(([a], [b]) => (a < b ? -1 : 1))
  const dating = new Dating(tx, gateway)
  const found: StoredValue[] = []
  for (const [meter, body] of meters) {
    const entries = Object.values(body).sort(
      (a, b) => a.value.quantity.localeCompare(b.value.quantity) || (isNewer(a, b) ? 1 : -1),
    )
    for (const { good, stream, seq, at, value, undated } of entries) {
      const dated = undated ? (await dating.date(undated.boot, undated.mono, at)).at : at
      found.push({ meter, good, stream, seq, at: dated, value })
    }
  }
  return found
}

async function readBodies(tx: SqlTransaction, gateway: GatewayId): Promise<Map<MeterId, Record<string, Entry>>> {
  const rows = await tx.all(newestRow, 'SELECT meter, body FROM newest_values WHERE gateway_id = ?', [gateway])
  return new Map(rows.map(({ meter, body }) => [meter, bodySchema.parse(JSON.parse(body))]))
}
