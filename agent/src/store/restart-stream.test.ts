import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invariant, originOf } from '@metergate/protocol'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { openSealed } from './open-sealed.js'
import { beginRestart, copySlice, streamsBeingLeft } from './restart-stream.js'
import { evictSlice } from './space.js'
import { Sqlite } from './sqlite.js'
import type { SqliteRecordStore } from './sqlite-record-store.js'
import { Tables } from './tables.js'
import { reading, SeededRandom, stampOf, streamOf } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'
import { openStore } from './testing/open-store.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-restart-'))
afterAll(() => rmSync(root, { recursive: true }))
const clock = new ManualClock()
const ALL = { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }
const RECORDS = 7_000
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(root, 'store-'))
})

const open = (): SqliteRecordStore => openStore(folder, clock, 6)

/** Readings 1 to 7000, most of them in seven batches, the last thousand not sealed yet. */
async function filled(): Promise<SqliteRecordStore> {
  const store = open()
  for (let at = 0; at < RECORDS; at += 1_000) {
    const records = Array.from({ length: 1_000 }, (_, index) => reading(clock, at + index + 1))
    await store.append(records, { urgent: true })
    if (at + 1_000 < RECORDS) while (store.seal('detail', ALL));
  }
  return store
}

/** A large stream is left in slices, with turns between them. */
async function left(): Promise<void> {
  for (let slice = 0; slice < 10; slice += 1) await clock.advance(1)
}

/** Every reading is to be sent once, in the new stream, and says where it was before. */
function expectAllMoved(store: SqliteRecordStore, left: string): void {
  while (store.seal('detail', ALL));
  const sent = store
    .pending(1e6)
    .filter(({ streamKind }) => streamKind === 'detail')
    .flatMap(({ stream, number }) => {
      expect(stream).not.toBe(left)
      const batch = store.load(stream, number)
      invariant(batch, 'a pending batch')
      const { header, records } = openSealed(batch)
      return records.map(({ seq }) => originOf(header, seq))
    })
  expect(sent.map((origin) => origin?.seq)).toEqual(Array.from({ length: RECORDS }, (_, index) => index + 1))
  expect(new Set(sent.map((origin) => origin?.stream))).toEqual(new Set([left]))
  expect(store.verify().findings).toEqual([])
}

describe('a stream that is left for a new one', () => {
  it('takes everything unacknowledged along, however much it is', async () => {
    const store = await filled()
    const old = streamOf(store)
    store.restartStream(old, 'conflict')
    await left()
    expectAllMoved(store, old)
    await store.close()
  })

  it('left twice, names for each record where it was first', async () => {
    const store = await filled()
    const first = streamOf(store)
    store.restartStream(first, 'conflict')
    await left()
    while (store.seal('detail', ALL));
    const second = streamOf(store)
    expect(second).not.toBe(first)
    store.restartStream(second, 'conflict')
    await left()
    expectAllMoved(store, first)
    await store.close()
  })

  it('left again before its copies were sealed, is no sign of tampering', async () => {
    const store = open()
    await store.append(
      Array.from({ length: 10 }, (_, index) => reading(clock, index + 1)),
      { urgent: true },
    )
    for (const reason of ['first', 'second', 'third']) store.restartStream(streamOf(store), reason)
    expect([...store.records({ stream: 'detail' })]).toHaveLength(10)
    expect(store.verify().findings).toEqual([])
    await store.close()
  })

  it('goes on where a crash stopped it', async () => {
    const store = await filled()
    const old = streamOf(store)
    await store.close()
    const db = new Sqlite(join(folder, 'store.sqlite'))
    const tables = new Tables(db)
    const stamp = { boot: clock.bootId, mono: clock.mono(), wall: clock.wall(), quality: 'U' } as const
    beginRestart(tables, old, 'conflict', new SeededRandom(8), stamp)
    expect(copySlice(tables, old, stamp)).toBeGreaterThan(0)
    expect(streamsBeingLeft(tables)).toEqual([old])
    db.close()
    const again = open()
    await left()
    expectAllMoved(again, old)
    await again.close()
    const after = new Sqlite(join(folder, 'store.sqlite'))
    expect(streamsBeingLeft(new Tables(after))).toEqual([])
    after.close()
  })
})

/** Numbers of the stream that was left that gap records in the ledger name. */
function named(store: SqliteRecordStore, left: string): number[] {
  return [...store.records({ stream: 'ledger', kinds: ['gap'] })].flatMap(({ record }) =>
    record.kind === 'gap' && record.stream === left
      ? Array.from({ length: record.last - record.first + 1 }, (_, index) => record.first + index)
      : [],
  )
}

describe('copies that are given up', () => {
  const MOVED = 300

  async function moved(count = MOVED): Promise<{ readonly store: SqliteRecordStore; readonly left: string }> {
    const store = open()
    await store.append(
      Array.from({ length: count }, (_, index) => reading(clock, index + 1)),
      { urgent: true },
    )
    const left = streamOf(store)
    store.restartStream(left, 'conflict')
    return { store, left }
  }

  for (const sealed of [false, true]) {
    it(`are named under the numbers they were promised by, ${sealed ? 'sealed' : 'not sealed yet'}`, async () => {
      const { store, left } = await moved()
      if (sealed) while (store.seal('detail', { ...ALL, maxDecodedBytes: 4_000 }));
      await store.close()
      const db = new Sqlite(join(folder, 'store.sqlite'))
      const tables = new Tables(db)
      for (let freed = 1; freed > 0; )
        freed = db.transaction(() => evictSlice(tables, 1e9, 'storage_cap', false, stampOf(clock)))()
      db.close()
      const again = open()
      expect([...again.records({ stream: 'detail' })]).toEqual([])
      expect(named(again, left)).toEqual(Array.from({ length: MOVED }, (_, index) => index + 1))
      expect(again.verify().findings).toEqual([])
      await again.close()
    })
  }

  it('of a single record refused for good, the void tells where it was', async () => {
    const { store, left } = await moved(4)
    while (store.seal('detail', ALL));
    for (let [batch] = store.pending(1); batch; [batch] = store.pending(1)) {
      if (batch.streamKind !== 'detail') {
        store.acknowledge([batch])
        continue
      }
      const held = store.load(batch.stream, batch.number)
      invariant(held, 'it waits')
      const { header } = openSealed(held)
      if (header.void?.successors.length === 0) {
        expect(header.origin).toEqual([{ first: header.first, count: 1, stream: left, was: header.first }])
        break
      }
      if (header.void) store.acknowledge([batch])
      else store.refuse(batch.stream, batch.number, 'HTTP 413')
    }
    await store.close()
  })
})
