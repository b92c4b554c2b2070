import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invariant } from '@metergate/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase, PAGE_SIZE } from './open-database.js'
import { SqliteRecordStore } from './sqlite-record-store.js'
import { Tables } from './tables.js'
import { ROOMY_DISK, reading, SEALER, SeededRandom } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'
import { readLog } from './write-ahead-log.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-log-'))
const crashed = join(root, 'crashed')
const COMMITS = 30
const FRAME = 24 + PAGE_SIZE
afterAll(() => rmSync(root, { recursive: true }))

const open = (folder: string): SqliteRecordStore =>
  new SqliteRecordStore({
    folder,
    clock: new ManualClock(),
    random: new SeededRandom(4),
    disk: ROOMY_DISK,
    sealer: () => SEALER,
    settings: { ballastBytes: 0 },
  })

/** Thirty commits of ten readings, all still in the log, as kill -9 leaves them. */
beforeAll(async () => {
  const folder = mkdtempSync(join(root, 'store-'))
  const clock = new ManualClock()
  const store = open(folder)
  invariant(store.start().ok, 'not started')
  for (let n = 0; n < COMMITS; n += 1) {
    const records = Array.from({ length: 10 }, (_, index) => reading(clock, n * 10 + index))
    const stored = await store.append(records, { urgent: true })
    invariant(stored.ok, 'not stored')
  }
  cpSync(folder, crashed, { recursive: true })
  await store.close()
})

/** Starts a copy of the crashed store after `edit` of its log; the numbers of 1 to 300 neither kept nor named. */
async function afterwards(edit: (log: Buffer) => Buffer) {
  const folder = mkdtempSync(join(root, 'copy-'))
  cpSync(crashed, folder, { recursive: true })
  const log = join(folder, 'store.sqlite-wal')
  writeFileSync(log, edit(readFileSync(log)))
  const { damage } = readLog(log, PAGE_SIZE)
  const store = open(folder)
  const started = store.start()
  invariant(started.ok, 'not started')
  const kept = new Set(
    [...store.records({ stream: 'detail' })].map(({ record }) =>
      record.kind === 'reading' && record.values[0] && 'value' in record.values[0] ? record.values[0].value.n : -1,
    ),
  )
  const gaps = [...store.records({ stream: 'ledger', kinds: ['gap'] })].flatMap(({ record }) =>
    record.kind === 'gap' ? [record] : [],
  )
  const lost = Array.from({ length: COMMITS * 10 }, (_, index) => index).filter(
    (n) => !kept.has(n) && !gaps.some(({ first, last }) => first <= n + 1 && n + 1 <= last),
  )
  await store.close()
  return { damage, lost, kept: kept.size, isAside: readdirSync(folder).includes('store.sqlite.corrupt-1') }
}
const flip = (log: Buffer, byte: number, bit: number): Buffer => {
  log[byte] = (log[byte] ?? 0) ^ (1 << bit)
  return log
}

describe('a write-ahead log left by a crash', () => {
  it('is whole when nothing happened to it', async () => {
    expect(existsSync(join(crashed, 'store.sqlite-wal'))).toBe(true)
    expect(await afterwards((log) => log)).toEqual({ damage: undefined, lost: [], kept: 300, isAside: false })
  })

  it('loses nothing in silence by one flipped bit, wherever it is but in the last transaction', async () => {
    const random = new SeededRandom(21)
    const size = readFileSync(join(crashed, 'store.sqlite-wal')).length
    for (let round = 0; round < 12; round += 1) {
      const byte = Math.floor(random.next() * (size - 8 * FRAME))
      const found = await afterwards((log) => flip(log, byte, round % 8))
      expect(found.lost, `bit ${round % 8} of byte ${byte}`).toEqual([])
    }
  })

  it('would lose its end without a word if SQLite alone were believed', () => {
    const folder = mkdtempSync(join(root, 'copy-'))
    cpSync(crashed, folder, { recursive: true })
    const log = join(folder, 'store.sqlite-wal')
    writeFileSync(log, flip(readFileSync(log), 32 + 60 * FRAME + 24 + 500, 1))
    const opened = openDatabase(join(folder, 'store.sqlite'), { capBytes: 1e8 })
    invariant(opened.ok, 'not opened')
    const tables = new Tables(opened.value)
    const [stream] = tables.streams()
    expect(stream?.last_seq).toBeLessThan(COMMITS * 10)
    opened.value.close()
  })

  it.each([0, 5, 9, 17, 20, 27, 31])(
    'gives back all but the page it hit, with byte %i of its header flipped',
    async (byte) => {
      const found = await afterwards((log) => flip(log, byte, 3))
      expect(found).toMatchObject({ lost: [], isAside: true })
      expect(found.kept).toBe(300)
    },
  )

  it.each([[3], [3, 700]])('is taken for damaged when bits %j of the last frame have flipped', async (...bytes) => {
    const found = await afterwards((log) => {
      const last = log.length - PAGE_SIZE
      for (const byte of bytes) flip(log, last + byte, 5)
      return log
    })
    expect(found.damage).toContain('1 commits lie behind 1 broken')
    expect(found.isAside).toBe(true)
  })

  it('is taken for damaged when committed frames lie behind a broken one, and the others are read all the same', async () => {
    const found = await afterwards((log) => flip(log, 32 + 10 * FRAME + 24 + 500, 1))
    expect(found.damage).toContain('has decayed')
    expect(found).toMatchObject({ isAside: true, lost: [] })
    expect(found.kept).toBeGreaterThan(250)
  })

  it('ends at a torn transaction, as SQLite has it: no damage', async () => {
    // The cut left out one block of 4 KiB in the last transaction's middle, or its end.
    const torn = await afterwards((log) => log.subarray(0, log.length - 2 * FRAME - 100))
    expect(torn).toMatchObject({ damage: undefined, isAside: false })
    // A process that died between the two writes of the last frame: its page is still the one of the round before.
    const stale = await afterwards((log) => {
      log.copy(log, log.length - PAGE_SIZE, 32 + 40 * FRAME + 24, 32 + 41 * FRAME)
      return log
    })
    expect(stale).toMatchObject({ damage: undefined, isAside: false })
    const holed = await afterwards((log) => log.fill(0, log.length - 4 * FRAME, log.length))
    expect(holed).toMatchObject({ damage: undefined, isAside: false })
  })
})
