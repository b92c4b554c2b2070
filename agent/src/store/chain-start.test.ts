import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invariant, seqSchema } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { afterAll, describe, expect, it } from 'vitest'
import type { RecordPlace } from './record-store.js'
import { evictSlice } from './space.js'
import { Sqlite } from './sqlite.js'
import { Tables } from './tables.js'
import { reading, stampOf, streamOf } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'
import { openStore } from './testing/open-store.js'
import { verifyStore } from './verify.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-chain-'))
afterAll(() => rmSync(root, { recursive: true }))

const clock = new ManualClock()
const stamp = stampOf(clock)
const opened = (folder: string) => openStore(folder, clock, 3)

/** Twelve batches of five readings; the cloud has all but the third and the last. */
async function filled(): Promise<string> {
  const folder = mkdtempSync(join(root, 'store-'))
  const store = opened(folder)
  for (let round = 0; round < 12; round += 1) {
    await store.append(
      Array.from({ length: 5 }, (_, index) => reading(clock, round * 5 + index + 1)),
      { urgent: true },
    )
    const batch = store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 1e6 })
    invariant(batch, 'nothing sealed')
    if (round !== 2 && round !== 11) store.acknowledge([batch])
  }
  await store.flush()
  await store.close()
  return folder
}

function inFile<T>(folder: string, work: (db: Database.Database) => T): T {
  const db = new Sqlite(join(folder, 'store.sqlite'))
  try {
    return work(db)
  } finally {
    db.close()
  }
}
const evict = (folder: string, acknowledgedOnly = true): number =>
  inFile(folder, (db) =>
    db.transaction(() => evictSlice(new Tables(db), 1e9, 'storage_cap', acknowledgedOnly, stamp))(),
  )
const numbers = (folder: string): unknown[] =>
  inFile(folder, (db) => db.prepare('SELECT number FROM batch WHERE stream = 1 ORDER BY number').pluck().all())
const findings = (folder: string) => inFile(folder, (db) => verifyStore(new Tables(db)).findings)

describe('a chain whose beginning is forgotten', () => {
  it('loses its oldest rows once their bytes are gone, and none behind a batch that waits', async () => {
    const folder = await filled()
    evict(folder)
    expect(numbers(folder)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    expect(findings(folder)).toEqual([])
    const store = opened(folder)
    const seqs = (after?: RecordPlace) =>
      [...store.records({ stream: 'detail', ...(after ? { after } : {}) })].map(({ seq }) => seq)
    expect(seqs()).toEqual([11, 12, 13, 14, 15, 56, 57, 58, 59, 60])
    expect(seqs({ stream: streamOf(store), seq: seqSchema.parse(13) })).toEqual([14, 15, 56, 57, 58, 59, 60])
    store.acknowledge(store.pending(9).map(({ stream, number, sha256 }) => ({ stream, number, sha256 })))
    await store.flush()
    await store.close()
    evict(folder)
    expect(numbers(folder)).toEqual([])
    expect(findings(folder)).toEqual([])
  })

  it('goes on with its numbers, hashes and marks', async () => {
    const folder = await filled()
    evict(folder)
    evict(folder, false)
    expect(numbers(folder)).toEqual([])
    const store = opened(folder)
    const detail = store.health().streams.find(({ kind }) => kind === 'detail')
    expect(detail).toMatchObject({ lastSeq: 60, lastSealed: 60, lastBatch: 12, unacknowledged: 0 })
    expect(await store.append([reading(clock, 61)], { urgent: true })).toEqual({ ok: true, value: [61] })
    const next = store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 1e6 })
    expect(next).toMatchObject({ number: 13, first: 61, last: 61 })
    expect(store.verify().findings).toEqual([])
    await store.close()
  })

  const EDITS: Record<string, string> = {
    'its start is removed': 'DELETE FROM chain_start',
    'its start is moved on': 'UPDATE chain_start SET number = number + 1',
    'its start is moved back': 'UPDATE chain_start SET number = number - 1',
    'the hash it begins with is another': `UPDATE chain_start SET sha256 = '${'0'.repeat(64)}'`,
    'its first row is removed': 'DELETE FROM batch WHERE number = 3',
    'its start leaves more records out': 'UPDATE chain_start SET last = last - 3',
  }
  for (const [what, sql] of Object.entries(EDITS)) {
    it(`is named when ${what}`, async () => {
      const folder = await filled()
      evict(folder)
      inFile(folder, (db) => {
        db.pragma('foreign_keys = OFF')
        db.exec(sql)
      })
      expect(findings(folder)).not.toEqual([])
    })
  }
})
