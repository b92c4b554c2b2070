import { epochMs, type MeterId } from '@metergate/protocol'
import type { EnergyDraft } from '../energy/energy-desk.js'
import type { PlantZone, Slot } from '../energy/plant-time.js'
import type { ClosePeriod } from './energy-close.js'

/** A day or month to be closed, for the first time or again. */
export interface DueClose {
  readonly period: ClosePeriod
  readonly slot: Slot
}

/** A silent meter holds the closing of a day up for so long; what it brings later closes the day again. */
const PATIENCE_MS = 2 * 3_600_000

/**
 * Knows which days and months are closed and which are due: a day once every meter has passed its end, and again when
 * something in it changes. `closed`: days up to here were closed before.
 */
export class CloseBook {
  readonly #passed = new Map<MeterId, number>()
  #closed: number

  constructor(
    private readonly zone: PlantZone,
    private readonly meters: readonly MeterId[],
    closed: number,
  ) {
    this.#closed = closed
  }

  get closed(): number {
    return this.#closed
  }

  /** Takes what was just stored; returns what is to be closed now, days before the month they end. */
  take(drafts: readonly EnergyDraft[]): DueClose[] {
    const touched: number[] = []
    for (const draft of drafts) {
      if (draft.kind === 'interval' && this.meters.includes(draft.meter)) {
        if (this.#closed === 0) this.#closed = this.zone.day(draft.start).start
        if (draft.start < this.#closed) touched.push(draft.start)
        this.#passed.set(draft.meter, Math.max(this.#passed.get(draft.meter) ?? 0, draft.end))
      } else if (draft.kind === 'production' && draft.source === 'declared') {
        for (let at: number = draft.start; at < draft.end; at = this.zone.day(epochMs(at)).end) touched.push(at)
      }
    }
    const again = touched.filter((at) => at < this.#closed)
    return this.#withMonths([...this.#daysOf(again), ...this.#newDays()])
  }

  #newDays(): Slot[] {
    if (this.#closed === 0) return []
    const passed = this.meters.map((meter) => this.#passed.get(meter) ?? 0)
    const until = Math.max(Math.min(...passed), Math.max(...passed) - PATIENCE_MS)
    const days: Slot[] = []
    for (let day = this.zone.day(epochMs(this.#closed)); day.end <= until; day = this.zone.day(day.end)) {
      days.push(day)
      this.#closed = day.end
    }
    return days
  }

  #daysOf(instants: readonly number[]): Slot[] {
    const days = new Map(instants.map((at) => this.zone.day(epochMs(at))).map((day) => [day.start, day]))
    return [...days.values()].sort((a, b) => a.start - b.start)
  }

  /** Months that end with these days, or ended before and hold one of them. */
  #withMonths(days: readonly Slot[]): DueClose[] {
    const months = new Map(
      days
        .map(({ start }) => this.zone.month(start))
        .filter(({ end }) => end <= this.#closed)
        .map((month) => [month.start, month]),
    )
    return [
      ...days.map((slot): DueClose => ({ period: 'day', slot })),
      ...[...months.values()].map((slot): DueClose => ({ period: 'month', slot })),
    ]
  }
}
