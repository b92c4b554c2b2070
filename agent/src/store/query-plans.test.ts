import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { epochMs, invariant, seqSchema } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { healthOf } from './health-of.js'
import { queryRecords } from './history.js'
import { copySlice } from './restart-stream.js'
import { isDue } from './sealing.js'
import { Sqlite } from './sqlite.js'
import { Tables } from './tables.js'
import { event, reading, stampOf } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'
import { openStore } from './testing/open-store.js'

const folder = mkdtempSync(join(tmpdir(), 'metergate-plans-'))
afterAll(() => rmSync(folder, { recursive: true }))
const clock = new ManualClock()

beforeAll(async () => {
  const store = openStore(folder, clock, 5)
  for (let round = 0; round < 6; round += 1) {
    await store.append([reading(clock, round), event(clock, round)], { urgent: true })
    const batch = store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 1e6 })
    store.seal('ledger', { minAgeMs: 0, maxDecodedBytes: 1e6 })
    if (batch && round < 4) store.acknowledge([batch])
  }
  await store.append([reading(clock, 9)], { urgent: true })
  await store.close()
})

/** Runs some work of the store, and returns the plan of every statement it made that looks at batches. */
function plansOf(work: (tables: Tables) => void): string[] {
  const db = new Sqlite(join(folder, 'store.sqlite'))
  try {
    const prepare = db.prepare.bind(db)
    const seen = new Set<string>()
    const listening: Database.Database = Object.assign(db, {
      prepare: (sql: string) => {
        seen.add(sql)
        return prepare(sql)
      },
    })
    db.exec('BEGIN')
    work(new Tables(listening))
    db.exec('ROLLBACK')
    return [...seen].flatMap((sql) => planOf(prepare, sql))
  } finally {
    db.close()
  }
}

function planOf(prepare: Database.Database['prepare'], sql: string): string[] {
  const slots = sql.split('?').length - 1
  const rows = prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...Array.from({ length: slots }, () => 1))
  return rows.map((row) => String(typeof row === 'object' && row !== null && 'detail' in row ? row.detail : row))
}

/** Steps that look at every batch of the store or of a stream: hundreds of thousands after a year. */
const slow = (plans: readonly string[]): string[] =>
  plans.filter(
    (step) =>
      /^SCAN batch(?! USING INDEX batch_pending)/.test(step) ||
      (/^SEARCH batch USING INDEX (?!batch_pending)/.test(step) && !/\(stream=\? AND /.test(step)) ||
      /TEMP B-TREE/.test(step),
  )

describe('what the store does every minute', () => {
  const place = { stream: 'detail', after: 3 } as const
  const WORK: Record<string, (tables: Tables) => void> = {
    'health and heartbeat': (tables) => void healthOf(tables, 0, 0, stampOf(clock)),
    'looking for what waits': (tables) => void tables.pending('newest', 3),
    'looking for the oldest that waits': (tables) => void tables.pending('oldest', 3),
    'looking for what is due': (tables) =>
      void isDue(tables, 'detail', { minAgeMs: 0, maxDecodedBytes: 1e5 }, stampOf(clock)),
    'drawing on where the energy left off': (tables) => {
      const [stream] = tables.streams().filter(({ kind }) => kind === place.stream)
      invariant(stream, 'no stream')
      const after = { stream: stream.stream, seq: seqSchema.parse(place.after) }
      expect([...queryRecords(() => tables, { stream: 'detail', after })].map(({ seq }) => seq)).toEqual([4, 5, 6, 7])
    },
    'a figure of the last quarter of an hour': (tables) => {
      const from = epochMs(clock.wall() - 900_000)
      expect([...queryRecords(() => tables, { stream: 'ledger', kinds: ['event'], from })].length).toBeGreaterThan(0)
    },
    'an acknowledgement': (tables) => {
      const [row] = tables.batches('status = 0', 'batch.id', 1)
      invariant(row, 'nothing waits')
      expect(tables.batch(row.stream_id, row.number)).toEqual(row)
      tables.setStatus(row.id, 1)
    },
    'leaving a stream': (tables) => {
      const [stream] = tables.streams().filter(({ kind }) => kind === place.stream)
      invariant(stream, 'no stream')
      expect(copySlice(tables, stream.stream, stampOf(clock))).toBeGreaterThan(0)
    },
  }
  for (const [what, work] of Object.entries(WORK)) {
    it(`does not look at every batch ever sealed: ${what}`, () => {
      const plans = plansOf(work)
      expect(plans.length).toBeGreaterThan(0)
      expect(slow(plans)).toEqual([])
    })
  }

  it('would be caught if it did', () => {
    const planted = (where: string, order: string) => slow(plansOf((tables) => void tables.batches(where, order, 9)))
    expect(planted('batch.stream = 1 AND status = 0', 'batch.id')).not.toEqual([])
    expect(planted('batch.stream = 1 AND first > 3', 'first')).not.toEqual([])
    expect(planted('size > 3', 'batch.id')).not.toEqual([])
  })
})
