import { brotliCompressSync } from 'node:zlib'
import { epochMs, gatewayIdSchema, meterIdSchema, type StreamRecord, sha256Hex } from '@metergate/protocol'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acceptBatch, readBatch } from '../ingest/accept-batch.js'
import { GatewayDouble } from '../testing/gateway-double.js'
import { PostgresServer, postgresBinaries } from '../testing/postgres-server.js'
import { interval } from '../testing/records.js'
import { openPostgresSeriesStore } from './postgres-series-store.js'
import type { SeriesStore } from './series-store.js'

const bin = postgresBinaries()
const GATEWAY = gatewayIdSchema.parse('gw-months0001')

async function enrol(store: SeriesStore): Promise<GatewayDouble> {
  const [codeHash, sender] = [sha256Hex('months'), new GatewayDouble('e'.repeat(32))]
  const at = epochMs(0)
  await store.registry.invite({ codeHash, name: 'months', createdAt: at, expiresAt: epochMs(1) })
  const { publicKey } = sender
  await store.registry.enrol({ codeHash, gateway: GATEWAY, publicKey, name: 'months', software: 'test/1', at })
  sender.id = GATEWAY
  return sender
}

async function commit(store: SeriesStore, sender: GatewayDouble, records: readonly StreamRecord[], at: number) {
  const { decoded } = sender.seal(records)
  const body = brotliCompressSync(decoded)
  const bytes = { gateway: GATEWAY, encoding: 'br' as const, body, decoded, receivedAt: epochMs(at) }
  const read = readBatch(bytes)
  if (!read.ok) throw new Error(read.fault.why)
  return store.ingest.commit(acceptBatch(bytes, read.value))
}

describe.skipIf(bin === undefined)('months of PostgreSQL (SKIPPED where there is no server)', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await PostgresServer.start(bin ?? '')
  }, 60_000)
  afterAll(() => server.stop())

  const rowsByPart = async (): Promise<Record<string, number>> => {
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    try {
      const text = 'SELECT inhrelid::regclass::text AS name FROM pg_inherits ORDER BY 1'
      const { rows } = await client.query<{ name: string }>(text)
      const tables = rows.filter(({ name }) => !name.includes('pkey'))
      const counted: Record<string, number> = {}
      for (const { name } of tables) {
        const { rows: found } = await client.query<{ n: number }>(`SELECT count(*)::integer AS n FROM ${name}`)
        counted[name] = found[0]?.n ?? 0
      }
      return counted
    } finally {
      await client.end()
    }
  }

  it('are made ahead by upkeep alone; what has none of its own is taken all the same and moved later', async () => {
    const store = await openPostgresSeriesStore(server.url)
    const sender = await enrol(store)
    const november = Date.UTC(2026, 10, 20)
    const far = Date.UTC(2031, 4, 20)
    await commit(store, sender, [interval(november, 100, 200), interval(far, 100, 200)], november)
    expect(await rowsByPart()).toEqual({ batch_bytes_rest: 1, intervals_rest: 2 })

    await Promise.all([1, 2].map(() => store.upkeep(epochMs(november))))
    const parts = await rowsByPart()
    expect(Object.keys(parts).filter((name) => name.startsWith('intervals'))).toEqual(
      ['2026_10', '2026_11', '2026_12', '2027_01', '2027_02', 'rest'].map((month) => `intervals_${month}`),
    )
    expect(parts).toMatchObject({
      batch_bytes_2026_11: 1,
      batch_bytes_rest: 0,
      intervals_2026_11: 1,
      intervals_rest: 1,
    })

    await store.upkeep(epochMs(far))
    expect(await rowsByPart()).toMatchObject({ intervals_2031_05: 1, intervals_rest: 0 })
    await commit(store, sender, [interval(far, 100, 300, 1)], far)
    expect(await rowsByPart()).toMatchObject({ intervals_2031_05: 1, batch_bytes_2031_05: 1 })

    const all = { from: epochMs(0), to: epochMs(far + 1) }
    const found = await store.reader.intervals(GATEWAY, meterIdSchema.parse('press-1'), all)
    expect(found.map(({ revision }) => revision)).toEqual([0, 1])
    await store.close()
  })
})
