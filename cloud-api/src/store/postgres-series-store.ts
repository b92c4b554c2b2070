import { migrate } from './migrate.js'
import { PostgresEngine } from './postgres-engine.js'
import type { SeriesStore } from './series-store.js'
import { SqlSeriesStore } from './sql-series-store.js'

/** Opens the store in a PostgreSQL database (`postgres://…`) and brings its schema up to date. */
export async function openPostgresSeriesStore(url: string): Promise<SeriesStore> {
  const engine = PostgresEngine.open(url)
  try {
    await migrate(engine)
    return new SqlSeriesStore(engine)
  } catch (error) {
    await engine.close()
    throw error
  }
}
