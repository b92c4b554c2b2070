import pg from 'pg'
import { type SqlEngine, type SqlTransaction, type SqlValue, StoreUnavailable } from './sql.js'

/** Connection lost, shutting down, serialization, deadlock, internal: may work in a moment. */
const PASSING = /^(08...|57P0.|40001|40P01|XX000|53...|58...)$/
/** EAGAIN: a frozen server's socket takes no more connections; ENOENT: its socket is gone. */
const NETWORK = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EMFILE|EAI_|EAGAIN|ENOENT)/

const INT8 = 20
const NUMERIC = 1700

/** A 64-bit integer as a number; beyond 2^53-1 it would silently be another one. */
function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Error(`PostgreSQL sent the integer ${text}, beyond 2^53-1`)
  return value
}

/** `a = ? AND b = ?` → `a = $1 AND b = $2`. Texts are ours and hold no question mark in a literal. */
function numbered(text: string): string {
  let position = 0
  return text.replaceAll('?', () => {
    position += 1
    return `$${position}`
  })
}

/** PostgreSQL through a pool; `write` is a transaction with synchronous_commit=on. */
export class PostgresEngine implements SqlEngine {
  readonly kind = 'postgres'
  readonly forUpdate = ' FOR UPDATE'

  private constructor(private readonly pool: pg.Pool) {}

  static open(url: string, connections = 10): PostgresEngine {
    const types = new pg.TypeOverrides()
    types.setTypeParser(INT8, safeInteger)
    types.setTypeParser(NUMERIC, safeInteger)
    const pool = new pg.Pool({
      connectionString: url,
      max: connections,
      types,
      connectionTimeoutMillis: 1500,
      query_timeout: 5_000,
      options: '-c synchronous_commit=on -c statement_timeout=5000 -c lock_timeout=4000',
    })
    // A connection may die with the server, idle or lent out. The query under way, or the next one, says so to whoever
    // asks; the connection's own event has nothing to add, and with nobody listening it would end the program. The pool
    // listens only while a connection is idle.
    pool.on('error', () => undefined)
    pool.on('connect', (client) => client.on('error', () => undefined))
    return new PostgresEngine(pool)
  }

  read<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    return this.connected((client) => work(new PostgresTransaction(client)))
  }

  write<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    return this.connected(async (client) => {
      await client.query('BEGIN')
      try {
        const value = await work(new PostgresTransaction(client))
        await client.query('COMMIT')
        return value
      } catch (error) {
        // A connection that is gone or does not answer is thrown away, and its transaction with it.
        if (!isPassing(error)) await client.query('ROLLBACK').catch(() => undefined)
        throw error
      }
    })
  }

  close(): Promise<void> {
    return this.pool.end()
  }

  private async connected<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient | undefined
    try {
      client = await this.pool.connect()
      const value = await work(client)
      client.release()
      return value
    } catch (error) {
      const passing = isPassing(error)
      client?.release(passing)
      if (passing) throw new StoreUnavailable(`PostgreSQL: ${String(error)}`, { cause: error })
      throw error
    }
  }
}

/** Time-outs of the pool itself come as plain errors without a code. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  if (code === undefined) return /timeout|terminated|Connection/i.test(error.message) && error.name === 'Error'
  return PASSING.test(code) || code === '55P03' || code === '57014' || NETWORK.test(code)
}

class PostgresTransaction implements SqlTransaction {
  constructor(private readonly client: pg.PoolClient) {}

  async run(text: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.client.query(numbered(text), values.map(toPg))).rowCount ?? 0
  }

  async all<T>(row: { parse(value: unknown): T }, text: string, values: readonly SqlValue[] = []): Promise<T[]> {
    const answer = await this.client.query<Record<string, unknown>>(numbered(text), values.map(toPg))
    return answer.rows.map((each) => row.parse(each))
  }
}

/** PostgreSQL's text holds no NUL; a batch must not be refused for one in somebody's note. */
function toPg(value: SqlValue): string | number | Buffer | null {
  if (typeof value === 'string') return value.replaceAll('\0', '\uFFFD')
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value
}
