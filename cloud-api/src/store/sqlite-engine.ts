import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { invariant } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { type SqlEngine, type SqlTransaction, type SqlValue, StoreUnavailable } from './sql.js'
import { Sqlite } from './sqlite.js'

/** SQLITE_BUSY, FULL, IOERR and their kin pass; anything else is our own mistake. */
const PASSING = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|NOMEM|READONLY|CANTOPEN|PROTOCOL)/

/**
 * One file, one writing connection (transactions queue up behind each other) and one reading connection, which under
 * WAL sees the last commit and never waits for a writer.
 */
export class SqliteEngine implements SqlEngine {
  readonly kind = 'sqlite'
  readonly forUpdate = ''
  private queue: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly writer: Database.Database,
    private readonly reader: Database.Database,
  ) {}

  /** Opens or creates the file. Refuses to work when a commit would not survive a power cut. */
  static open(path: string): SqliteEngine {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const writer = new Sqlite(path)
    writer.pragma('journal_mode = WAL')
    writer.pragma('synchronous = FULL')
    // Waiting blocks the whole process, so it is short: the answer is 503 and the gateway comes again.
    writer.pragma('busy_timeout = 500')
    writer.pragma('foreign_keys = ON')
    writer.pragma('trusted_schema = OFF')
    writer.pragma('cell_size_check = ON')
    writer.pragma('journal_size_limit = 16777216')
    // Read back: a build or a file system may quietly refuse, and then "stored" would be a lie.
    const journal = writer.pragma('journal_mode', { simple: true })
    const synchronous = writer.pragma('synchronous', { simple: true })
    if (journal !== 'wal' || synchronous !== 2) {
      writer.close()
      throw new Error(
        `SQLite at ${path} runs with journal_mode=${journal}, synchronous=${synchronous}; wal and 2 (FULL) are needed. Put the file on a local file system.`,
      )
    }
    const reader = new Sqlite(path)
    reader.pragma('query_only = ON')
    reader.pragma('busy_timeout = 500')
    return new SqliteEngine(writer, reader)
  }

  async read<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    return this.guarded(() => work(new SqliteTransaction(this.reader)))
  }

  write<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    const turn = this.queue.then(() => this.guarded(() => this.transaction(work)))
    this.queue = turn.catch(() => undefined)
    return turn
  }

  async close(): Promise<void> {
    await this.queue
    this.reader.close()
    this.writer.close()
  }

  private async transaction<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    this.writer.exec('BEGIN IMMEDIATE')
    try {
      const value = await work(new SqliteTransaction(this.writer))
      this.writer.exec('COMMIT')
      return value
    } catch (error) {
      // After SQLITE_FULL or an I/O error SQLite has rolled back itself, and a second ROLLBACK would throw.
      if (this.writer.inTransaction) this.writer.exec('ROLLBACK')
      throw error
    }
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof Sqlite.SqliteError && PASSING.test(error.code)) {
        throw new StoreUnavailable(`SQLite: ${error.code} ${error.message}`, { cause: error })
      }
      throw error
    }
  }
}

class SqliteTransaction implements SqlTransaction {
  constructor(private readonly db: Database.Database) {}

  async run(text: string, values: readonly SqlValue[] = []): Promise<number> {
    return statement(this.db, text).run(...values).changes
  }

  async all<T>(row: { parse(value: unknown): T }, text: string, values: readonly SqlValue[] = []): Promise<T[]> {
    return statement(this.db, text)
      .all(...values)
      .map((each) => row.parse(each))
  }
}

const prepared = new WeakMap<Database.Database, Map<string, Database.Statement>>()

/** Prepared once per connection and text. */
function statement(db: Database.Database, text: string): Database.Statement {
  const known = prepared.get(db) ?? new Map<string, Database.Statement>()
  prepared.set(db, known)
  const made = known.get(text) ?? db.prepare(text)
  known.set(text, made)
  invariant(known.size < 1000, 'statement texts must not contain values')
  return made
}
