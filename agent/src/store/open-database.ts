import { fail, ok, type Result } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { APPLICATION_ID, isKnownSchema, MIGRATIONS, migrate } from './schema.js'
import { Sqlite } from './sqlite.js'

/** Why a store cannot be opened. `damaged` and `foreign` files are set aside by the caller; the others need a person. */
export type OpenFault =
  | { readonly kind: 'locked'; readonly why: string }
  | { readonly kind: 'unsafe_sqlite'; readonly why: string }
  | { readonly kind: 'newer'; readonly why: string }
  /** Only for a reader: whoever writes brings it over. */
  | { readonly kind: 'older'; readonly why: string }
  | { readonly kind: 'foreign'; readonly why: string }
  | { readonly kind: 'damaged'; readonly why: string }
  | { readonly kind: 'io'; readonly why: string }

/** First release without the WAL-reset bug, sqlite.org/wal.html#walresetbug. */
const LEAST_SQLITE = [3, 51, 3] as const
/**
 * Small pages, because the log carries whole ones and a commit dirties four or five. Measured at the block device
 * (ext4, 8 meters × 20 quantities, a commit every 10 s): 118 MB a day with 1 KiB, 162 with 2 KiB, 194 with 4 KiB.
 */
export const PAGE_SIZE = 1024

export interface DatabaseOptions {
  readonly capBytes: number
  /** Only the power-cut rig's control says NORMAL, to prove that the rig sees the difference. */
  readonly synchronous?: 'FULL' | 'NORMAL'
}

/** Opens, checks and migrates the store's file. Every durability setting is read back, never trusted. */
export function openDatabase(file: string, options: DatabaseOptions): Result<Database.Database, OpenFault> {
  let db: Database.Database | undefined
  try {
    db = new Sqlite(file, { timeout: 5000 })
    const fault = prepare(db, options)
    if (!fault) return ok(db)
    db.close()
    return fail(fault)
  } catch (error) {
    closeQuietly(db)
    return fail(openFaultOf(error, file))
  }
}

/** A frozen view of a store for reading beside whoever writes it; close it soon, the log cannot be folded meanwhile. */
export function openSnapshot(file: string): Result<Database.Database, OpenFault> {
  let db: Database.Database | undefined
  try {
    db = new Sqlite(file, { timeout: 5000, readonly: true, fileMustExist: true })
    const isOurs = number(db, 'application_id') === APPLICATION_ID
    const fault: OpenFault | undefined = isOurs
      ? schemaFault(number(db, 'user_version'), file)
      : { kind: 'foreign', why: `${file} is no metergate store` }
    if (fault) {
      db.close()
      return fail(fault)
    }
    // The view is taken by the first read of the transaction.
    db.exec('BEGIN')
    db.prepare('SELECT count(*) FROM stream').get()
    return ok(db)
  } catch (error) {
    closeQuietly(db)
    return fail(openFaultOf(error, file))
  }
}

function prepare(db: Database.Database, options: DatabaseOptions): OpenFault | undefined {
  const unsafe = sqliteFault(String(db.prepare('SELECT sqlite_version()').pluck().get()))
  if (unsafe) return unsafe
  const version = number(db, 'user_version')
  const tables = Number(db.prepare('SELECT count(*) FROM sqlite_master').pluck().get())
  if (tables > 0 && number(db, 'application_id') !== APPLICATION_ID) {
    return {
      kind: 'foreign',
      why: `it is a SQLite file of another program (application_id ${number(db, 'application_id')})`,
    }
  }
  const fault = schemaFault(version, 'it')
  // A number that decayed, and none of the schema that newer software would have made.
  if (fault?.kind === 'newer') return isKnownSchema(db) ? { kind: 'damaged', why: `user_version is ${version}` } : fault
  applyPragmas(db, options, tables === 0)
  const wanted = options.synchronous === 'NORMAL' ? 1 : 2
  if (db.pragma('journal_mode', { simple: true }) !== 'wal' || number(db, 'synchronous') !== wanted) {
    return { kind: 'io', why: 'the file system does not let SQLite keep a WAL with synchronous=FULL; use a local disk' }
  }
  migrate(db)
  return undefined
}

/** Why a store of this schema cannot be read as it is. */
function schemaFault(version: number, file: string): OpenFault | undefined {
  const known = MIGRATIONS.length
  if (version > known) {
    const why = `${file} has schema ${version}, this software knows ${known}; install the newer software again`
    return { kind: 'newer', why }
  }
  if (version === known) return undefined
  const why = `${file} has schema ${version} of an earlier version; start \`metergate run\` of this version, which brings it to ${known}`
  return { kind: 'older', why }
}

function applyPragmas(db: Database.Database, options: DatabaseOptions, isNew: boolean): void {
  if (isNew) db.pragma(`page_size = ${PAGE_SIZE}`)
  db.pragma('journal_mode = WAL')
  db.pragma(`synchronous = ${options.synchronous ?? 'FULL'}`)
  // The log is folded into the file before it takes much of the folder's bound: at 2 MiB, sooner for a small one.
  const log = Math.min(2 * 1024 * 1024, options.capBytes / 12)
  db.pragma(`wal_autocheckpoint = ${Math.max(16, Math.floor(log / PAGE_SIZE))}`)
  db.pragma(`journal_size_limit = ${Math.floor(log * 2)}`)
  db.pragma('foreign_keys = ON')
  db.pragma('trusted_schema = OFF')
  db.pragma('cell_size_check = ON')
  db.pragma('mmap_size = 0')
  db.pragma('temp_store = MEMORY')
  db.pragma('cache_size = -4000')
  setBound(db, options.capBytes)
}

/** How large the file may grow. */
export function setBound(db: Database.Database, bytes: number): void {
  db.pragma(`max_page_count = ${Math.max(64, Math.floor(bytes / number(db, 'page_size')))}`)
}

function sqliteFault(version: string): OpenFault | undefined {
  const parts = version.split('.').map(Number)
  for (const [index, least] of LEAST_SQLITE.entries()) {
    const part = parts[index] ?? 0
    if (part > least) return undefined
    if (part < least) {
      const why = `SQLite ${version} can lose committed data (WAL-reset bug); 3.51.3 or newer is needed: reinstall better-sqlite3`
      return { kind: 'unsafe_sqlite', why }
    }
  }
  return undefined
}

const number = (db: Database.Database, pragma: string): number => Number(db.pragma(pragma, { simple: true }))

/** SQLite's own name of an error (`SQLITE_FULL`), or '' for anything else. */
export function sqliteCode(error: unknown): string {
  return error instanceof Sqlite.SqliteError ? error.code : ''
}

export const isDamage = (error: unknown): boolean => /^SQLITE_(CORRUPT|NOTADB)/.test(sqliteCode(error))

function openFaultOf(error: unknown, file: string): OpenFault {
  const why = `${error instanceof Error ? error.message : String(error)} (${sqliteCode(error) || 'no code'}): ${file}`
  if (isDamage(error)) return { kind: 'damaged', why }
  return { kind: sqliteCode(error) === 'SQLITE_ERROR' ? 'damaged' : 'io', why }
}

/** Closes a handle that may already be useless. */
export function closeQuietly(db: Database.Database | undefined): void {
  try {
    db?.close()
  } catch {
    // The handle is given up either way; what matters is read again from the file.
  }
}
