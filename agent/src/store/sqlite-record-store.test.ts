import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invariant } from '@metergate/protocol'
import { afterAll } from 'vitest'
import { recordStoreContract } from './record-store.contract.js'
import { SqliteRecordStore } from './sqlite-record-store.js'
import { ROOMY_DISK, SEALER, SeededRandom } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-store-'))
afterAll(() => rmSync(root, { recursive: true }))

recordStoreContract('the SQLite store', () => {
  const clock = new ManualClock()
  const store = new SqliteRecordStore({
    folder: mkdtempSync(join(root, 'store-')),
    clock,
    random: new SeededRandom(),
    disk: ROOMY_DISK,
    sealer: () => SEALER,
  })
  const started = store.start()
  invariant(started.ok, 'not started')
  return { clock, store }
})
