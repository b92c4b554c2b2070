import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { PAGE_SIZE } from './open-database.js'
import type { SqliteRecordStore } from './sqlite-record-store.js'
import { event, reading, streamOf } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'
import { openStore } from './testing/open-store.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-salvage-'))
afterAll(() => rmSync(root, { recursive: true }))
const ALL = { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }
let clock: ManualClock
let folder = ''
beforeEach(() => {
  clock = new ManualClock()
  folder = mkdtempSync(join(root, 'store-'))
})

/** The root of a table decays; the rows are on other pages, or in the log. */
function damage(): void {
  const file = openSync(join(folder, 'store.sqlite'), 'r+')
  writeSync(file, Buffer.alloc(PAGE_SIZE, 0xee), 0, PAGE_SIZE, PAGE_SIZE)
  closeSync(file)
}

const values = (store: SqliteRecordStore): number[] =>
  [...store.records({ stream: 'detail' })].flatMap(({ record }) =>
    record.kind === 'reading' ? record.values.flatMap((each) => ('value' in each ? [each.value.n] : [])) : [],
  )

async function read(store: SqliteRecordStore, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 1) await store.append([reading(clock, n)], { urgent: true })
}

describe('a damaged store', () => {
  it('is history in the order in which it was written, before and after the damage', async () => {
    const store = openStore(folder, clock, 3)
    await read(store, 1, 40)
    store.seal('detail', ALL)
    await read(store, 41, 50)
    await store.close()
    damage()
    const again = openStore(folder, clock, 4)
    await read(again, 51, 60)
    expect(values(again)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
    // Whoever had read up to a place in the old stream goes on in the new one.
    const [, second] = [...again.records({ stream: 'detail' })]
    if (!second) throw new Error('sixty readings')
    const after = { stream: second.stream, seq: second.seq }
    expect([...again.records({ stream: 'detail', after })]).toHaveLength(58)
    await again.close()
  })

  it('does not bring back what was left behind when its copy is there', async () => {
    const store = openStore(folder, clock, 3)
    await read(store, 1, 10)
    store.seal('detail', ALL)
    store.restartStream(streamOf(store), 'conflict')
    const copy = store.seal('detail', ALL)
    if (!copy) throw new Error('a copy')
    store.acknowledge([copy])
    await store.append([event(clock, 1)], { urgent: true })
    await store.close()
    damage()
    const again = openStore(folder, clock, 4)
    expect(values(again)).toEqual(Array.from({ length: 10 }, (_, index) => index + 1))
    expect(again.pending(9).filter(({ streamKind }) => streamKind === 'detail')).toEqual([])
    await again.close()
  })
})
