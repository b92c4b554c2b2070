import { z } from 'zod'
import { MIGRATIONS, TYPES } from './migrations.js'
import type { SqlEngine } from './sql.js'

const appliedSchema = z.object({ id: z.number() })

/** Brings the schema up to date, in one transaction; refuses a database of a newer program. */
export async function migrate(engine: SqlEngine): Promise<void> {
  await engine.write(async (tx) => {
    // Two servers may start at once: PostgreSQL lets one through at a time, SQLite's write lock does it anyway.
    if (engine.kind === 'postgres') await tx.run('SELECT pg_advisory_xact_lock(7243801)')
    await tx.run('CREATE TABLE IF NOT EXISTS migrations (id INTEGER PRIMARY KEY, what TEXT NOT NULL)')
    const done = new Set((await tx.all(appliedSchema, 'SELECT id FROM migrations')).map(({ id }) => id))
    const newest = MIGRATIONS.at(-1)?.id ?? 0
    for (const id of done) {
      if (id > newest) {
        throw new Error(
          `The database has schema ${id}, this program knows only up to ${newest}: start a newer program.`,
        )
      }
    }
    for (const { id, what, statements } of MIGRATIONS) {
      if (done.has(id)) continue
      for (const text of statements) for (const each of inDialect(text, engine.kind)) await tx.run(each)
      await tx.run('INSERT INTO migrations (id, what) VALUES (?, ?)', [id, what])
    }
  })
}

/** A table divided by months has a part for whatever no month was made for. */
function inDialect(text: string, kind: SqlEngine['kind']): string[] {
  const { blob, big, table } = TYPES[kind]
  const ending = text.startsWith('CREATE TABLE') ? table : ''
  const typed = text.replaceAll('{blob}', blob).replaceAll('{big}', big) + ending
  const monthly = /\{monthly:(\w+)\}/
  if (!monthly.test(typed) || kind === 'sqlite') return [typed.replace(monthly, '')]
  const name = /^CREATE TABLE (\w+)/.exec(typed)?.[1]
  return [typed.replace(monthly, ' PARTITION BY RANGE ($1)'), `CREATE TABLE ${name}_rest PARTITION OF ${name} DEFAULT`]
}
