import type { EpochMs } from '@metergate/protocol'
import { z } from 'zod'
import type { Ingest, Reader, Registry, SeriesStore } from './series-store.js'
import type { SqlEngine } from './sql.js'
import { SqlIngest } from './sql-ingest.js'
import { makeMonths } from './sql-partitions.js'
import { SqlReader } from './sql-reader.js'
import { SqlRegistry } from './sql-registry.js'

/** The store on any SQL engine: SQLite and PostgreSQL differ only below `SqlEngine`. */
export class SqlSeriesStore implements SeriesStore {
  readonly registry: Registry
  readonly ingest: Ingest
  readonly reader: Reader

  constructor(private readonly engine: SqlEngine) {
    this.registry = new SqlRegistry(engine)
    this.ingest = new SqlIngest(engine)
    this.reader = new SqlReader(engine)
  }

  get kind(): SeriesStore['kind'] {
    return this.engine.kind
  }

  async ping(): Promise<void> {
    await this.engine.read((tx) => tx.all(z.object({ one: z.number() }), 'SELECT 1 AS one'))
  }

  upkeep(now: EpochMs): Promise<void> {
    return makeMonths(this.engine, now)
  }

  close(): Promise<void> {
    return this.engine.close()
  }
}
