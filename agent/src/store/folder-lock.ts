import { join } from 'node:path'
import { fail, ok, type Result } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { closeQuietly, type OpenFault, sqliteCode } from './open-database.js'
import { Sqlite } from './sqlite.js'

/** Held until released or until the process is gone, however it goes. */
export interface FolderLock {
  release(): void
}

/**
 * One process per data folder. An exclusive SQLite lock on an empty file beside the store: the kernel frees it when
 * the process dies, also by kill -9, so nobody ever has to delete a stale lock file.
 */
export function lockFolder(folder: string): Result<FolderLock, OpenFault> {
  let db: Database.Database | undefined
  try {
    db = new Sqlite(join(folder, 'lock'), { timeout: 0 })
    // An empty file gets its first page prepared: in memory, so that a full disk does not refuse the lock.
    db.pragma('journal_mode = MEMORY')
    db.exec('BEGIN EXCLUSIVE')
    const held = db
    return ok({ release: () => closeQuietly(held) })
  } catch (error) {
    closeQuietly(db)
    const code = sqliteCode(error)
    if (code.startsWith('SQLITE_BUSY')) {
      return fail({
        kind: 'locked',
        why: `another metergate process is using ${folder}; stop it or use another folder`,
      })
    }
    return fail({ kind: 'io', why: `cannot lock ${folder}: ${error instanceof Error ? error.message : String(error)}` })
  }
}
