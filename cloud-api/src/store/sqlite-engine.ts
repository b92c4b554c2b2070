import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { invariant } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { type SqlEngine, type SqlTransaction, type SqlValue, StoreUnavailable } from './sql.js'
import { Sqlite } from './sqlite.js'

/** SQLITE_BUSY, FULL, IOERR and their kin pass; anything else is our own mistake. */
const PASSING = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|NOMEM|READONLY|CANTOPEN|PROTOCOL)/

/** Pieces of work in one commit at most; each more makes all of them wait a little longer. */
const MOST_IN_A_COMMIT = 32

/** A piece of work that waits for its commit. */
interface Waiting {
  /** Runs inside the common transaction; undone alone when it throws. Resolves to what to say after the commit. */
  run(tx: SqlTransaction): Promise<() => void>
  refuse(error: unknown): void
}

/**
 * One file, one writing connection and one reading connection, which under WAL sees the last commit and never waits for
 * a writer. What waits to be written shares a commit, because a flush of the disk costs the same for one batch as for
 * thirty; each piece of work has its own savepoint, and nobody hears of success before the common commit.
 */
export class SqliteEngine implements SqlEngine {
  readonly kind = 'sqlite'
  readonly forUpdate = ''
  private readonly waiting: Waiting[] = []
  private draining: Promise<void> | undefined

  private constructor(
    private readonly writer: Database.Database,
    private readonly reader: Database.Database,
    private readonly betweenPieces: () => Promise<void>,
  ) {}

  /**
   * Opens or creates the file. Refuses to work when a commit would not survive a power cut. `betweenPieces` is awaited after each piece
   * of work, for others to have their turn: one of the event loop unless told otherwise.
   */
  static open(path: string, betweenPieces: () => Promise<void> = turn): SqliteEngine {
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
    return new SqliteEngine(writer, reader, betweenPieces)
  }

  async read<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    return this.guarded(() => work(new SqliteTransaction(this.reader)))
  }

  write<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    const done = new Promise<T>((resolve, reject) => {
      this.waiting.push({
        run: async (tx) => {
          const value = await work(tx)
          return () => resolve(value)
        },
        refuse: reject,
      })
    })
    this.draining ??= this.drain()
    return this.guarded(() => done)
  }

  async close(): Promise<void> {
    await this.draining
    this.reader.close()
    this.writer.close()
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      // Whatever arrived during the last flush comes along.
      await this.betweenPieces()
      await this.commit(this.waiting.splice(0, MOST_IN_A_COMMIT))
    }
    this.draining = undefined
  }

  private async commit(group: readonly Waiting[]): Promise<void> {
    const settled: (() => void)[] = []
    try {
      this.writer.exec('BEGIN IMMEDIATE')
      for (const each of group) {
        settled.push(await this.savepoint(each))
        // Those who are to be turned away, or only read, need not wait for the whole group.
        if (group.length > 1) await this.betweenPieces()
      }
      this.writer.exec('COMMIT')
      for (const tell of settled) tell()
    } catch (error) {
      // After SQLITE_FULL or an I/O error SQLite has rolled back itself, and a second ROLLBACK would throw.
      if (this.writer.inTransaction) this.writer.exec('ROLLBACK')
      for (const { refuse } of group) refuse(error)
    }
  }

  /** What to say after the commit. Throws when the whole transaction is gone. */
  private async savepoint(each: Waiting): Promise<() => void> {
    this.writer.exec('SAVEPOINT work')
    try {
      const tell = await each.run(new SqliteTransaction(this.writer))
      this.writer.exec('RELEASE work')
      return tell
    } catch (error) {
      if (!this.writer.inTransaction) throw error
      this.writer.exec('ROLLBACK TO work')
      this.writer.exec('RELEASE work')
      return () => each.refuse(error)
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
