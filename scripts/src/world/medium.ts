import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Disk } from '@metergate/agent'
import { Sqlite } from '@metergate/agent'
import type { Stamp } from '@metergate/protocol'
import type { SeededRandom, Timeline } from '@metergate/simulator'
import { type WorldFaults, within } from './faults.js'
import type { Life } from './life.js'
import type { Provoked } from './provoked.js'

const PLENTY = 1024 ** 3
const SCARCE = 1024 ** 2

/** The gateway's disk: how much room it has, and when it refuses. */
export class Medium {
  constructor(
    private readonly timeline: Timeline,
    private readonly random: SeededRandom,
    private readonly faults: WorldFaults['disk'],
    private readonly provoked: Provoked,
  ) {}

  disk(life: Life): Disk {
    return {
      freeBytes: () => {
        life.step()
        const scarce = within(this.faults.nearlyFull, this.timeline.now())
        return this.provoked.when(scarce, 'scarce_disk') ? SCARCE : PLENTY
      },
    }
  }

  /**
   * The store asks for the time inside its transactions: the place where the medium can fail one with SQLite's own errors,
   * and where the process can die in the middle of one.
   */
  stamps(life: Life, stamp: () => Stamp): () => Stamp {
    return () => {
      life.step()
      const now = this.timeline.now()
      const span = this.faults.failing.find((each) => within([each], now))
      if (life.alive && span && this.provoked.when(this.random.chance(span.chance), 'failed_transaction'))
        throw new Sqlite.SqliteError('the disk says no', span.code)
      return stamp()
    }
  }
}

/** What is on the disk at this moment, as the next process will find it: a process' death leaves everything written. */
export function copyStore(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) {
    if (name === 'lock' || name.endsWith('-shm')) continue
    copyFileSync(join(from, name), join(to, name))
  }
}

/** Database and write-ahead log, bytes. */
export function storeBytes(folder: string): number {
  return ['store.sqlite', 'store.sqlite-wal']
    .map((name) => join(folder, name))
    .reduce((sum, file) => sum + (existsSync(file) ? statSync(file).size : 0), 0)
}

/** Planted bug: the mark of numbers given is raised when they are sealed, not in the commit that gives them. */
export function forgetNumbers(folder: string): void {
  const file = join(folder, 'store.sqlite')
  if (!existsSync(file)) return
  const db = new Sqlite(file)
  db.exec('UPDATE stream SET last_seq = coalesce((SELECT max(last) FROM batch WHERE batch.stream = stream.id), 0)')
  db.close()
}
