import {
  bootIdSchema,
  type EpochMs,
  epochMsSchema,
  type GatewayId,
  type MeterId,
  meterIdSchema,
  monoMsSchema,
  originOf,
  readingValueSchema,
  seqSchema,
  streamIdSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import type { BatchToFile, NewestValue, StoredValue } from './series-store.js'
import { insertRows, type SqlTransaction } from './sql.js'
import { Dating } from './sql-undated.js'

const takenSchema = z.object({ boot: bootIdSchema, mono: monoMsSchema })

/** One quantity's newest good or bad value, with its place; those kept by older programs have no `taken`. */
const entrySchema = z.object({
  good: z.boolean(),
  /** Of the stream, in the order the cloud met them. */
  ordinal: z.number(),
  stream: streamIdSchema,
  seq: seqSchema,
  at: epochMsSchema,
  value: readingValueSchema,
  taken: takenSchema.optional(),
  undated: takenSchema.optional(),
  /** Copied from another stream, so that its number says nothing of when it was made. */
  copied: z.literal(true).optional(),
  /** Dated later than it came: that clock was wrong, whatever it said of itself. */
  ahead: z.literal(true).optional(),
})
type Entry = z.infer<typeof entrySchema>

/** A meter's row: by quantity and goodness. */
const bodySchema = z.record(z.string(), entrySchema)
const newestRow = z.object({ meter: meterIdSchema, body: z.string() })

/** A synchronised clock is off by less. */
const AHEAD_MS = 3_600_000

const keyOf = ({ good, value }: Pick<NewestValue, 'good' | 'value'>): string => `${value.quantity} ${good ? 1 : 0}`

/**
 * Which of two values was taken later. What cannot be wrong comes first: the number within a stream, then the boot's own clock. Between
 * two boots only a time tells, if the clock was synchronised or an anchor dates both; and where none does, the stream
 * met later, which is a guess: fresh batches come before the backlog.
 */
async function isNewer(a: Entry, b: Entry, dating: Dating): Promise<boolean> {
  if (a.stream === b.stream && !a.copied && !b.copied) return a.seq > b.seq
  const [mine, theirs] = [a.taken ?? a.undated, b.taken ?? b.undated]
  if (mine && theirs && mine.boot === theirs.boot && mine.mono !== theirs.mono) return mine.mono > theirs.mono
  const [at, other] = [await timeOf(a, dating), await timeOf(b, dating)]
  if (at !== undefined && other !== undefined && at !== other) return at > other
  return a.ordinal === b.ordinal ? a.seq > b.seq : a.ordinal > b.ordinal
}

/** When it was taken, if that is known. */
async function timeOf({ at, ahead, undated }: Entry, dating: Dating): Promise<EpochMs | undefined> {
  if (!undated) return ahead ? undefined : at
  const dated = await dating.date(undated.boot, undated.mono, at)
  return dated.quality === 'D' ? dated.at : undefined
}

/** Brings each meter's row up to date; the gateway's lock is held, so nobody else changes it meanwhile. */
export async function writeNewest(tx: SqlTransaction, batch: BatchToFile, ordinal: number): Promise<void> {
  const { header, contents } = batch
  if (contents.newest.length === 0) return
  const meters = await readBodies(tx, header.gateway)
  const dating = new Dating(tx, header.gateway)
  const touched = new Set<MeterId>()
  for (const newest of contents.newest) {
    const body = meters.get(newest.meter) ?? {}
    meters.set(newest.meter, body)
    const entry = entryOf(batch, newest, ordinal)
    const held = body[keyOf(entry)]
    if (held && !(await isNewer(entry, held, dating))) continue
    body[keyOf(entry)] = entry
    touched.add(newest.meter)
  }
  const rows = [...touched].map((meter) => [header.gateway, meter, JSON.stringify(meters.get(meter))])
  const head = 'INSERT INTO newest_values (gateway_id, meter, body)'
  await insertRows(tx, head, rows, 'ON CONFLICT (gateway_id, meter) DO UPDATE SET body = excluded.body')
}

function entryOf({ header, receivedAt }: BatchToFile, newest: NewestValue, ordinal: number): Entry {
  const { good, seq, at, value, taken, undated } = newest
  return {
    ...{ good, ordinal, stream: header.stream, seq, at, value },
    ...(undated ? { undated } : { taken }),
    ...(originOf(header, seq) ? { copied: true } : {}),
    ...(at > receivedAt + AHEAD_MS ? { ahead: true } : {}),
  }
}

/** All newest values of a gateway: by meter and quantity, the newer of good and bad last. */
export async function readNewest(tx: SqlTransaction, gateway: GatewayId): Promise<StoredValue[]> {
  const meters = [...(await readBodies(tx, gateway))].sort(([a], [b]) => (a < b ? -1 : 1))
  const dating = new Dating(tx, gateway)
  const found: StoredValue[] = []
  for (const [meter, body] of meters) {
    const quantities = [...new Set(Object.values(body).map(({ value }) => value.quantity))]
    for (const quantity of quantities.sort((a, b) => a.localeCompare(b))) {
      const [good, bad] = [body[`${quantity} 1`], body[`${quantity} 0`]]
      const isGoodNewer = good && bad ? await isNewer(good, bad, dating) : true
      for (const entry of isGoodNewer ? [bad, good] : [good, bad]) {
        if (entry) found.push(await stored(meter, entry, dating))
      }
    }
  }
  return found
}

async function stored(meter: MeterId, entry: Entry, dating: Dating): Promise<StoredValue> {
  const { good, stream, seq, at, value, undated } = entry
  const dated = undated ? (await dating.date(undated.boot, undated.mono, at)).at : at
  return { meter, good, stream, seq, at: dated, value }
}

async function readBodies(tx: SqlTransaction, gateway: GatewayId): Promise<Map<MeterId, Record<string, Entry>>> {
  const rows = await tx.all(newestRow, 'SELECT meter, body FROM newest_values WHERE gateway_id = ?', [gateway])
  return new Map(rows.map(({ meter, body }) => [meter, bodySchema.parse(JSON.parse(body))]))
}
