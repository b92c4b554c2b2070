import { type EpochMs, invariant } from '@metergate/protocol'
import { z } from 'zod'
import type { SqlEngine, SqlTransaction } from './sql.js'

/** Tables divided by months of UTC, and the column that decides. */
const DIVIDED = [
  { table: 'batch_bytes', column: 'received_at' },
  { table: 'intervals', column: 'start_ms' },
] as const
type Divided = (typeof DIVIDED)[number]

/** A backlog brings intervals of the month before; the months ahead outlast any pause between two rounds of upkeep. */
const MONTHS_BACK = 1
const MONTHS_AHEAD = 3

const nameRow = z.object({ name: z.string() })
const countRow = z.object({ rows: z.coerce.number() })

/**
 * Makes the partitions of the months to come (PostgreSQL; elsewhere there is nothing to do). Never on the ingest path:
 * what has no month of its own yet, or a wrong clock put far away, goes into `…_rest`, so ingest never waits for
 * this and never fails for want of it. Rows that wait in the rest are moved when their month is made.
 */
export async function makeMonths(engine: SqlEngine, now: EpochMs): Promise<void> {
  if (engine.kind !== 'postgres') return
  for (const divided of DIVIDED) {
    for (let offset = -MONTHS_BACK; offset <= MONTHS_AHEAD; offset += 1) {
      await engine.write((tx) => exclusively(tx, () => makeMonth(tx, divided, monthOf(now, offset))))
    }
  }
}

/** Two servers may do this at once; one after the other is soon enough. */
async function exclusively(tx: SqlTransaction, work: () => Promise<void>): Promise<void> {
  await tx.run('SELECT pg_advisory_xact_lock(7243802)')
  await work()
}

/** Filled first and attached then: attaching does not stop readers and writers of the other months. */
async function makeMonth(tx: SqlTransaction, { table, column }: Divided, month: Month): Promise<void> {
  const name = `${table}_${month.name}`
  const known = await tx.all(nameRow, 'SELECT relname AS name FROM pg_class WHERE relname = ?', [name])
  if (known.length > 0) return
  const inMonth = `${column} >= ${month.from} AND ${column} < ${month.to}`
  await tx.run(`CREATE TABLE ${name} (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)`)
  const [waiting] = await tx.all(countRow, `SELECT count(*) AS rows FROM ${table}_rest WHERE ${inMonth}`)
  if (waiting && waiting.rows > 0) {
    const moved = await tx.run(`INSERT INTO ${name} SELECT * FROM ${table}_rest WHERE ${inMonth}`)
    const removed = await tx.run(`DELETE FROM ${table}_rest WHERE ${inMonth}`)
    invariant(moved === removed, `${moved} rows of ${table} copied, ${removed} taken from the rest`)
  }
  await tx.run(`ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${month.from}) TO (${month.to})`)
}

interface Month {
  /** `2026_11` */
  readonly name: string
  readonly from: number
  /** Not in the month itself. */
  readonly to: number
}

function monthOf(now: EpochMs, offset: number): Month {
  const date = new Date(now)
  const at = (month: number): number => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + month)
  const from = at(offset)
  return { name: new Date(from).toISOString().slice(0, 7).replace('-', '_'), from, to: at(offset + 1) }
}
