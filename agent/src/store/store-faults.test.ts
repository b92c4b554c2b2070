import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { amount, QUANTITY_NAMES, type ReadingRecord, seqSchema } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Disk } from './disk.js'
import type { Sealer } from './record-store.js'
import { Sqlite } from './sqlite.js'
import { SqliteRecordStore } from './sqlite-record-store.js'
import { event, ROOMY_DISK, reading, SEALER, SeededRandom, streamOf } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-faults-'))
afterAll(() => rmSync(root, { recursive: true }))
const ALL = { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }
const FULL_DISK: Disk = { freeBytes: () => 1 }
let clock: ManualClock
let folder = ''
beforeEach(() => {
  clock = new ManualClock()
  folder = mkdtempSync(join(root, 'store-'))
})

/** Ten sealed batches of fifty readings that nobody has acknowledged. */
async function offline(disk: Disk): Promise<SqliteRecordStore> {
  const random = new SeededRandom(3)
  const settings = { ballastBytes: 0 }
  const store = new SqliteRecordStore({ folder, clock, random, disk, sealer: () => SEALER, settings })
  expect(store.start().ok).toBe(true)
  for (let batch = 0; batch < 10; batch += 1) {
    const records = Array.from({ length: 50 }, (_, index) => reading(clock, batch * 50 + index))
    await store.append(records, { urgent: true })
    store.seal('detail', ALL)
  }
  return store
}

/** Another program's hand on the file, or a medium's mood: what SQLite says of it is an error all the same. */
function sql(text: string): void {
  const db = new Sqlite(join(folder, 'store.sqlite'))
  db.exec(text)
  db.close()
}

/** As a condition in SQL: something has been given up to make room. */
const GAVE_UP = "EXISTS (SELECT 1 FROM counter WHERE name = 'evicted_records' AND value > 0)"

const ledger = (store: SqliteRecordStore): string[] =>
  [...store.records({ stream: 'ledger' })].map(({ record }) => record.kind)

/** Twelve quantities of one of eight meters, of which the last digits move. */
function manyValues(n: number, noise: SeededRandom): ReadingRecord {
  const values = QUANTITY_NAMES.slice(0, 12).map((quantity, index) => ({
    quantity,
    block: 0,
    value: amount(2300 + 1000 * index + Math.floor(noise.next() * 20), -1),
  }))
  return { ...reading(clock, n, `press-${n % 8}`), values }
}

describe('a fault that is no lack of room', () => {
  it('gives nothing up: what could not be written waits, and is stored later', async () => {
    const store = await offline(ROOMY_DISK)
    // Giving something up would help, but that is not what is wrong.
    sql(`CREATE TRIGGER refuse BEFORE INSERT ON chunk WHEN NOT ${GAVE_UP} BEGIN SELECT RAISE(ABORT, 'planted'); END`)
    expect(await store.append([event(clock, 1)], { urgent: true })).toMatchObject({ ok: false, fault: { kind: 'io' } })
    expect(store.health().evictedRecords).toBe(0)
    sql('DROP TRIGGER refuse')
    await store.flush()
    expect(ledger(store)).toEqual(['event'])
    expect([...store.records({ stream: 'detail' })]).toHaveLength(500)
    await store.close()
  })

  it('is not tried again and again while another program holds the file', async () => {
    const store = await offline(ROOMY_DISK)
    const other = new Sqlite(join(folder, 'store.sqlite'))
    other.exec('BEGIN IMMEDIATE')
    const outcome = await store.append([event(clock, 1)], { urgent: true })
    expect(outcome).toMatchObject({ ok: false, fault: { why: expect.stringContaining('SQLITE_BUSY') } })
    other.exec('ROLLBACK')
    other.close()
    await store.flush()
    expect(store.health().evictedRecords).toBe(0)
    expect(ledger(store)).toEqual(['event'])
    await store.close()
  }, 20_000)
})

describe('a commit that did not land', () => {
  it('is not taken for one that did because room was made for it under its numbers', async () => {
    const store = await offline(FULL_DISK)
    await store.append([event(clock, 1)], { urgent: true })
    store.seal('ledger', ALL)
    await store.append([event(clock, 2)], { urgent: true })
    const second = store.seal('ledger', ALL)
    if (!second) throw new Error('two batches of the ledger')
    store.acknowledge([second])
    // Until something has been given up nothing can be written, and afterwards nothing that marks what is acknowledged.
    sql(`CREATE TRIGGER no_room BEFORE INSERT ON chunk WHEN NOT ${GAVE_UP} BEGIN SELECT RAISE(ABORT, 'planted'); END;
      CREATE TRIGGER no_marks BEFORE UPDATE OF status ON batch WHEN new.status = 1 AND ${GAVE_UP}
      BEGIN SELECT RAISE(ABORT, 'planted'); END`)
    expect(await store.append([event(clock, 4711)], { urgent: true })).toMatchObject({ ok: false })
    sql('DROP TRIGGER no_room; DROP TRIGGER no_marks')
    await store.flush()
    const events = [...store.records({ stream: 'ledger', kinds: ['event'] })].map(({ record }) => record)
    expect(events).toContainEqual(event(clock, 4711))
    expect(store.health().evictedRecords).toBeGreaterThan(0)
    expect(store.verify().findings).toEqual([])
    await store.close()
  })
})

describe('a commit that landed although it reported a failure', () => {
  it('is believed once the file is open again: its records are stored, and none is there twice', async () => {
    const store = await offline(ROOMY_DISK)
    const { exec } = Sqlite.prototype
    const lying = vi.spyOn(Sqlite.prototype, 'exec').mockImplementation(function (this: Database.Database, text) {
      const done = exec.call(this, text)
      if (text !== 'COMMIT') return done
      lying.mockRestore()
      throw new Sqlite.SqliteError('planted', 'SQLITE_IOERR_FSYNC')
    })
    const records = [reading(clock, 500), reading(clock, 501)]
    expect(await store.append(records, { urgent: true })).toEqual({ ok: true, value: [501, 502] })
    expect([...store.records({ stream: 'detail' })]).toHaveLength(502)
    expect(await store.append([reading(clock, 502)], { urgent: true })).toEqual({ ok: true, value: [503] })
    expect(store.verify().findings).toEqual([])
    await store.close()
  })
})

describe('a transaction that broke off for a mistake of the program', () => {
  it('leaves nothing that is later taken for stored', async () => {
    let isBroken = false
    const sealer: Sealer = {
      ...SEALER,
      get gateway() {
        if (isBroken) throw new TypeError('planted')
        return SEALER.gateway
      },
    }
    const settings = { ballastBytes: 0 }
    const options = { folder, clock, random: new SeededRandom(3), disk: ROOMY_DISK, sealer: () => sealer, settings }
    const store = new SqliteRecordStore(options)
    expect(store.start().ok).toBe(true)
    await store.append([event(clock, 1)], { urgent: true })
    const waiting = store.append([event(clock, 2)])
    isBroken = true
    expect(() => store.seal('ledger', ALL)).toThrow('planted')
    isBroken = false
    // Uses the number that the second event had in the transaction that broke off; then a handle is given up.
    store.restartStream(streamOf(store), 'conflict')
    sql("CREATE TRIGGER refuse BEFORE INSERT ON quarantine BEGIN SELECT RAISE(ABORT, 'planted'); END")
    store.quarantine([{ stream: streamOf(store), record: seqSchema.parse(1), reason: 'planted' }])
    sql('DROP TRIGGER refuse')
    await store.flush()
    await waiting
    expect(ledger(store)).toEqual(['event', 'event', 'event'])
    await store.close()
  })
})

describe('leaving a stream', () => {
  it('that the disk does not let begin is said, and works later', async () => {
    const store = await offline(ROOMY_DISK)
    const old = streamOf(store)
    sql("CREATE TRIGGER refuse BEFORE INSERT ON stream BEGIN SELECT RAISE(ABORT, 'planted'); END")
    expect(store.restartStream(old, 'conflict')).toBe(false)
    expect(streamOf(store)).toBe(old)
    sql('DROP TRIGGER refuse')
    expect(store.restartStream(old, 'conflict')).toBe(true)
    expect(streamOf(store)).not.toBe(old)
    await store.close()
  })

  it('gives nothing up of a backlog that has room, sealed as it was', { timeout: 60_000 }, async () => {
    const settings = { ballastBytes: 0, capBytes: 1_400 * 1024 }
    const options = { folder, clock, random: new SeededRandom(3), disk: ROOMY_DISK, sealer: () => SEALER, settings }
    const store = new SqliteRecordStore(options)
    expect(store.start().ok).toBe(true)
    const noise = new SeededRandom(9)
    for (let at = 0; at < 32_000; at += 1_600) {
      await store.append(
        Array.from({ length: 1_600 }, (_, index) => manyValues(at + index, noise)),
        { urgent: true },
      )
      while (store.seal('detail', ALL));
    }
    // As it always is: the newest readings are not sealed yet.
    const newest = Array.from({ length: 5 }, (_, index) => manyValues(index, noise))
    await store.append(newest, { urgent: true })
    const { sizeBytes, capBytes } = store.health()
    expect(sizeBytes).toBeLessThan(capBytes * 0.6)
    store.restartStream(streamOf(store), 'conflict')
    for (let slice = 0; slice < 40; slice += 1) await clock.advance(1)
    expect(store.health().evictedRecords).toBe(0)
    expect([...store.records({ stream: 'detail' })]).toHaveLength(32_005)
    expect(store.verify().findings).toEqual([])
    await store.close()
  })
})

describe('a box that is not enrolled', () => {
  it('goes on storing when its ledger fills the cap: the oldest goes, and is named', async () => {
    const settings = { ballastBytes: 0, capBytes: 300 * 1024 }
    const options = { folder, clock, random: new SeededRandom(3), disk: ROOMY_DISK, sealer: () => undefined, settings }
    const store = new SqliteRecordStore(options)
    expect(store.start().ok).toBe(true)
    for (let n = 1; n <= 900; n += 1) {
      const stored = await store.append([reading(clock, n), event(clock, n), event(clock, -n)], { urgent: true })
      expect([n, stored.ok]).toEqual([n, true])
    }
    const held = [...store.records({ stream: 'ledger' })]
    const gone = held.flatMap(({ stream, record }) =>
      record.kind === 'gap' && record.stream === stream ? [[record.first, record.last]] : [],
    )
    const numbers = new Set(held.map(({ seq }) => Number(seq)))
    for (const [first = 0, last = 0] of gone) for (let seq = first; seq <= last; seq += 1) numbers.add(seq)
    const { lastSeq } = store.health().streams.find(({ kind }) => kind === 'ledger') ?? { lastSeq: 0 }
    expect(numbers.size).toBe(lastSeq)
    expect(gone.length).toBeGreaterThan(0)
    expect(store.verify().findings).toEqual([])
    await store.close()
  })
})
