import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invariant, type Seq } from '@metergate/protocol'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase } from './open-database.js'
import { openSealed } from './open-sealed.js'
import { Sqlite } from './sqlite.js'
import { SqliteRecordStore, type StoreSettings } from './sqlite-record-store.js'
import { event, ROOMY_DISK, reading, SEALER, SeededRandom } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-disk-'))
afterAll(() => rmSync(root, { recursive: true }))

const refuse = "CREATE TRIGGER refuse BEFORE INSERT ON chunk BEGIN SELECT RAISE(ABORT, 'planted'); END"
const ALL = { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }
const clock = new ManualClock()
const random = new SeededRandom(3)
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(root, 'store-'))
})

function make(settings: Partial<StoreSettings> = { ballastBytes: 0 }, disk = ROOMY_DISK): SqliteRecordStore {
  return new SqliteRecordStore({ folder, clock, random, disk, sealer: () => SEALER, settings })
}
function open(settings?: Partial<StoreSettings>): SqliteRecordStore {
  const store = make(settings)
  const started = store.start()
  invariant(started.ok, 'the store does not start')
  return store
}
async function put(store: SqliteRecordStore, ...values: number[]): Promise<readonly Seq[]> {
  const stored = await store.append(
    values.map((n) => reading(clock, n)),
    { urgent: true },
  )
  invariant(stored.ok, 'not stored')
  return stored.value
}
const sql = (text: string): void => {
  const db = new Sqlite(join(folder, 'store.sqlite'))
  db.exec(text)
  db.close()
}
const detail = (store: SqliteRecordStore) => {
  const state = store.health().streams.findLast((each) => each.kind === 'detail')
  invariant(state, 'no detail stream')
  return state
}
const seqs = (store: SqliteRecordStore) => [...store.records({ stream: 'detail' })].map((each) => each.seq)
const gaps = (store: SqliteRecordStore) =>
  [...store.records({ stream: 'ledger', kinds: ['gap'] })].flatMap(({ record }) =>
    record.kind === 'gap' ? [record] : [],
  )
/** What kill -9 leaves: the files as they are, while the old process still has them open. */
async function crash(store: SqliteRecordStore): Promise<void> {
  const copy = mkdtempSync(join(root, 'crash-'))
  cpSync(folder, copy, { recursive: true })
  await store.close()
  folder = copy
}

describe('starting', () => {
  it('keeps a WAL that is flushed at every commit, and says so', () => {
    const opened = openDatabase(join(folder, 'x.sqlite'), { capBytes: 1e8 })
    invariant(opened.ok, 'not opened')
    expect(opened.value.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(opened.value.pragma('synchronous', { simple: true })).toBe(2)
    opened.value.close()
  })

  it('gives the folder to one process only, and frees it when that one is gone', async () => {
    const first = open()
    expect(make().start()).toMatchObject({ ok: false, fault: { kind: 'locked' } })
    await first.close()
    await open().close()
  })

  it('refuses a store of newer software and leaves it as it is', async () => {
    await open().close()
    sql('CREATE TABLE later (x); PRAGMA user_version = 99')
    const before = readFileSync(join(folder, 'store.sqlite'))
    expect(make().start()).toMatchObject({ ok: false, fault: { kind: 'newer' } })
    expect(readFileSync(join(folder, 'store.sqlite')).equals(before)).toBe(true)
  })

  it('goes on with the next number, also after everything was drained, removed and vacuumed', async () => {
    const store = open()
    await put(store, 1, 2, 3)
    const batch = store.seal('detail', ALL)
    invariant(batch, 'nothing sealed')
    store.acknowledge([batch])
    await store.close()
    sql('DELETE FROM batch; DELETE FROM chunk; VACUUM')
    const again = open()
    expect(await put(again, 4)).toEqual([4])
    await again.close()
  })

  it('has after a crash all that was committed, with its numbers, and nothing else', async () => {
    const store = open()
    await put(store, 1, 2)
    void store.append([reading(clock, 3)])
    await crash(store)
    const again = open()
    expect(seqs(again)).toEqual([1, 2])
    expect(await put(again, 4)).toEqual([3])
    await again.close()
  })
})

describe('the group commit', () => {
  it('brings everything that waits at once when its window is over', async () => {
    const store = open({ ballastBytes: 0, commitEveryMs: 10_000 })
    const first = store.append([reading(clock, 1)])
    await clock.advance(9_999)
    const second = store.append([reading(clock, 2)])
    expect(seqs(store)).toEqual([])
    await clock.advance(1)
    expect([await first, await second]).toEqual([
      { ok: true, value: [1] },
      { ok: true, value: [2] },
    ])
    await store.close()
  })
})

describe('a disk that refuses', () => {
  it('gets the same records again, with the same numbers and without a hole', async () => {
    const store = open()
    await put(store, 1)
    sql(refuse)
    expect(await store.append([reading(clock, 2)], { urgent: true })).toMatchObject({
      ok: false,
      fault: { kind: 'io' },
    })
    void store.append([reading(clock, 3)])
    expect(store.health().degraded).toContain('planted')
    sql('DROP TRIGGER refuse')
    await clock.advance(10_000)
    expect([...store.records({ stream: 'detail' })]).toEqual(
      [1, 2, 3].map((n) =>
        expect.objectContaining({
          seq: n,
          record: expect.objectContaining({ values: [expect.objectContaining({ value: { n, exp: 0 } })] }),
        }),
      ),
    )
    expect(store.health().degraded).toBeUndefined()
    await store.close()
  })

  it('costs at most what memory cannot hold, and a gap record names exactly that', async () => {
    const store = open({ ballastBytes: 0, queueBytes: 1000 })
    await put(store, 1)
    sql(refuse)
    for (let n = 2; n <= 20; n += 1) await store.append([reading(clock, n)], { urgent: true })
    await store.append([event(clock, 1)], { urgent: true })
    sql('DROP TRIGGER refuse')
    await store.flush()
    const [gap] = gaps(store)
    expect(gaps(store)).toHaveLength(1)
    expect(gap).toMatchObject({ first: 2, reason: 'storage_full', stream_kind: 'detail' })
    expect(seqs(store)).toEqual([
      1,
      ...Array.from({ length: 20 - (gap?.last ?? 0) }, (_, i) => (gap?.last ?? 0) + 1 + i),
    ])
    expect(store.verify().findings).toEqual([])
    await store.close()
  })
})

describe('a gap record that somebody refuses', () => {
  it('is named anew under another number, but not for ever', async () => {
    const store = open({ ballastBytes: 0, queueBytes: 1000 })
    sql(refuse)
    for (let n = 1; n <= 20; n += 1) await store.append([reading(clock, n)], { urgent: true })
    sql('DROP TRIGGER refuse')
    await store.flush()
    const [first] = gaps(store)
    let refusals = 0
    for (let batch = store.seal('ledger', ALL); batch; batch = store.seal('ledger', ALL)) {
      store.refuse(batch.stream, batch.number, 'too large')
      refusals += 1
    }
    expect(refusals).toBe(6)
    // Each of them stays on the device, and says the same.
    expect(gaps(store)).toHaveLength(6)
    for (const gap of gaps(store)) expect(gap).toMatchObject({ first: first?.first, last: first?.last })
    expect(store.verify().findings).toEqual([])
    await store.close()
  })
})

describe('the cap', () => {
  it('holds, gives up acknowledged detail first, and names the rest', async () => {
    const capBytes = 300 * 1024
    const store = open({ ballastBytes: 0, capBytes })
    const noise = new SeededRandom(5)
    for (let round = 0; round < 70; round += 1) {
      await put(store, ...Array.from({ length: 500 }, () => Math.floor(noise.next() * 1e15)))
      await store.append([event(clock, round)], { urgent: true })
      const batch = store.seal('detail', ALL)
      if (batch && round < 20) store.acknowledge([batch])
      expect(store.health().sizeBytes).toBeLessThanOrEqual(capBytes * 1.1)
    }
    const named = gaps(store)
    const first = seqs(store)[0] ?? 0
    expect(named.length).toBeGreaterThan(0)
    expect(Math.min(...named.map((each) => each.first))).toBe(20 * 500 + 1)
    expect(Math.max(...named.map((each) => each.last))).toBe(first - 1)
    expect([...store.records({ stream: 'ledger', kinds: ['event'] })]).toHaveLength(70)
    expect(store.verify().findings).toEqual([])
    await store.close()
  })
})

describe('damage', () => {
  const fill = async (): Promise<void> => {
    const store = open()
    for (let n = 0; n < 40; n += 1) {
      await put(store, ...Array.from({ length: 25 }, (_, index) => n * 25 + index))
      if (n < 30 && n % 3 === 2) store.seal('detail', ALL)
    }
    await store.close()
  }
  const aside = () => readdirSync(folder).filter((name) => /corrupt-\d+$/.test(name))
  /** Every number 1..1000 is in a batch or row with its own value, or named by a gap. */
  const expectComplete = (store: SqliteRecordStore): void => {
    const named = gaps(store)
    const values = new Set(
      [...store.records({ stream: 'detail' })].map(({ record }) =>
        record.kind === 'reading' && record.values[0] && 'value' in record.values[0] ? record.values[0].value.n : -1,
      ),
    )
    for (let seq = 1; seq <= 1000; seq += 1) {
      const isNamed = named.some((gap) => gap.first <= seq && seq <= gap.last)
      expect(isNamed || values.has(seq - 1), `record ${seq} is neither kept nor named`).toBe(true)
    }
  }

  it('sets a folder, a foreign file and rubbish aside and starts anew', async () => {
    for (const plant of [
      () => mkdirSync(join(folder, 'store.sqlite')),
      () => sql('CREATE TABLE theirs (x)'),
      () => writeFileSync(join(folder, 'store.sqlite'), 'rubbish '.repeat(1000)),
    ]) {
      folder = mkdtempSync(join(root, 'store-'))
      plant()
      const store = open()
      expect(aside()).toEqual(['store.sqlite.corrupt-1'])
      expect(await put(store, 1)).toEqual([1])
      await store.close()
    }
  })

  it('saves everything that can be proved from a file with broken pages, and names the rest', async () => {
    const noise = new SeededRandom(11)
    for (let round = 0; round < 12; round += 1) {
      folder = mkdtempSync(join(root, 'store-'))
      await fill()
      const path = join(folder, 'store.sqlite')
      const bytes = readFileSync(path)
      const kind = round % 4
      if (kind === 0) truncateSync(path, Math.floor(bytes.length * (0.3 + 0.6 * noise.next())))
      else {
        const at = Math.floor(noise.next() * bytes.length)
        if (kind === 1) bytes.fill(0, at, Math.min(bytes.length, at + 4096))
        else if (kind === 2) bytes.fill(0xa5, 0, 100)
        else
          for (let n = 0; n < 20; n += 1)
            bytes[Math.floor(noise.next() * bytes.length)] = Math.floor(noise.next() * 256)
        writeFileSync(path, bytes)
      }
      const store = open()
      expectComplete(store)
      expect(await put(store, 5000)).toHaveLength(1)
      for (const { stream, number } of store.pending(1000)) {
        const batch = store.load(stream, number)
        if (batch) openSealed(batch)
      }
      await store.close()
    }
  })

  it('is noticed where SQLite sees none: in a row that says what nobody wrote', async () => {
    for (const broken of ["sha256 = 'x' || substr(sha256, 2)", "encoding = 'bs'", 'first = -1', "previous = 'none'"]) {
      folder = mkdtempSync(join(root, 'store-'))
      await fill()
      sql(`UPDATE batch SET ${broken} WHERE id = 4`)
      const store = open()
      expect(aside(), broken).toEqual(['store.sqlite.corrupt-1'])
      expectComplete(store)
      expect(await put(store, 5000)).toHaveLength(1)
      await store.close()
    }
  })

  it('in the acknowledged past ends a look at history there, and the next commit repairs it', async () => {
    await fill()
    sql("UPDATE batch SET status = 1; UPDATE batch SET encoding = 'bs' WHERE id = 4")
    const store = open()
    expect(seqs(store).length).toBeLessThan(1000)
    expect(await put(store, 5000)).toHaveLength(1)
    expect(aside()).toEqual(['store.sqlite.corrupt-1'])
    expectComplete(store)
    await store.close()
  })

  it('is dealt with while the store is in use, without a restart', async () => {
    const store = open()
    for (let n = 0; n < 20; n += 1) await put(store, ...Array.from({ length: 50 }, (_, index) => n * 50 + index))
    // A write by another handle makes the store read the file again, where most pages are broken now.
    sql("INSERT INTO state VALUES ('x', 'y'); PRAGMA wal_checkpoint(TRUNCATE)")
    const path = join(folder, 'store.sqlite')
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.alloc(12 * 1024, 0xa5), 0, 12 * 1024, 3 * 1024)
    closeSync(file)
    expect(store.pending(1)).toEqual([])
    expect(await put(store, 5000)).toHaveLength(1)
    expect(aside()).toEqual(['store.sqlite.corrupt-1'])
    expect(store.health().degraded).toBeUndefined()
    expectComplete(store)
    await store.close()
  })

  it('goes on in new streams when the write-ahead log of a crash is missing', async () => {
    const store = open()
    await put(store, 1, 2)
    const { stream } = detail(store)
    await crash(store)
    rmSync(join(folder, 'store.sqlite-wal'))
    const again = make()
    expect(again.start()).toMatchObject({ ok: true, value: { newStreams: true } })
    expect(detail(again).stream).not.toBe(stream)
    await again.close()
  })

  it('salvages again when a crash stopped the first salvage', async () => {
    await fill()
    const path = join(folder, 'store.sqlite')
    const bytes = readFileSync(path)
    writeFileSync(`${path}.corrupt-1`, bytes.fill(0xa5, 0, 100))
    // The new store had been made, but nothing was committed to it yet.
    rmSync(path)
    const made = openDatabase(path, { capBytes: 1e8 })
    invariant(made.ok, 'not opened')
    made.value.close()
    const store = open()
    expectComplete(store)
    await store.close()
  })

  it('never deletes a damaged file, however often it happens', async () => {
    for (const n of [1, 2, 3]) {
      writeFileSync(join(folder, 'store.sqlite'), `rubbish ${n}`.repeat(1000))
      await open().close()
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `store.sqlite${suffix}`), { force: true })
    }
    expect(aside().sort()).toEqual([1, 2, 3].map((n) => `store.sqlite.corrupt-${n}`))
  })
})

describe('the ballast', () => {
  it('is there from the start while the disk has room, and full size', async () => {
    const store = open({ ballastBytes: 64 * 1024 })
    expect(readFileSync(join(folder, 'ballast'))).toHaveLength(64 * 1024)
    await store.close()
  })

  it('stays away while the disk is nearly full', async () => {
    const store = make({ ballastBytes: 64 * 1024 }, { freeBytes: () => 100_000 })
    expect(store.start().ok).toBe(true)
    expect(existsSync(join(folder, 'ballast'))).toBe(false)
    await store.close()
  })
})
