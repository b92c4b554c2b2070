import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchNumberSchema, invariant } from '@metergate/protocol'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { mendRows } from './mend.js'
import { evictSlice } from './space.js'
import { Sqlite } from './sqlite.js'
import { SqliteRecordStore } from './sqlite-record-store.js'
import type { StartReport } from './store-file.js'
import { Tables } from './tables.js'
import { ROOMY_DISK, reading, SEALER, SeededRandom, stampOf, streamOf } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-mend-'))
afterAll(() => rmSync(root, { recursive: true }))
const clock = new ManualClock()
const ALL = { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }
let folder = ''
let seed = 70
beforeEach(() => {
  folder = mkdtempSync(join(root, 'store-'))
})

function open(capBytes = 1e9): { readonly store: SqliteRecordStore; readonly report: StartReport } {
  seed += 1
  const settings = { ballastBytes: 0, capBytes }
  const random = new SeededRandom(seed)
  const store = new SqliteRecordStore({ folder, clock, random, disk: ROOMY_DISK, sealer: () => SEALER, settings })
  const report = store.start()
  invariant(report.ok, 'not started')
  return { store, report: report.value }
}

/** A row or batch of ten readings for each number of `tens`. */
async function addTens(store: SqliteRecordStore, tens: number, sealed: boolean): Promise<void> {
  for (let ten = 0; ten < tens; ten += 1) {
    await store.append(
      Array.from({ length: 10 }, (_, index) => reading(clock, 10 * ten + index + 1)),
      { urgent: true },
    )
    if (sealed) store.seal('detail', ALL)
  }
}

function edit(sql: string): void {
  const db = new Sqlite(join(folder, 'store.sqlite'))
  db.exec(`PRAGMA foreign_keys = OFF; ${sql}`)
  db.close()
}

const gapsOf = (store: SqliteRecordStore): string[] =>
  [...store.records({ stream: 'ledger', kinds: ['gap'] })].flatMap(({ record }) =>
    record.kind === 'gap' ? [`${record.stream_kind} ${record.first}..${record.last} ${record.reason}`] : [],
  )
const asides = (): number => readdirSync(folder).filter((name) => /corrupt-\d+$/.test(name)).length

describe('a row of a stream that is written no more', () => {
  it('takes the names of no records that were copied before it was read', async () => {
    const { store } = open()
    await addTens(store, 4, false)
    edit('UPDATE chunk SET body = zeroblob(9) WHERE id = (SELECT min(id) + 1 FROM chunk WHERE stream = 1)')
    store.restartStream(streamOf(store), 'conflict')
    expect(gapsOf(store)).toEqual(['detail 11..20 corrupt'])
    await store.close()
  })

  it('takes the names of no records that were salvaged from beside it', async () => {
    const { store } = open()
    await addTens(store, 2, true)
    await addTens(store, 2, false)
    await store.close()
    edit('UPDATE stream SET last_batch = last_batch - 1 WHERE id = 1')
    const salvaged = open()
    expect(salvaged.report).toMatchObject({ salvaged: { batches: 2, chunks: 2, lostRecords: 0 } })
    await salvaged.store.close()
    edit('UPDATE batch SET body = zeroblob(length(body)) WHERE stream = 1 AND number = 2')
    const again = open()
    expect(gapsOf(again.store)).toEqual(['detail 11..20 corrupt'])
    await again.store.close()
    expect(asides()).toBe(1)
  })
})

describe('the end of a stream that is lost', () => {
  const evict = (wanted: number): void => {
    const db = new Sqlite(join(folder, 'store.sqlite'))
    const tables = new Tables(db)
    expect(db.transaction(() => evictSlice(tables, wanted, 'storage_cap', false, stampOf(clock)))()).toBeGreaterThan(0)
    db.close()
  }

  /** The oldest of so many rows given up, and the gap record the ledger's only one. */
  async function givenUp(rows: number): Promise<void> {
    const { store } = open()
    await addTens(store, rows, false)
    await store.close()
    evict(1)
  }

  function sendLedger(store: SqliteRecordStore): void {
    store.seal('ledger', ALL)
    store.acknowledge(store.pending(9))
  }

  it('is not named again, though the ledger begins with its name', async () => {
    await givenUp(1)
    for (let start = 0; start < 3; start += 1) {
      const { store } = open()
      expect(gapsOf(store)).toEqual(['detail 1..10 storage_cap'])
      await store.close()
    }
  })

  it('is not named again when the ledger goes on in another stream, nor when its name is forgotten', async () => {
    await givenUp(1)
    const first = open().store
    sendLedger(first)
    await first.flush()
    first.restartStream(streamOf(first, 'ledger'), 'conflict')
    await first.close()
    const second = open().store
    expect(gapsOf(second)).toEqual(['detail 1..10 storage_cap'])
    await second.close()
    edit('UPDATE batch SET body = NULL')
    const third = open().store
    expect(gapsOf(third)).toEqual([])
    await third.close()
  })

  it('does not take along what was named before and is forgotten', async () => {
    await givenUp(2)
    const first = open().store
    sendLedger(first)
    await first.close()
    edit('UPDATE batch SET body = NULL')
    evict(1)
    const second = open().store
    expect(gapsOf(second)).toEqual(['detail 11..20 storage_cap'])
    await second.close()
  })

  for (const rows of [0, 2])
    it(`is named once when somebody took the last batch away, with ${rows} rows after it`, async () => {
      const { store } = open()
      await addTens(store, 3, true)
      await addTens(store, rows, false)
      await store.close()
      edit('DELETE FROM batch WHERE stream = 1 AND number = 3')
      for (let start = 0; start < 3; start += 1) {
        const again = open()
        expect(gapsOf(again.store)).toEqual(['detail 21..30 corrupt'])
        await addTens(again.store, 1, false)
        await again.store.close()
      }
      expect(asides()).toBe(0)
    })
})

/** Writes an index that says something else than the rows: as if the words of the schema had always been others. */
function misindex(was: string, is: string): void {
  const db = new Sqlite(join(folder, 'store.sqlite'))
  db.unsafeMode(true)
  const reword = (from: string, to: string) => {
    db.pragma('writable_schema = RESET')
    db.pragma('writable_schema = ON')
    db.prepare("UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = 'batch_pending'").run(from, to)
    db.pragma('writable_schema = RESET')
  }
  reword(was, is)
  db.exec('REINDEX batch_pending')
  reword(is, was)
  db.close()
}

describe('an index that decayed', () => {
  it('does not have a batch named as lost that was evicted after its acknowledgement', async () => {
    const { store } = open()
    await addTens(store, 3, true)
    store.acknowledge(store.pending(9).filter(({ number }) => number === 2))
    await store.close()
    edit('UPDATE batch SET body = NULL WHERE number = 2')
    misindex('WHERE status = 0', 'WHERE status = 1')
    const again = open()
    expect(gapsOf(again.store)).toEqual([])
    expect(again.store.pending(9).map(({ number }) => number)).toEqual([1, 3])
    await again.store.close()
    expect(asides()).toBe(0)
  })
})

describe('a store that has lost all its streams', () => {
  it('is salvaged, and its rows do not go over to new ones', async () => {
    const { store } = open()
    await addTens(store, 3, true)
    const before = streamOf(store)
    store.acknowledge(store.pending(9))
    await store.close()
    edit('DELETE FROM stream')
    const again = open()
    expect(new Set([...again.store.records({ stream: 'detail' })].map(({ stream }) => stream))).toEqual(
      new Set([before]),
    )
    expect(asides()).toBe(1)
    await again.store.close()
  })
})

/** How often SQL that begins so is made ready, and what the work returned. */
function counting<T>(sql: string, work: (tables: Tables) => T): { readonly times: number; readonly value: T } {
  const db = new Sqlite(join(folder, 'store.sqlite'))
  const prepare = db.prepare.bind(db)
  let times = 0
  const listening = Object.assign(db, {
    prepare: (text: string) => {
      if (text.startsWith(sql)) times += 1
      return prepare(text)
    },
  })
  const value = db.transaction(() => work(new Tables(listening)))()
  db.close()
  return { times, value }
}

describe('a start', () => {
  it('makes no index anew for rows whose indexes it has looked at', async () => {
    const { store } = open()
    await addTens(store, 3, true)
    await store.close()
    edit('UPDATE batch SET size = size + 1')
    const { times, value } = counting('REINDEX', (tables) => mendRows(tables, stampOf(clock)))
    expect({ times, rows: value.rows }).toEqual({ times: 0, rows: 3 })
  })

  it('looks at acknowledged rows only as long as its time lasts, and at all that wait', async () => {
    const { store } = open()
    await addTens(store, 6, true)
    store.acknowledge(store.pending(9).filter(({ number }) => number < 5))
    await store.close()
    edit('UPDATE batch SET size = size + 1')
    expect(counting('', (tables) => mendRows(tables, stampOf(clock), true, 15)).value.rows).toBe(4)
  })
})

describe('a start without room in the file', () => {
  it('still sets a damaged batch aside and names it', async () => {
    const { store } = open()
    await addTens(store, 100, true)
    await store.close()
    edit('UPDATE batch SET body = zeroblob(8000) WHERE number = 50')
    edit('VACUUM')
    // Somebody has lowered the bound.
    const again = open(100_000)
    expect(gapsOf(again.store)).toEqual(['detail 491..500 corrupt'])
    await again.store.close()
  })
})

describe('a batch that the start did not compare', () => {
  it('has the file salvaged once when its row turns out to be of another stream', { timeout: 60_000 }, async () => {
    const first = open().store
    for (let batch = 0; batch < 21; batch += 1) {
      await first.append(
        Array.from({ length: 1_000 }, (_, index) => reading(clock, 1_000 * batch + index + 1)),
        { urgent: true },
      )
      first.seal('detail', { ...ALL, maxDecodedBytes: 1e6 })
    }
    await first.close()
    const { store } = open()
    edit('UPDATE batch SET stream = 2, number = 900 WHERE number = 7')
    expect(store.load(streamOf(store, 'ledger'), batchNumberSchema.parse(900))).toBeUndefined()
    expect(asides()).toBe(1)
    expect(store.pending(99)).toHaveLength(21)
    expect(gapsOf(store)).toEqual([])
    expect(store.verify().findings).toEqual([])
    await store.close()
  })
})
