import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { epochMs, gatewayIdSchema, sha256Hex } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acceptBatch, readBatch } from '../ingest/accept-batch.js'
import { GatewayDouble, type TestBatch } from '../testing/gateway-double.js'
import { planOf } from '../testing/query-plan.js'
import { interval, reading, T0 } from '../testing/records.js'
import { migrate } from './migrate.js'
import type { SqlEngine, SqlTransaction } from './sql.js'
import { SqlIngest } from './sql-ingest.js'
import { SqlRegistry } from './sql-registry.js'
import { Sqlite } from './sqlite.js'
import { SqliteEngine } from './sqlite-engine.js'

const folder = mkdtempSync(join(tmpdir(), 'metergate-ingest-'))
const path = join(folder, 'ingest.sqlite')
const gateway = gatewayIdSchema.parse('gw-0123456789')
/** Statements of the commit under way. */
const texts: string[] = []
let engine: SqliteEngine
let ingest: SqlIngest
let file: Database.Database

beforeAll(async () => {
  engine = SqliteEngine.open(path)
  await migrate(engine)
  const codeHash = sha256Hex('code')
  const registry = new SqlRegistry(engine)
  await registry.invite({ codeHash, name: '东一楼', createdAt: epochMs(T0), expiresAt: epochMs(T0 + 1) })
  const publicKey = 'key'
  await registry.enrol({ codeHash, gateway, publicKey, name: undefined, software: 'test/1', at: epochMs(T0) })
  ingest = new SqlIngest(listening(engine))
  file = new Sqlite(path)
})
afterAll(async () => {
  file.close()
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})

function listening(below: SqlEngine): SqlEngine {
  const noting = (tx: SqlTransaction): SqlTransaction => ({
    run: (text, values) => {
      texts.push(text)
      return tx.run(text, values)
    },
    all: (row, text, values) => {
      texts.push(text)
      return tx.all(row, text, values)
    },
  })
  return {
    kind: below.kind,
    forUpdate: below.forUpdate,
    read: (work) => below.read((tx) => work(noting(tx))),
    write: (work) => below.write((tx) => work(noting(tx))),
    close: () => below.close(),
  }
}

async function commit({ header, decoded }: TestBatch): Promise<readonly string[]> {
  const body = brotliCompressSync(decoded)
  const bytes = { gateway: header.gateway, encoding: 'br' as const, body, decoded, receivedAt: epochMs(T0) }
  const read = readBatch(bytes)
  if (!read.ok) throw new Error(read.fault.why)
  texts.length = 0
  expect(await ingest.commit(acceptBatch(bytes, read.value))).toMatchObject({ kind: 'committed' })
  return [...texts]
}

function sender(): GatewayDouble {
  const double = new GatewayDouble(randomBytes(16).toString('hex'))
  double.id = gateway
  return double
}

const meters = (count: number): string[] => Array.from({ length: count }, (_, index) => `press-${index + 1}`)

/** A step of a plan that goes over a whole table or index. */
const SCAN = expect.stringMatching(/^SCAN (?!CONSTANT)/)

/** Over a network each statement is a round trip, under the lock of its gateway. */
describe('filing a batch', () => {
  it('takes as many statements for 24 meters as for one', async () => {
    const [one, many] = [sender(), sender()]
    const readings = async (double: GatewayDouble, count: number) => {
      await commit(double.seal(meters(count).map((meter) => reading(T0, 1, 1, meter))))
      return commit(double.seal(meters(count).map((meter) => reading(T0 + 60_000, 2, 2, meter))))
    }
    expect((await readings(one, 1)).length).toBe(15)
    expect((await readings(many, 24)).length).toBe(15)
  })

  it('takes one statement for the intervals of all meters', async () => {
    const records = meters(24).flatMap((meter) => [0, 1, 2].map((i) => interval(T0 + i * 900_000, i, i + 1, 0, meter)))
    const filed = (await commit(sender().seal(records))).filter((text) => text.includes('INTO intervals'))
    // 72 rows, 40 in a statement.
    expect(filed).toHaveLength(2)
  })

  it('searches for what it needs to know and never walks over a table', async () => {
    const asked = await commit(sender().seal(meters(3).map((meter) => reading(T0, 3, 3, meter))))
    const questions = asked.filter((text) => text.trimStart().startsWith('SELECT'))
    expect(questions.length).toBeGreaterThan(6)
    for (const text of questions) for (const step of plan(text)) expect([text, step]).not.toEqual([text, SCAN])
    expect(plan('SELECT number FROM ledger WHERE received_at > ?')).toContainEqual(SCAN)
  })
})

const plan = (text: string): string[] => planOf(file, text)
