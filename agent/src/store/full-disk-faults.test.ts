import { copyFileSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { seqSchema } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openSnapshot } from './open-database.js'
import { MIGRATIONS } from './schema.js'
import { Sqlite } from './sqlite.js'
import { SqliteRecordStore } from './sqlite-record-store.js'
import { event, reading, SEALER, SeededRandom, streamOf } from './testing/make.js'
import { ALL, KIB, ROOMY, ScarceDisk } from './testing/scarce-disk.js'

afterEach(() => vi.restoreAllMocks())
const disk = new ScarceDisk()
const open = (ballastBytes: number) => disk.open({ ballastBytes })
const putBatches = (store: SqliteRecordStore, count: number, records = 20) =>
  disk.putBatches(store, count, records, (n) => reading(disk.clock, n))

/** Another program's hand on the file. */
function sql(text: string): void {
  const db = new Sqlite(disk.file('store.sqlite'))
  db.exec(text)
  db.close()
}

/** Has SQLite refuse what is chosen. */
function refusing(code: string, isRefused: (db: Database.Database, text: string) => boolean): () => void {
  const { exec } = Sqlite.prototype
  const spy = vi.spyOn(Sqlite.prototype, 'exec').mockImplementation(function (this: Database.Database, text) {
    if (isRefused(this, text)) throw new Sqlite.SqliteError('planted', code)
    return exec.call(this, text)
  })
  return () => spy.mockRestore()
}

const numberIn = (db: Database.Database, text: string): number => Number(db.prepare(text).pluck().get())
const GIVEN_UP = "SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'evicted_records'"
const events = (store: SqliteRecordStore) =>
  [...store.records({ stream: 'ledger', kinds: ['event'] })].map(({ record }) => record)
const held = (store: SqliteRecordStore) => [...store.records({ stream: 'detail' })].length

describe('a commit that a full disk refused', () => {
  it('is not taken for one that landed, when others have used its numbers since', async () => {
    const store = open(0)
    await putBatches(store, 140, 1)
    // Room can be made, and it is still too little for the commit.
    let before = 0
    const restore = refusing('SQLITE_FULL', (db, text) => {
      if (text !== 'COMMIT') return false
      const now = numberIn(db, GIVEN_UP)
      const isEviction = now > before
      before = now
      return !isEviction
    })
    expect(await store.append([event(disk.clock, 4711)], { urgent: true })).toMatchObject({ ok: false })
    restore()
    sql("UPDATE batch SET body = x'00' WHERE number = 140")
    const [newest] = store.freshest(1)
    // A gap record takes the number that the event was to have.
    expect(newest && store.load(newest.stream, newest.number)).toBeUndefined()
    let isOnce = true
    refusing('SQLITE_IOERR_WRITE', (_, text) => {
      const isNow = isOnce && text === 'BEGIN IMMEDIATE'
      isOnce &&= !isNow
      return isNow
    })
    await store.flush()
    expect(events(store)).toContainEqual(event(disk.clock, 4711))
    await store.close()
  })
})

describe('the size that a full disk holds', () => {
  it('is held no longer than the shortage: nothing is given up for what comes before the next commit', async () => {
    const store = open(256 * KIB)
    await putBatches(store, 5)
    disk.becomeFull()
    await putBatches(store, 1)
    disk.free = ROOMY
    const stream = streamOf(store)
    store.quarantine(
      Array.from({ length: 1500 }, (_, n) => ({ stream, record: seqSchema.parse(n + 1), reason: 'x'.repeat(200) })),
    )
    expect(store.health()).toMatchObject({ quarantined: 1500, evictedRecords: 0 })
    await store.close()
  })

  it('is not that of the first start on a disk that is small, but has room', async () => {
    disk.free = 3 * 1024 * KIB
    const store = open(8 * 1024 * KIB)
    await store.append(
      Array.from({ length: 500 }, (_, n) => disk.noisy(n)),
      { urgent: true },
    )
    store.seal('detail', ALL)
    await putBatches(store, 10)
    expect(held(store)).toBe(700)
    expect(store.health().evictedRecords).toBe(0)
    await store.close()
  })
})

describe('a start on a full disk', () => {
  it('that cannot make a damaged file anew writes nothing to it before it is settled', async () => {
    const store = open(64 * KIB)
    await putBatches(store, 5)
    sql("UPDATE stream SET last_sha256 = 'nonsense'")
    disk.free = 1
    const restore = refusing(
      'SQLITE_FULL',
      (db, text) =>
        text === 'COMMIT' &&
        numberIn(db, 'PRAGMA user_version') === MIGRATIONS.length &&
        numberIn(db, "SELECT count(*) FROM counter WHERE name = 'clean'") > 0,
    )
    expect(await store.append([event(disk.clock, 1)], { urgent: true })).toMatchObject({ ok: false })
    expect(await store.append([event(disk.clock, 2)], { urgent: true })).toMatchObject({ ok: false })
    restore()
    disk.free = ROOMY
    await store.flush()
    expect(held(store)).toBe(100)
    expect(events(store)).toEqual(expect.arrayContaining([event(disk.clock, 1), event(disk.clock, 2)]))
    expect(store.health().evictedRecords).toBe(0)
    await store.close()
  })

  it('reads and sends what is there, also where the log cannot be copied into the file', async () => {
    const before = open(0)
    await putBatches(before, 3)
    await before.close()
    const { pragma } = Sqlite.prototype
    vi.spyOn(Sqlite.prototype, 'pragma').mockImplementation(function (this: Database.Database, text, options) {
      if (text.startsWith('wal_checkpoint')) throw new Sqlite.SqliteError('planted', 'SQLITE_FULL')
      return pragma.call(this, text, options)
    })
    const store = open(0)
    const [oldest] = store.pending(10)
    expect(store.pending(10)).toHaveLength(3)
    expect(oldest && store.load(oldest.stream, oldest.number)).toBeDefined()
    vi.restoreAllMocks()
    await store.close()
  })
})

describe('a log that is missing', () => {
  it('is missed also after a reader has made an empty one', async () => {
    const store = open(0)
    await putBatches(store, 3)
    const copy = mkdtempSync(join(disk.root, 'lost-'))
    copyFileSync(disk.file('store.sqlite'), join(copy, 'store.sqlite'))
    const reader = openSnapshot(join(copy, 'store.sqlite'))
    if (reader.ok) reader.value.close()
    const random = new SeededRandom(5)
    const again = new SqliteRecordStore({ folder: copy, clock: disk.clock, random, disk, sealer: () => SEALER })
    expect(again.start()).toMatchObject({ ok: true, value: { newStreams: true } })
    await again.close()
    await store.close()
  })
})
