import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { epochMs, gatewayIdSchema, meterIdSchema } from '@metergate/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { T0 } from '../testing/records.js'
import { migrate } from './migrate.js'
import type { SqlEngine } from './sql.js'
import { SqlReader } from './sql-reader.js'
import { Sqlite } from './sqlite.js'
import { SqliteEngine } from './sqlite-engine.js'

const folder = mkdtempSync(join(tmpdir(), 'metergate-undated-'))
const path = join(folder, 'undated.sqlite')
const GATEWAY = gatewayIdSchema.parse('gw-0123456789')
const METER = meterIdSchema.parse('press-1')
const HOUR = 3_600_000
/** Rows a question has read, but for the anchors. */
let read = 0
let engine: SqliteEngine

beforeAll(async () => {
  engine = SqliteEngine.open(path)
  await migrate(engine)
})
afterAll(async () => {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})

const counting = (): SqlEngine => ({
  kind: engine.kind,
  forUpdate: engine.forUpdate,
  write: (work) => engine.write(work),
  read: (work) =>
    engine.read((tx) =>
      work({
        run: (text, values) => tx.run(text, values),
        all: async (row, text, values) => {
          const rows = await tx.all(row, text, values)
          if (!text.includes('FROM anchors')) read += rows.length
          return rows
        },
      }),
    ),
  close: async () => {},
})

/** A box never synchronised: so many days in one boot, a batch and an event a minute, an anchor every six hours. */
function plant(days: number): void {
  const db = new Sqlite(path)
  db.exec('DELETE FROM undated_spans; DELETE FROM events; DELETE FROM anchors; BEGIN')
  const span = db.prepare('INSERT INTO undated_spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 6)')
  const event = db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)')
  const body = JSON.stringify({ code: 'bus_down', facts: {}, clock: 'U' })
  for (let n = 0; n < days * 1440; n += 1) {
    const mono = n * 60_000
    span.run(GATEWAY, METER, 'a'.repeat(32), n + 1, 'boot-1', mono, mono + 50_000, mono, mono + 50_000)
    event.run(GATEWAY, 'e'.repeat(32), n + 1, mono, 'boot-1', mono, body)
  }
  const anchor = db.prepare('INSERT INTO anchors VALUES (?, ?, ?, ?, ?, ?, 50)')
  for (let mono = 0; mono < days * 24 * HOUR; mono += 6 * HOUR) {
    anchor.run(GATEWAY, 'boot-1', 'e'.repeat(32), 1e9 + mono, mono, T0 + mono)
  }
  db.exec('COMMIT')
  db.close()
}

describe('what was made while the clock was unknown', () => {
  it('is read for an hour by that hour, however long the box has been so', async () => {
    const reader = new SqlReader(counting())
    for (const days of [3, 30]) {
      plant(days)
      const to = epochMs(T0 + days * 24 * HOUR)
      const hour = { from: epochMs(to - HOUR), to }
      read = 0
      expect([days, (await reader.undated(GATEWAY, METER, hour)).spans.length]).toEqual([days, 61])
      expect([days, read]).toEqual([days, 62])
      read = 0
      expect([days, (await reader.events(GATEWAY, hour, 1000)).map(({ clock }) => clock)]).toEqual([
        days,
        Array.from({ length: 60 }, () => 'D'),
      ])
      expect([days, read]).toEqual([days, 61])
      read = 0
      const newest = await reader.events(GATEWAY, { from: epochMs(0), to }, 2)
      expect([read, newest.map(({ at }) => to - at)]).toEqual([3, [60_000, 120_000]])
    }
  })
})
