import type Database from 'better-sqlite3'

/** The steps SQLite would take for a statement; nothing is read. */
export function planOf(file: Database.Database, text: string): string[] {
  const slots = Array.from({ length: text.split('?').length - 1 }, () => 1)
  const rows = file.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...slots)
  return rows.map((row) => String(typeof row === 'object' && row !== null && 'detail' in row ? row.detail : row))
}
