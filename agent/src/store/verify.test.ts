import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Sqlite } from './sqlite.js'
import { Tables } from './tables.js'
import { event, reading, SeededRandom } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'
import { openStore } from './testing/open-store.js'
import { verifyStore } from './verify.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-verify-'))
const original = join(root, 'original')
afterAll(() => rmSync(root, { recursive: true }))

/** Ten batches of ten readings, then five rows of ten that are not sealed yet. */
beforeAll(async () => {
  const clock = new ManualClock()
  const store = openStore(original, clock, 9)
  for (let round = 0; round < 15; round += 1) {
    const records = Array.from({ length: 10 }, (_, index) => reading(clock, round * 10 + index))
    await store.append([...records, event(clock, round)], { urgent: true })
    if (round < 10) store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 1e6 })
  }
  await store.close()
})

let copies = 0
function verdictAfter(edit: (db: Database.Database) => void) {
  copies += 1
  const folder = join(root, `copy-${copies}`)
  cpSync(original, folder, { recursive: true })
  const db = new Sqlite(join(folder, 'store.sqlite'))
  db.pragma('foreign_keys = OFF')
  edit(db)
  const verdict = verifyStore(new Tables(db))
  db.close()
  return verdict
}
const batch = (number: number) => `stream = 1 AND number = ${number}`

/** Every way of editing batch or row `n` (both have ten), and what must be named first. */
const EDITS: Record<string, { readonly sql: (n: number) => string; readonly what: 'batch' | 'row' }> = {
  'a changed batch body': {
    sql: (n) => `UPDATE batch SET body = (SELECT body FROM batch WHERE ${batch((n % 10) + 1)}) WHERE ${batch(n)}`,
    what: 'batch',
  },
  'a changed batch hash': {
    sql: (n) => `UPDATE batch SET sha256 = '${'0'.repeat(64)}' WHERE ${batch(n)}`,
    what: 'batch',
  },
  'a changed batch row': { sql: (n) => `UPDATE batch SET last = last + 1 WHERE ${batch(n)}`, what: 'batch' },
  'a removed batch': { sql: (n) => `DELETE FROM batch WHERE ${batch(n)}`, what: 'batch' },
  'a removed body': { sql: (n) => `UPDATE batch SET body = NULL WHERE ${batch(n)}`, what: 'batch' },
  'batches in another order': {
    sql: (n) => `UPDATE batch SET number = -1 WHERE ${batch(n)};
      UPDATE batch SET number = ${n} WHERE ${batch((n % 10) + 1)};
      UPDATE batch SET number = ${(n % 10) + 1} WHERE stream = 1 AND number = -1`,
    what: 'batch',
  },
}

const RANDOM_EDITS = process.env.METERGATE_LONG ? 500 : 40

function randomEdit(pick: <T>(list: readonly [T, ...T[]]) => T, n: number): string {
  const number = (n % 10) + 1
  const row = `stream = 1 AND first = ${101 + (n % 5) * 10}`
  const column = pick([
    'first',
    'last',
    'size',
    'decoded_size',
    'kinds',
    'time_min',
    'time_max',
    'oldest_wall',
    'number',
  ])
  return pick([
    `UPDATE batch SET ${column} = ${column} + ${1000 + n} WHERE ${batch(number)}`,
    `UPDATE batch SET meters = meters || ' x', void = 1 - void WHERE ${batch(number)}`,
    `UPDATE batch SET previous = sha256, sha256 = previous WHERE ${batch(Math.max(2, number))}`,
    `UPDATE batch SET body = CAST(substr(body, 1, ${10 + (n % 40)}) || x'5a' || substr(body, ${12 + (n % 40)}) AS BLOB) WHERE ${batch(number)}`,
    `DELETE FROM batch WHERE ${batch(number)}`,
    `INSERT INTO batch SELECT id + 1000, stream, ${11 + (n % 90)}, first, last, status, void, sha256, voided_sha256, previous, encoding,
       size, decoded_size, kinds, time_min, time_max, oldest_wall, meters, body FROM batch WHERE ${batch(number)}`,
    `UPDATE chunk SET ${pick(['first', 'last'])} = ${1000 + n} WHERE ${row}`,
    `UPDATE chunk SET checksum = '${String(n).padStart(32, '0')}' WHERE ${row}`,
    `UPDATE chunk SET body = CAST(substr(body, 1, 20) || x'00ff' || substr(body, 22) AS BLOB) WHERE ${row}`,
    `DELETE FROM chunk WHERE ${row}`,
    `INSERT INTO chunk (stream, first, last, checksum, body) SELECT stream, first, last, checksum, body FROM chunk WHERE ${row}`,
    `UPDATE stream SET last_seq = last_seq ${pick(['+', '-'])} ${1 + (n % 90)} WHERE id = 1`,
    `UPDATE stream SET last_batch = last_batch + ${1 + (n % 9)} WHERE id = 1`,
    `UPDATE stream SET last_sha256 = '${String(n).padStart(64, '0')}' WHERE id = 1`,
  ])
}

describe('verify', () => {
  it('finds nothing in a store nobody touched, and looks at all of it', () => {
    expect(verdictAfter(() => undefined)).toEqual({ batches: 10, rows: 65, findings: [] })
  })

  for (const [name, { sql, what }] of Object.entries(EDITS)) {
    it(`names ${name}, wherever it is`, () => {
      for (let n = 1; n <= 10; n += 1) {
        const [first] = verdictAfter((db) => db.exec(sql(n))).findings
        expect(first, `edit of batch ${n}`).toBeDefined()
        expect(first?.what).toBe(what)
        // A swap of the last with the first begins at the first.
        expect([n, (n % 10) + 1]).toContain(first?.number)
      }
    })
  }

  it('names a changed, removed, doubled or reordered row', () => {
    for (let n = 0; n < 5; n += 1) {
      const seq = 101 + n * 10
      const where = `stream = 1 AND first = ${seq}`
      for (const edit of [
        `UPDATE chunk SET body = CAST(body || x'00' AS BLOB) WHERE ${where}`,
        `UPDATE chunk SET first = first + 1 WHERE ${where}`,
        `DELETE FROM chunk WHERE ${where}`,
        `INSERT INTO chunk (stream, first, last, checksum, body) SELECT stream, first, last, checksum, body FROM chunk WHERE ${where}`,
        `UPDATE chunk SET id = id + 1000 WHERE ${where}`,
      ]) {
        const findings = verdictAfter((db) => db.exec(edit)).findings
        // Moving the very last row behind itself changes nothing.
        if (n === 4 && edit.includes('id + 1000')) expect(findings).toEqual([])
        else expect(findings.length, edit).toBeGreaterThan(0)
      }
    }
  })

  /** By whoever has SQL and no key: values, whole rows, their order, the marks of a stream. */
  it(`finds every one of ${RANDOM_EDITS} random edits`, { timeout: 300_000 }, () => {
    const random = new SeededRandom(43)
    const pick = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(random.next() * list.length)] ?? list[0]
    const missed: string[] = []
    for (let n = 0; n < RANDOM_EDITS; n += 1) {
      const edit = randomEdit(pick, Math.floor(random.next() * 1e6))
      if (verdictAfter((db) => db.exec(edit)).findings.length === 0) missed.push(edit)
    }
    expect(missed).toEqual([])
  })

  it('names a tail that was cut off, and a high-water mark that was turned back', () => {
    expect(verdictAfter((db) => db.exec('DELETE FROM chunk WHERE first = 141')).findings[0]).toMatchObject({
      number: 141,
    })
    expect(verdictAfter((db) => db.exec('UPDATE stream SET last_seq = 120 WHERE id = 1')).findings).toHaveLength(1)
    expect(verdictAfter((db) => db.exec(`DELETE FROM batch WHERE ${batch(10)}`)).findings[0]).toMatchObject({
      what: 'batch',
      number: 10,
    })
  })
})
