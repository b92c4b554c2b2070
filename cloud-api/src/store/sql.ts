import { z } from 'zod'

export type SqlValue = string | number | null | Uint8Array

/** Statements inside one transaction. Text uses `?` for values; every row read passes a schema. */
export interface SqlTransaction {
  /** Runs a statement; the number of rows it inserted, changed or deleted. */
  run(text: string, values?: readonly SqlValue[]): Promise<number>
  all<T>(row: z.ZodType<T>, text: string, values?: readonly SqlValue[]): Promise<T[]>
}

/**
 * A database that speaks the common part of SQLite and PostgreSQL. `write` resolves only after the commit is durable;
 * when `work` throws, nothing of it remains.
 */
export interface SqlEngine {
  readonly kind: 'sqlite' | 'postgres'
  /** Appended to a SELECT that must hold its rows until the commit. */
  readonly forUpdate: '' | ' FOR UPDATE'
  read<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T>
  write<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** The store cannot do it now, but may later: answered with 503 and Retry-After, never with 2xx. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

/** A JSON text column, read as `schema`. */
export const json = <T>(schema: z.ZodType<T>) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema)

/** The first row, or undefined. */
export async function one<T>(
  tx: SqlTransaction,
  row: z.ZodType<T>,
  text: string,
  values: readonly SqlValue[],
): Promise<T | undefined> {
  return (await tx.all(row, text, values))[0]
}

/** A place for each value, to stand between parentheses: `?, ?, ?`. */
export const placesFor = (values: readonly unknown[]): string => values.map(() => '?').join(', ')

/** Most rows per statement, so that there are few different texts to prepare. */
export const ROWS_AT_ONCE = 40

/** One INSERT for many rows: over a network every statement costs a round trip. `head` ends before VALUES. */
export async function insertRows(
  tx: SqlTransaction,
  head: string,
  rows: readonly (readonly SqlValue[])[],
  tail: string,
): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
    const part = rows.slice(start, start + ROWS_AT_ONCE)
    const places = part.map((row) => `(${placesFor(row)})`).join(', ')
    await tx.run(`${head} VALUES ${places} ${tail}`, part.flat())
  }
}
