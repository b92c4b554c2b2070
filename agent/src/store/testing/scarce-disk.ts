import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { amount, type ReadingRecord } from '@metergate/protocol'
import { afterAll, beforeEach, expect } from 'vitest'
import type { Disk } from '../disk.js'
import { SqliteRecordStore, type StoreSettings } from '../sqlite-record-store.js'
import { reading, SEALER, SeededRandom } from './make.js'
import { ManualClock } from './manual-clock.js'

export const ALL = { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }
export const KIB = 1024
export const ROOMY = 1e9

/** A folder on a disk that has as much left as the test says; made once in a test file, as new for each of its tests. */
export class ScarceDisk implements Disk {
  readonly root = mkdtempSync(join(tmpdir(), 'metergate-scarce-'))
  clock = new ManualClock()
  folder = ''
  /** What the disk says it has left. */
  free = ROOMY
  private readonly noise = new SeededRandom(7)

  constructor() {
    afterAll(() => rmSync(this.root, { recursive: true }))
    beforeEach(() => {
      this.clock = new ManualClock()
      this.folder = mkdtempSync(join(this.root, 'store-'))
      this.free = ROOMY
    })
  }

  freeBytes(): number {
    return this.free
  }

  file(name: string): string {
    return join(this.folder, name)
  }

  /** A store that starts as it was left: nothing set aside, no new streams. */
  open(settings: Partial<StoreSettings>): SqliteRecordStore {
    const { folder, clock } = this
    const random = new SeededRandom(3)
    const store = new SqliteRecordStore({ folder, clock, random, disk: this, sealer: () => SEALER, settings })
    expect(store.start()).toMatchObject({ ok: true, value: { setAside: undefined, newStreams: false } })
    return store
  }

  /** Somebody has taken all but 100 KiB, and the ballast has been given back. */
  becomeFull(): void {
    rmSync(this.file('ballast'))
    this.free = 100 * KIB
  }

  /** A reading that does not pack well. */
  noisy(n: number): ReadingRecord {
    const values = Array.from({ length: 12 }, (_, block) => ({
      quantity: 'power_active_total' as const,
      block,
      value: amount(Math.floor(this.noise.next() * 1e9), -1),
    }))
    return { ...reading(this.clock, n), values }
  }

  /** Stores and seals so many batches; by default of ten noisy readings. */
  async putBatches(
    store: SqliteRecordStore,
    count: number,
    records = 10,
    make = (n: number) => this.noisy(n),
  ): Promise<void> {
    for (let batch = 0; batch < count; batch += 1) {
      const list = Array.from({ length: records }, (_, index) => make(records * batch + index))
      expect(await store.append(list, { urgent: true })).toMatchObject({ ok: true })
      store.seal('detail', ALL)
    }
  }
}
