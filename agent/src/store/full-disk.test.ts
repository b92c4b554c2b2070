import { existsSync, statSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Sqlite } from './sqlite.js'
import type { SqliteRecordStore } from './sqlite-record-store.js'
import { KIB, ROOMY, ScarceDisk } from './testing/scarce-disk.js'

afterEach(() => vi.restoreAllMocks())
const disk = new ScarceDisk()
const gaps = (store: SqliteRecordStore) =>
  [...store.records({ stream: 'ledger' })].flatMap(({ record }) => (record.kind === 'gap' ? [record] : []))
const held = (store: SqliteRecordStore) => [...store.records({ stream: 'detail' })].map(({ seq }) => Number(seq))

describe('a disk without a byte left', () => {
  it('leaves the file open: what is sealed can be sent, and what waits is stored later', async () => {
    disk.free = 1
    const store = disk.open({ ballastBytes: 0 })
    await disk.putBatches(store, 3)
    const { exec } = Sqlite.prototype
    const full = vi.spyOn(Sqlite.prototype, 'exec').mockImplementation(function (this: Database.Database, text) {
      if (text === 'COMMIT') throw new Sqlite.SqliteError('database or disk is full', 'SQLITE_FULL')
      return exec.call(this, text)
    })
    expect(await store.append([disk.noisy(30)], { urgent: true })).toMatchObject({ ok: false, fault: { kind: 'full' } })
    const [oldest] = store.pending(10)
    expect(store.pending(10)).toHaveLength(3)
    expect(oldest && store.load(oldest.stream, oldest.number)).toMatchObject({ number: oldest?.number })
    expect(oldest && store.acknowledge([oldest])).toHaveLength(1)
    expect(store.health().degraded).toContain('SQLITE_FULL')
    full.mockRestore()
    disk.free = ROOMY
    await store.flush()
    expect(held(store)).toHaveLength(31)
    expect(store.health()).toMatchObject({ evictedRecords: 0, degraded: undefined })
    expect(store.verify().findings).toEqual([])
    await store.close()
  })
})

describe('a disk that stays full after the ballast has been given back', () => {
  it('has the store live in the room it has: the oldest makes way, is named, and the file does not grow', async () => {
    const store = disk.open({ ballastBytes: 256 * KIB })
    await disk.putBatches(store, 40)
    disk.becomeFull()
    await disk.putBatches(store, 1)
    const size = statSync(disk.file('store.sqlite')).size
    await disk.putBatches(store, 100)
    expect(statSync(disk.file('store.sqlite')).size).toBe(size)
    const left = held(store)
    expect(left.at(-1)).toBe(1410)
    expect(left.length).toBeGreaterThan(100)
    expect(gaps(store)[0]).toMatchObject({ first: 1, reason: 'storage_full', stream_kind: 'detail' })
    expect(store.health().evictedRecords).toBe(1410 - left.length)
    expect(store.verify().findings).toEqual([])
    disk.free = ROOMY
    await disk.putBatches(store, 100)
    expect(held(store)).toHaveLength(left.length + 1000)
    expect(existsSync(disk.file('ballast'))).toBe(true)
    await store.close()
  })

  it('seals the names of what is gone before they fill the room', async () => {
    const store = disk.open({ ballastBytes: 256 * KIB })
    await disk.putBatches(store, 8)
    disk.becomeFull()
    await disk.putBatches(store, 250)
    const ledger = store.health().streams.find(({ kind }) => kind === 'ledger')
    expect(ledger).toMatchObject({ lastSealed: expect.any(Number) })
    expect(ledger?.unsealed).toBeLessThan(70)
    expect(held(store).at(-1)).toBe(2580)
    await store.close()
  })

  it('is said as long as it lasts, also by a process that has just begun', async () => {
    await disk.open({ ballastBytes: 64 * KIB }).close()
    disk.becomeFull()
    const store = disk.open({ ballastBytes: 64 * KIB })
    expect(store.health().degraded).toContain('nearly full (100 KiB free)')
    disk.free = ROOMY
    await disk.putBatches(store, 1)
    expect(store.health().degraded).toBeUndefined()
    await store.close()
  })

  it('is said before the ballast is needed, as acknowledged history makes way already', async () => {
    const store = disk.open({ ballastBytes: 64 * KIB, reserveBytes: 1024 * KIB })
    expect(store.health().degraded).toBeUndefined()
    disk.free = 100 * KIB
    expect(existsSync(disk.file('ballast'))).toBe(true)
    expect(store.health().degraded).toContain('nearly full (100 KiB free)')
    await store.close()
  })

  it('keeps the log its place over a stop, which the next start does not take for a log', async () => {
    disk.free = 100 * KIB
    const store = disk.open({ ballastBytes: 256 * KIB })
    await disk.putBatches(store, 3)
    await store.close()
    expect(statSync(disk.file('store.sqlite-wal')).size).toBe(128 * KIB)
    const again = disk.open({ ballastBytes: 256 * KIB })
    expect(held(again)).toHaveLength(30)
    await disk.putBatches(again, 1)
    expect(again.verify().findings).toEqual([])
    await again.close()
  })

  it('keeps no place while there is room', async () => {
    const store = disk.open({ ballastBytes: 64 * KIB })
    await disk.putBatches(store, 1)
    await store.close()
    expect(existsSync(disk.file('store.sqlite-wal'))).toBe(false)
  })
})
