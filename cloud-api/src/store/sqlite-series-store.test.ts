import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { epochMs, gatewayIdSchema, sha256Hex } from '@metergate/protocol'
import { afterAll, describe, expect, it } from 'vitest'
import { seriesStoreContract } from './series-store.contract.js'
import { StoreUnavailable } from './sql.js'
import { Sqlite } from './sqlite.js'
import { openSqliteSeriesStore } from './sqlite-series-store.js'

const folder = mkdtempSync(join(tmpdir(), 'metergate-store-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

seriesStoreContract('SQLite', () => openSqliteSeriesStore(join(folder, 'contract.sqlite')))

describe('the SQLite file', () => {
  it('is in WAL mode, so that readers never wait for a writer', async () => {
    const path = join(folder, 'mode.sqlite')
    await (await openSqliteSeriesStore(path)).close()
    const file = new Sqlite(path)
    expect(file.pragma('journal_mode', { simple: true })).toBe('wal')
    file.close()
  })

  it('in use by another writer is unavailable, not an error of ours', async () => {
    const path = join(folder, 'busy.sqlite')
    const store = await openSqliteSeriesStore(path)
    const rival = new Sqlite(path)
    rival.exec('BEGIN IMMEDIATE')
    await expect(store.registry.revoke(GATEWAY, NOW)).rejects.toBeInstanceOf(StoreUnavailable)
    rival.exec('ROLLBACK')
    rival.close()
    expect(await store.registry.revoke(GATEWAY, NOW)).toBe(false)
    await store.close()
  })

  it('of the version before is brought up to date, with what is in it', async () => {
    const path = join(folder, 'older.sqlite')
    const before = await openSqliteSeriesStore(path)
    await before.registry.addToken(sha256Hex('key'), 'dashboard', NOW)
    await before.close()
    const file = new Sqlite(path)
    file.exec(`DROP TABLE copy_origins; DROP INDEX ledger_by_record; DROP INDEX ledger_by_arrival; DROP INDEX spans_by_end;
      DROP INDEX unit_energy_by_time; DROP INDEX production_by_time;
      CREATE INDEX spans_by_time ON spans (gateway_id, meter, from_ms, to_ms); DROP INDEX undated_by_mono; DROP INDEX undated_by_label; DROP INDEX events_by_mono; DROP INDEX events_by_label;
      CREATE INDEX events_undated ON events (gateway_id) WHERE undated_boot IS NOT NULL; DELETE FROM migrations WHERE id > 1`)
    file.close()
    const after = await openSqliteSeriesStore(path)
    expect(await after.registry.token(sha256Hex('key'))).toMatchObject({ name: 'dashboard' })
    await after.close()
    const upgraded = new Sqlite(path)
    expect(upgraded.prepare('SELECT id FROM migrations ORDER BY id').pluck().all()).toEqual([1, 2, 3, 4, 5])
    expect(upgraded.prepare('SELECT count(*) FROM copy_origins').pluck().get()).toBe(0)
    upgraded.close()
  })

  it('of a newer program is refused with a clear word', async () => {
    const path = join(folder, 'newer.sqlite')
    await (await openSqliteSeriesStore(path)).close()
    const file = new Sqlite(path)
    file.exec("INSERT INTO migrations (id, what) VALUES (9999, 'from the future')")
    file.close()
    await expect(openSqliteSeriesStore(path)).rejects.toThrow(/newer program/)
  })
})

const GATEWAY = gatewayIdSchema.parse('gw-nobody000')
const NOW = epochMs(0)
