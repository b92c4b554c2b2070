import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invariant } from '@metergate/protocol'
import { afterAll, describe, expect, it } from 'vitest'
import { readHistory, verifyFolder } from './read-only.js'
import { MIGRATIONS } from './schema.js'
import { SqliteRecordStore } from './sqlite-record-store.js'
import { ROOMY_DISK, reading, SEALER, SeededRandom } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'

const FIXTURES = join(import.meta.dirname, 'fixtures')
const root = mkdtempSync(join(tmpdir(), 'metergate-migration-'))
afterAll(() => rmSync(root, { recursive: true }))

/**
 * Each fixture is a store as that schema version left it: ten readings (four acknowledged, four refused and cut in
 * two, two unsealed), one sealed event, one unsealed interval, one state. Added to, never made again.
 */
describe('a store of an earlier version', () => {
  it('exists as a fixture for every schema', () => {
    expect(readdirSync(FIXTURES).sort()).toEqual(MIGRATIONS.map((_, index) => `v${index + 1}`))
  })

  for (const version of readdirSync(FIXTURES)) {
    it(`${version} opens whole, and goes on with its numbers`, async () => {
      const folder = mkdtempSync(join(root, 'store-'))
      copyFileSync(join(FIXTURES, version, 'store.sqlite'), join(folder, 'store.sqlite'))
      const clock = new ManualClock()
      const settings = { ballastBytes: 0 }
      const random = new SeededRandom()
      const store = new SqliteRecordStore({ folder, clock, random, disk: ROOMY_DISK, sealer: () => SEALER, settings })
      const started = store.start()
      invariant(started.ok, 'not started')
      expect(started.value).toMatchObject({ setAside: undefined, damagedRows: 0, newStreams: false })
      const values = [...store.records({ stream: 'detail' })].map(
        ({ record }) => record.kind === 'reading' && record.values,
      )
      expect(values).toEqual(Array.from({ length: 10 }, (_, index) => reading(clock, index + 1).values))
      expect([...store.records({ stream: 'ledger' })].map((each) => each.record.kind)).toEqual(['event', 'interval'])
      expect(store.pending(9)).toHaveLength(4)
      expect(store.getState('energy')).toBe('checkpoint')
      expect(await store.append([reading(clock, 11)], { urgent: true })).toEqual({ ok: true, value: [11] })
      expect(store.verify().findings).toEqual([])
      await store.close()
    })
  }

  it('is not called damaged by a reader, who is told what brings it over', async () => {
    const folder = mkdtempSync(join(root, 'store-'))
    copyFileSync(join(FIXTURES, 'v1', 'store.sqlite'), join(folder, 'store.sqlite'))
    const verdict = await verifyFolder(folder, new ManualClock())
    expect(verdict).toMatchObject({ ok: false, fault: { why: expect.stringMatching(/has schema 1.*metergate run/) } })
    expect(readHistory(folder, { stream: 'detail' }, 9)).toMatchObject({ ok: false, fault: { kind: 'older' } })
  })
})
