import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type GapRecord, invariant, type StreamRecord } from '@metergate/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSealed } from './open-sealed.js'
import { Sqlite } from './sqlite.js'
import { SqliteRecordStore } from './sqlite-record-store.js'
import { event, ROOMY_DISK, reading, SEALER, SeededRandom } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'
import { openStore } from './testing/open-store.js'

const LONG = process.env.METERGATE_LONG !== undefined
const root = mkdtempSync(join(tmpdir(), 'metergate-rows-'))
afterAll(() => rmSync(root, { recursive: true }))
const ALL = { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }
const RECORDS = 66
/** Acknowledged before the damage: readings 1..20. */
const SENT = 20

/** Two acknowledged batches, four that wait, three rows unsealed, and a ledger; closed, so that it is one file. */
let sound: Buffer
beforeAll(async () => {
  const folder = mkdtempSync(join(root, 'sound-'))
  const clock = new ManualClock()
  const store = openStore(folder, clock, 3)
  for (let n = 1; n <= RECORDS; n += 2) {
    await store.append([reading(clock, n), reading(clock, n + 1), event(clock, n)], { urgent: true })
    if (n % 10 === 9 && n < 60) {
      const batch = store.seal('detail', ALL)
      invariant(batch, 'sealed')
      if (n < SENT) store.acknowledge([batch])
    }
    if (n === 29) store.seal('ledger', ALL)
  }
  await store.close()
  sound = readFileSync(join(folder, 'store.sqlite'))
})

interface Seen {
  readonly started: boolean
  readonly setAside: boolean
  readonly gaps: readonly GapRecord[]
  /** Readings that are neither there nor named. */
  readonly missing: readonly number[]
  /** Readings without an acknowledgement that nobody would send and no gap record names. */
  readonly unsent: readonly number[]
  readonly findings: readonly string[]
  /** Rows set aside, as `status` shows them. */
  readonly quarantined: number
}

/** Starts a store of those bytes, twice, and looks at everything. */
async function look(bytes: Uint8Array, edit?: string): Promise<Seen> {
  const folder = mkdtempSync(join(root, 'store-'))
  writeFileSync(join(folder, 'store.sqlite'), bytes)
  if (edit !== undefined) {
    const db = new Sqlite(join(folder, 'store.sqlite'))
    db.exec(`PRAGMA foreign_keys = OFF; ${edit}`)
    db.close()
  }
  const settings = { ballastBytes: 0 }
  const parts = { folder, clock: new ManualClock(), random: new SeededRandom(5), disk: ROOMY_DISK, settings }
  const store = new SqliteRecordStore({ ...parts, sealer: () => SEALER })
  const started = store.start()
  if (!started.ok)
    return {
      started: false,
      setAside: false,
      gaps: [],
      missing: [],
      unsent: [],
      findings: [started.fault.why],
      quarantined: 0,
    }
  // What a walk over the whole store comes upon, the next commit repairs.
  store.verify()
  await store.append([event(parts.clock, 99)], { urgent: true })
  const seen = lookAt(store)
  await store.close()
  const setAside = readdirSync(folder).some((name) => name.includes('.corrupt-'))
  rmSync(folder, { recursive: true })
  return { ...seen, setAside }
}

function lookAt(store: SqliteRecordStore): Seen {
  const findings = store.verify().findings.map((each) => `${each.what} ${each.number}: ${each.kind}`)
  const gaps = [...store.records({ stream: 'ledger', kinds: ['gap'] })].flatMap(({ record }) =>
    record.kind === 'gap' ? [record] : [],
  )
  const there = new Set([...store.records({ stream: 'detail' })].flatMap(({ record }) => valuesOf(record)))
  // What waits may be in batches, and what is not sealed will be.
  while (store.seal('detail', ALL)) {}
  const waits = new Set(
    store.pending(1e6).flatMap(({ stream, number }) => {
      const batch = store.load(stream, number)
      return batch ? openSealed(batch).records.flatMap(({ record }) => valuesOf(record)) : []
    }),
  )
  const all = Array.from({ length: RECORDS }, (_, index) => index + 1)
  const isNamed = (n: number) =>
    gaps.some(({ stream_kind, first, last }) => stream_kind === 'detail' && first <= n && n <= last)
  const missing = all.filter((n) => !there.has(n) && !isNamed(n))
  const unsent = all.filter((n) => n > SENT && !waits.has(n) && !isNamed(n))
  return { started: true, setAside: false, gaps, missing, unsent, findings, quarantined: store.health().quarantined }
}

const valuesOf = (record: StreamRecord): number[] =>
  record.kind === 'reading' ? record.values.flatMap((each) => ('value' in each ? [each.value.n] : [])) : []

/** Nothing lost in silence; and what `verify` still finds, the store has told of. What the cloud has is history: `verify` tells. */
function leftOf(seen: Seen): string {
  const isTold = seen.setAside || seen.gaps.length > 0
  const findings = isTold
    ? []
    : seen.findings.filter((each) => !/^batch ([12]: (changed|contradicts_itself)|[123]: unchained)$/.test(each))
  const isCounted = seen.findings.length > 0 || seen.quarantined > 0
  const missing = isCounted ? seen.missing.filter((n) => n > SENT) : seen.missing
  const left = { started: seen.started, missing, unsent: seen.unsent, findings }
  return isDeepStrictEqual(left, { started: true, missing: [], unsent: [], findings: [] })
    ? ''
    : JSON.stringify(left).slice(0, 160)
}

const BATCH = 'UPDATE batch SET'
const FOURTH = 'WHERE stream = 1 AND number = 4'
/** Rows that say what their bytes do not. */
const EDITS = {
  mended: [
    `${BATCH} first = first + 2 ${FOURTH}`,
    `${BATCH} last = last - 8 ${FOURTH}`,
    `${BATCH} previous = replace(previous, substr(previous, 1, 1), 'a') ${FOURTH}`,
    `${BATCH} void = 1 ${FOURTH}`,
    `${BATCH} kinds = 2 ${FOURTH}`,
    `${BATCH} time_min = time_min + 1048576 ${FOURTH}`,
    `${BATCH} time_max = time_max - 1048576 ${FOURTH}`,
    `${BATCH} oldest_wall = 7 ${FOURTH}`,
    `${BATCH} meters = 'press-9' ${FOURTH}`,
    `${BATCH} size = size + 64 ${FOURTH}`,
    `${BATCH} decoded_size = 3 ${FOURTH}`,
    'UPDATE chunk SET first = first + 1 WHERE id = (SELECT min(id) FROM chunk WHERE stream = 1)',
    'UPDATE chunk SET last = last - 1 WHERE id = (SELECT max(id) FROM chunk WHERE stream = 1)',
  ],
  salvaged: [
    'UPDATE chunk SET last = last + 4096 WHERE id = (SELECT min(id) FROM chunk WHERE stream = 1)',
    `${BATCH} body = zeroblob(length(body)), first = 1, last = 90000 ${FOURTH}`,
    `${BATCH} number = 12 ${FOURTH}`,
    `${BATCH} stream = 2, number = 40 ${FOURTH}`,
    `${BATCH} stream = 5 ${FOURTH}`,
    'UPDATE chunk SET stream = 2 WHERE id = (SELECT min(id) FROM chunk WHERE stream = 1)',
    'UPDATE chunk SET stream = 9 WHERE id = (SELECT max(id) FROM chunk)',
    'UPDATE stream SET last_seq = last_seq - 4 WHERE id = 1',
    'UPDATE stream SET last_batch = last_batch - 1 WHERE id = 1',
    'UPDATE stream SET last_batch = last_batch + 2 WHERE id = 1',
    "UPDATE stream SET last_sha256 = replace(last_sha256, substr(last_sha256, 1, 1), 'b') WHERE id = 1",
    'UPDATE stream SET last_sha256 = NULL WHERE id = 1',
    'UPDATE stream SET current = 0 WHERE id = 2',
    "UPDATE stream SET kind = 'letail' WHERE id = 1",
    "UPDATE stream SET stream = replace(stream, substr(stream, 1, 1), 'x') WHERE id = 1",
  ],
  named: [
    `${BATCH} body = zeroblob(length(body)) ${FOURTH}`,
    `${BATCH} body = zeroblob(length(body)), last = last - 8 ${FOURTH}`,
    `${BATCH} body = zeroblob(length(body)), first = 1 ${FOURTH}`,
    `${BATCH} body = NULL ${FOURTH}`,
    'UPDATE chunk SET body = zeroblob(9), first = first + 1 WHERE id = (SELECT min(id) FROM chunk WHERE stream = 1)',
    'UPDATE chunk SET body = zeroblob(9), last = last - 1 WHERE id = (SELECT max(id) FROM chunk WHERE stream = 1)',
    'UPDATE chunk SET body = zeroblob(9), last = last - 1 WHERE id = (SELECT min(id) FROM chunk WHERE stream = 1)',
    'UPDATE stream SET last_seq = last_seq + 64 WHERE id = 1',
  ],
} as const

describe('a row that says what nobody wrote', () => {
  it('is not there in a sound store', async () => {
    expect(await look(sound)).toMatchObject({
      started: true,
      setAside: false,
      gaps: [],
      missing: [],
      unsent: [],
      findings: [],
    })
  })

  for (const edit of EDITS.mended)
    it(`is mended from its bytes: ${edit}`, async () => {
      expect(await look(sound, edit)).toMatchObject({
        setAside: false,
        gaps: [],
        missing: [],
        unsent: [],
        findings: [],
      })
    })

  for (const edit of EDITS.salvaged)
    it(`has the file salvaged where numbers or chains hang on it: ${edit}`, async () => {
      const seen = await look(sound, edit)
      expect(seen.setAside).toBe(true)
      expect(leftOf(seen)).toBe('')
    })

  for (const edit of EDITS.named)
    it(`is named with the numbers that were its own: ${edit}`, async () => {
      const seen = await look(sound, edit)
      expect(leftOf(seen)).toBe('')
      expect(seen).toMatchObject({ setAside: false, findings: [] })
      expect(seen.gaps.filter((gap) => gap.reason === 'corrupt')).toHaveLength(1)
    })
})

/** One bit after another, wherever it falls: header, schema, trees, rows, bytes. */
describe('a flipped bit', () => {
  it('anywhere in the file loses nothing in silence', { timeout: 7_200_000 }, async () => {
    const chance = new SeededRandom(Number(process.env.METERGATE_SEED ?? 20))
    const lost: string[] = []
    for (let round = 0; round < (LONG ? 20_000 : 120); round += 1) {
      const bytes = Buffer.from(sound)
      const places = Array.from({ length: round % 3 === 0 ? 8 : 1 }, () => {
        const [at, bit] = [Math.floor(chance.next() * bytes.length), Math.floor(chance.next() * 8)]
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
        return `bit ${bit} of byte ${at}`
      })
      const left = leftOf(await look(bytes))
      if (left !== '') lost.push(`round ${round}, ${places.join(', ')}: ${left}`)
    }
    expect(lost).toEqual([])
  })
})
