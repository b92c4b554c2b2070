import { epochMs, sha256Hex } from '@metergate/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PostgresServer, postgresBinaries } from '../testing/postgres-server.js'
import { PostgresEngine } from './postgres-engine.js'
import { openPostgresSeriesStore } from './postgres-series-store.js'
import { seriesStoreContract } from './series-store.contract.js'
import { StoreUnavailable } from './sql.js'

const bin = postgresBinaries()
const title = bin
  ? 'a real PostgreSQL server'
  : 'PostgreSQL: SKIPPED, no server under /usr/lib/postgresql (apt install postgresql)'

describe.skipIf(bin === undefined)(title, () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await PostgresServer.start(bin ?? '')
  }, 60_000)
  afterAll(() => server.stop())

  seriesStoreContract('PostgreSQL', () => openPostgresSeriesStore(server.url))

  it('lets several servers start at once on an empty database', async () => {
    const stores = await Promise.all([1, 2, 3].map(() => openPostgresSeriesStore(server.url)))
    await Promise.all(stores.map((store) => store.ping()))
    await Promise.all(stores.map((store) => store.close()))
  })

  it('keeps what was committed when the server dies without a word, and is unavailable meanwhile', async () => {
    const store = await openPostgresSeriesStore(server.url)
    const hash = sha256Hex('before the crash')
    await store.registry.addToken(hash, 'dashboard', epochMs(1))
    await server.crashAndRestart()
    // The pool still holds connections to the dead server: asking through them must say "later", not "error".
    const first = await store.registry.token(hash).catch((error: unknown) => error)
    expect(first instanceof StoreUnavailable || (typeof first === 'object' && first !== null)).toBe(true)
    expect(await store.registry.token(hash)).toEqual({ name: 'dashboard', createdAt: 1 })
    await store.close()
  })

  it('may die while a transaction has nothing under way: unavailable, and the program lives on', async () => {
    const engine = PostgresEngine.open(server.url)
    const outcome = engine.write(async (tx) => {
      await tx.run('SELECT 1')
      // The connection is lent out and quiet; nobody's query is there to be told that it is gone.
      await server.crashAndRestart()
      return tx.run('SELECT 1')
    })
    await expect(outcome).rejects.toBeInstanceOf(StoreUnavailable)
    expect(await engine.write((tx) => tx.run('SELECT 1'))).toBe(1)
    await engine.close()
  })

  it('that does not answer is unavailable', async () => {
    await expect(openPostgresSeriesStore('postgres://postgres@127.0.0.1:1/none')).rejects.toBeInstanceOf(
      StoreUnavailable,
    )
  })
})
