import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { epochMs, gatewayIdSchema, meterIdSchema } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planOf } from '../testing/query-plan.js'
import type { Reader } from './series-store.js'
import type { SqlEngine, SqlTransaction } from './sql.js'
import { SqlReader } from './sql-reader.js'
import { Sqlite } from './sqlite.js'
import { openSqliteSeriesStore } from './sqlite-series-store.js'

const folder = mkdtempSync(join(tmpdir(), 'metergate-plans-'))
const GATEWAY = gatewayIdSchema.parse('gw-0123456789')
const METER = meterIdSchema.parse('press-1')
const RANGE = { from: epochMs(1), to: epochMs(2) }
let file: Database.Database

beforeAll(async () => {
  const path = join(folder, 'plans.sqlite')
  await (await openSqliteSeriesStore(path)).close()
  file = new Sqlite(path)
})
afterAll(() => {
  file.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What a statement is told to have found. */
type Rows = (text: string) => readonly unknown[]

/** The plan of each statement a question of the reader makes; nothing is read. */
async function plansOf(ask: (reader: Reader) => Promise<unknown>, rows: Rows = () => []): Promise<string[]> {
  const texts: string[] = []
  const listening: SqlTransaction = {
    run: async () => 0,
    all: async (row, text) => {
      texts.push(text)
      return rows(text).map((each) => row.parse(each))
    },
  }
  const engine: SqlEngine = {
    kind: 'sqlite',
    forUpdate: '',
    read: (work) => work(listening),
    write: (work) => work(listening),
    close: async () => {},
  }
  await ask(new SqlReader(engine))
  return texts.flatMap(plan)
}

const plan = (text: string): string[] => planOf(file, text)

/** Questions a page asks every few seconds, of gateways that have sent a batch a minute for years. */
describe('what the page asks', () => {
  it('is when the last batch came: the end of an index', async () => {
    expect(await plansOf((reader) => reader.lastBatchAt(GATEWAY))).toEqual([
      'SEARCH ledger USING COVERING INDEX ledger_by_arrival (gateway_id=?)',
    ])
  })

  it('is the newest stretch of a meter: nothing older than the question', async () => {
    const [first] = await plansOf((reader) => reader.spans(GATEWAY, METER, RANGE))
    expect(first).toBe('SEARCH spans USING INDEX spans_by_end (gateway_id=? AND meter=? AND to_ms>?)')
  })

  it('is what was used and made in a range: that range alone', async () => {
    const ofRange = (table: string) =>
      `SEARCH ${table} USING INDEX ${table}_by_time (gateway_id=? AND start_ms>? AND start_ms<?)`
    expect(await plansOf((reader) => reader.unitEnergy(GATEWAY, RANGE, undefined))).toContain(ofRange('unit_energy'))
    expect(await plansOf((reader) => reader.production(GATEWAY, RANGE))).toContain(ofRange('production'))
    const [intervals] = await plansOf((reader) => reader.intervals(GATEWAY, METER, RANGE))
    expect(intervals).toMatch(/\(gateway_id=\? AND meter=\? AND start_ms>\? AND start_ms<\?\)$/)
    const [events] = await plansOf((reader) => reader.events(GATEWAY, RANGE, 9))
    expect(events).toMatch(/INDEX events_by_time \(gateway_id=\? AND at_ms>\? AND at_ms<\?\)$/)
  })

  it('is what was taken while the clock was unknown: by its place in the boot, or by its label', async () => {
    const anchor = { boot: 'anchored', mono: 0, true_wall: 0, error_ms: 1 }
    const boots = ['anchored', 'unknown'].map((boot) => ({ boot, last: 100_000 }))
    const rows: Rows = (text) => (text.includes('RECURSIVE') ? boots : text.includes('FROM anchors') ? [anchor] : [])
    const searched = (name: string) =>
      expect.stringMatching(new RegExp(`^SEARCH \\w+ USING (COVERING )?INDEX ${name} `))
    for (const [plans, byMono, byLabel] of [
      [
        await plansOf((reader) => reader.undated(GATEWAY, METER, RANGE), rows),
        'undated_by_mono (gateway_id=? AND meter=? AND boot=? AND to_mono>?)',
        'undated_by_label (gateway_id=? AND meter=? AND to_ms>?)',
      ],
      [
        await plansOf((reader) => reader.events(GATEWAY, RANGE, 9), rows),
        'events_by_mono (gateway_id=? AND undated_boot=? AND mono>? AND mono<?)',
        'events_by_label (gateway_id=? AND undated_boot=? AND at_ms>? AND at_ms<?)',
      ],
    ] as const) {
      for (const [index] of [byMono, byLabel].map((each) => each.split(' ')))
        expect(plans).toContainEqual(searched(index ?? ''))
      expect(plans.join('\n')).toContain(byMono)
      expect(plans.join('\n')).toContain(byLabel)
      expect(plans.filter((step) => /^SCAN (?!CONSTANT|boots|\()/.test(step))).toEqual([])
    }
  })

  it('would be caught looking at all of it', () => {
    expect(plan('SELECT number FROM ledger WHERE received_at > ? ORDER BY sha256')[0]).toMatch(/^SCAN ledger/)
  })
})
