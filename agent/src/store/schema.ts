import { isDeepStrictEqual } from 'node:util'
import type Database from 'better-sqlite3'
import { Sqlite } from './sqlite.js'

/** "mgt1": tells a metergate store from any other SQLite file. */
export const APPLICATION_ID = 0x6d677431

/**
 * The schema as steps; `user_version` counts those done. A released step is never edited, only followed.
 *
 * - `stream`: one row per stream ever begun. `last_seq` is the high-water mark, raised in the commit that uses it and
 *   never lowered, so that a number is not used twice even when every record is gone.
 * - `chunk`: what one commit brought to one stream, not yet sealed (see chunk.ts). One row per commit and not per
 *   record: a commit then dirties two pages, which is what flash wears by.
 * - `batch`: sealed batches. The row outlives the body: an evicted batch keeps its place in the chain, until all before it are evicted too.
 * - `chain_start`: the newest batch of each stream whose row was forgotten with all before it; the next one chains to its hash.
 * - `refused`, `damaged`, `quarantine`: set aside with the reason, never deleted by the store.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE stream (
     id INTEGER PRIMARY KEY,
     stream TEXT NOT NULL UNIQUE,
     kind TEXT NOT NULL,
     current INTEGER NOT NULL,
     last_seq INTEGER NOT NULL,
     last_batch INTEGER NOT NULL,
     last_sha256 TEXT
   ) STRICT;
   CREATE TABLE chunk (
     id INTEGER PRIMARY KEY,
     stream INTEGER NOT NULL REFERENCES stream (id),
     first INTEGER NOT NULL,
     last INTEGER NOT NULL,
     checksum TEXT NOT NULL,
     body BLOB NOT NULL
   ) STRICT;
   CREATE TABLE batch (
     id INTEGER PRIMARY KEY,
     stream INTEGER NOT NULL REFERENCES stream (id),
     number INTEGER NOT NULL,
     first INTEGER NOT NULL,
     last INTEGER NOT NULL,
     status INTEGER NOT NULL,
     void INTEGER NOT NULL,
     sha256 TEXT NOT NULL,
     voided_sha256 TEXT,
     previous TEXT,
     encoding TEXT NOT NULL,
     size INTEGER NOT NULL,
     decoded_size INTEGER NOT NULL,
     kinds INTEGER NOT NULL,
     time_min INTEGER NOT NULL,
     time_max INTEGER NOT NULL,
     oldest_wall INTEGER NOT NULL,
     meters TEXT NOT NULL,
     body BLOB,
     UNIQUE (stream, number)
   ) STRICT;
   CREATE INDEX batch_pending ON batch (id) WHERE status = 0;
   CREATE TABLE refused (
     stream TEXT NOT NULL, number INTEGER NOT NULL, sha256 TEXT NOT NULL, encoding TEXT NOT NULL,
     reason TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (stream, number)
   ) STRICT;
   CREATE TABLE damaged (
     id INTEGER PRIMARY KEY, what TEXT NOT NULL, stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
     reason TEXT NOT NULL, body BLOB
   ) STRICT;
   CREATE TABLE quarantine (
     stream TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (stream, seq)
   ) STRICT;
   CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
   CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;`,
  `CREATE INDEX batch_last ON batch (stream, last);
   CREATE INDEX batch_time ON batch (stream, time_max, last);
   CREATE TABLE chain_start (
     stream INTEGER PRIMARY KEY REFERENCES stream (id),
     number INTEGER NOT NULL,
     last INTEGER NOT NULL,
     sha256 TEXT NOT NULL,
     voided_sha256 TEXT
   ) STRICT;`,
]

/** Brings a store to the newest schema, each step in its own transaction; killed in between, it goes on next time. */
export function migrate(db: Database.Database): void {
  for (const [version, step] of MIGRATIONS.entries()) {
    if (Number(db.pragma('user_version', { simple: true })) > version) continue
    db.exec('BEGIN IMMEDIATE')
    try {
      db.exec(step)
      db.pragma(`application_id = ${APPLICATION_ID}`)
      db.pragma(`user_version = ${version + 1}`)
      db.exec('COMMIT')
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
}

const WORDS = "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_master"

/** The newest schema, word for word. */
function knownWords(): readonly unknown[] {
  const made = new Sqlite(':memory:')
  try {
    migrate(made)
    return made.prepare(WORDS).pluck().all()
  } finally {
    made.close()
  }
}

/**
 * The words of the schema decay like anything else in the file, and SQLite believes them: a column under another name is an error in
 * each statement, a constraint under another name is none. Undefined when all of the schema is there as it was written.
 */
export function schemaDamage(db: Database.Database): string | undefined {
  const there = new Set(db.prepare(WORDS).pluck().all())
  const missing = knownWords().find((words) => !there.has(words))
  return missing === undefined ? undefined : `the schema says something else than \`${String(missing).slice(0, 60)}…\``
}

/** Is this the newest schema and nothing more? Each step of a migration changes the words. */
export function isKnownSchema(db: Database.Database): boolean {
  return isDeepStrictEqual(new Set(db.prepare(WORDS).pluck().all()), new Set(knownWords()))
}
