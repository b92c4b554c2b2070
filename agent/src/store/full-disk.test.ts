import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { amount, type ReadingRecord } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Sqlite } from './sqlite.js'
import { SqliteRecordStore, type StoreSettings } from './sqlite-record-store.js'
import { reading, SEALER, SeededRandom } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-full-'))
afterAll(() => rmSync(root, { recursive: true }))
afterEach(() => vi.restoreAllMocks())
const ALL = { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }
const KIB = 1024
const ROOMY = 1e9
const noise = new SeededRandom(7)
let clock: ManualClock
let folder = ''
/** What the disk says it has left. */
let free = ROOMY
beforeEach(() => {
  clock = new ManualClock()
  folder = mkdtempSync(join(root, 'store-'))
  free = ROOMY
})

function open(settings: Partial<StoreSettings>): SqliteRecordStore {
  const disk = { freeBytes: () => free }
  const random = new SeededRandom(3)
  const store = new SqliteRecordStore({ folder, clock, random, disk, sealer: () => SEALER, settings })
  expect(store.start()).toMatchObject({ ok: true, value: { setAside: undefined, newStreams: false } })
  return store
}

/** A reading that does not pack well. */
const noisy = (n: number): ReadingRecord => ({
  ...reading(clock, n),
  values: Array.from({ length: 12 }, (_, block) => ({
    quantity: 'power_active_total' as const,
    block,
    value: amount(Math.floor(noise.next() * 1e9), -1),
  })),
})

async function putBatches(store: SqliteRecordStore, count: number): Promise<void> {
  for (let batch = 0; batch < count; batch += 1) {
    const records = Array.from({ length: 10 }, (_, index) => noisy(10 * batch + index))
    expect(await store.append(records, { urgent: true })).toMatchObject({ ok: true })
    store.seal('detail', ALL)
  }
}

const file = (name: string) => join(folder, name)
const gaps = (store: SqliteRecordStore) =>
  [...store.records({ stream: 'ledger' })].flatMap(({ record }) => (record.kind === 'gap' ? [record] : []))
const held = (store: SqliteRecordStore) => [...store.records({ stream: 'detail' })].map(({ seq }) => Number(seq))

describe('a disk without a byte left', () => {
  it('leaves the file open: what is sealed can be sent, and what waits is stored later', async () => {
    free = 1
    const store = open({ ballastBytes: 0 })
    await putBatches(store, 3)
    const { exec } = Sqlite.prototype
    const full = vi.spyOn(Sqlite.prototype, 'exec').mockImplementation(function (this: Database.Database, text) {
      if (text === 'COMMIT') throw new Sqlite.SqliteError('database or disk is full', 'SQLITE_FULL')
      return exec.call(this, text)
    })
    expect(await store.append([noisy(30)], { urgent: true })).toMatchObject({ ok: false, fault: { kind: 'full' } })
    const [oldest] = store.pending(10)
    expect(store.pending(10)).toHaveLength(3)
    expect(oldest && store.load(oldest.stream, oldest.number)).toMatchObject({ number: oldest?.number })
    expect(oldest && store.acknowledge([oldest])).toHaveLength(1)
    expect(store.health().degraded).toContain('SQLITE_FULL')
    full.mockRestore()
    free = ROOMY
    await store.flush()
    expect(held(store)).toHaveLength(31)
    expect(store.health()).toMatchObject({ evictedRecords: 0, degraded: undefined })
    expect(store.verify().findings).toEqual([])
    await store.close()
  })
})

describe('a disk that stays full after the ballast has been given back', () => {
  it('has the store live in the room it has: the oldest makes way, is named, and the file does not grow', async () => {
    const store = open({ ballastBytes: 256 * KIB })
    await putBatches(store, 40)
    rmSync(file('ballast'))
    free = 100 * KIB
    await putBatches(store, 1)
    const size = statSync(file('store.sqlite')).size
    await putBatches(store, 100)
    expect(statSync(file('store.sqlite')).size).toBe(size)
    const left = held(store)
    expect(left.at(-1)).toBe(1410)
    expect(left.length).toBeGreaterThan(100)
    expect(gaps(store)[0]).toMatchObject({ first: 1, reason: 'storage_full', stream_kind: 'detail' })
    expect(store.health().evictedRecords).toBe(1410 - left.length)
    expect(store.verify().findings).toEqual([])
    free = ROOMY
    await putBatches(store, 100)
    expect(held(store)).toHaveLength(left.length + 1000)
    expect(existsSync(file('ballast'))).toBe(true)
    await store.close()
  })

  it('seals the names of what is gone before they fill the room', async () => {
    const store = open({ ballastBytes: 256 * KIB })
    await putBatches(store, 8)
    rmSync(file('ballast'))
    free = 100 * KIB
    await putBatches(store, 250)
    const ledger = store.health().streams.find(({ kind }) => kind === 'ledger')
    expect(ledger).toMatchObject({ lastSealed: expect.any(Number) })
    expect(ledger?.unsealed).toBeLessThan(70)
    expect(held(store).at(-1)).toBe(2580)
    await store.close()
  })

  it('is said as long as it lasts, also by a process that has just begun', async () => {
    await open({ ballastBytes: 64 * KIB }).close()
    rmSync(file('ballast'))
    free = 100 * KIB
    const store = open({ ballastBytes: 64 * KIB })
    expect(store.health().degraded).toContain('nearly full (100 KiB free)')
    free = ROOMY
    await putBatches(store, 1)
    expect(store.health().degraded).toBeUndefined()
    await store.close()
  })

  it('is said before the ballast is needed, as acknowledged history makes way already', async () => {
    const store = open({ ballastBytes: 64 * KIB, reserveBytes: 1024 * KIB })
    expect(store.health().degraded).toBeUndefined()
    free = 100 * KIB
    expect(existsSync(file('ballast'))).toBe(true)
    expect(store.health().degraded).toContain('nearly full (100 KiB free)')
    await store.close()
  })

  it('keeps the log its place over a stop, which the next start does not take for a log', async () => {
    free = 100 * KIB
    const store = open({ ballastBytes: 256 * KIB })
    await putBatches(store, 3)
    await store.close()
    expect(statSync(file('store.sqlite-wal')).size).toBe(128 * KIB)
    const again = open({ ballastBytes: 256 * KIB })
    expect(held(again)).toHaveLength(30)
    await putBatches(again, 1)
    expect(again.verify().findings).toEqual([])
    await again.close()
  })

  it('keeps no place while there is room', async () => {
    const store = open({ ballastBytes: 64 * KIB })
    await putBatches(store, 1)
    await store.close()
    expect(existsSync(file('store.sqlite-wal'))).toBe(false)
  })
})
