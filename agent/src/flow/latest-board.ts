import {
  type EpochMs,
  epochMs,
  type LastValue,
  type MeterId,
  type QuantityName,
  type ReadingRecord,
} from '@metergate/protocol'

export type MeterState = 'ok' | 'degraded' | 'silent' | 'unknown'

interface Page {
  readonly values: Map<QuantityName, LastValue>
  lastGoodAt: EpochMs | undefined
  state: MeterState
  polls: number
  failed: number
}

/** The newest answer of every meter, for `status`, one-off looks and the heartbeat. Never an old value for a new failure. */
export class LatestBoard {
  readonly #pages = new Map<MeterId, Page>()

  constructor(meters: readonly MeterId[]) {
    for (const meter of meters) {
      this.#pages.set(meter, { values: new Map(), lastGoodAt: undefined, state: 'unknown', polls: 0, failed: 0 })
    }
  }

  note(reading: ReadingRecord): void {
    const page = this.#pages.get(reading.meter)
    if (!page) return
    let good = 0
    for (const value of reading.values) {
      const at = epochMs(reading.stamp.wall + (reading.blocks[value.block] ?? 0))
      const { quantity } = value
      if ('value' in value) {
        good += 1
        page.values.set(quantity, { quantity, at, value: value.value, ...(value.suspect ? { suspect: true } : {}) })
      } else page.values.set(quantity, { quantity, at, absent: value.absent })
    }
    page.polls += 1
    if (good > 0) page.lastGoodAt = reading.stamp.wall
    else page.failed += 1
    page.state =
      good === reading.values.length ? 'ok' : good > 0 ? 'degraded' : page.state === 'silent' ? 'silent' : 'degraded'
  }

  /** The meter stopped answering, or answers again. */
  silence(meter: MeterId, silent: boolean): void {
    const page = this.#pages.get(meter)
    if (page) page.state = silent ? 'silent' : 'ok'
  }

  of(meter: MeterId): {
    readonly state: MeterState
    readonly lastGoodAt: EpochMs | undefined
    readonly values: readonly LastValue[]
    readonly polls: number
    readonly failed: number
  } {
    const page = this.#pages.get(meter)
    if (!page) return { state: 'unknown', lastGoodAt: undefined, values: [], polls: 0, failed: 0 }
    return {
      state: page.state,
      lastGoodAt: page.lastGoodAt,
      values: [...page.values.values()],
      polls: page.polls,
      failed: page.failed,
    }
  }
}
