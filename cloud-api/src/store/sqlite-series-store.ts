import { migrate } from './migrate.js'
import type { SeriesStore } from './series-store.js'
import { SqlSeriesStore } from './sql-series-store.js'
import { SqliteEngine } from './sqlite-engine.js'

/** Opens (or creates) the store in one SQLite file: WAL, synchronous=FULL, both read back. `betweenPieces`: see {@link SqliteEngine.open}. */
export async function openSqliteSeriesStore(path: string, betweenPieces?: () => Promise<void>): Promise<SeriesStore> {
  const engine = SqliteEngine.open(path, betweenPieces)
  try {
    await migrate(engine)
    return new SqlSeriesStore(engine)
  } catch (error) {
    await engine.close()
    throw error
  }
}
