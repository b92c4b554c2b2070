import { type EpochMs, epochMs, type MeterId, type ProductId } from '@metergate/protocol'
import type { IntervalDraft } from './interval.js'
import { matchSpans } from './match.js'
import type { IntervalMinutes, PlantZone, Slot } from './plant-time.js'
import { type ProductCounter, type ProductionDraft, productionOf } from './production.js'
import { type UnitEnergyDraft, unitEnergyDraft } from './unit-energy.js'

/** A product as configured: what counts it, and whose energy it is made with. */
export interface ProductPlan {
  readonly id: ProductId
  /** What one is called: `pair`. */
  readonly unit: string
  readonly meters: readonly MeterId[]
  readonly counters: readonly ProductCounter[]
}

/** A shift of the plant's day, minutes after midnight; `until` ≤ `from` means it ends on the next day. */
export interface ShiftPlan {
  readonly name: string
  readonly fromMinute: number
  readonly untilMinute: number
}

export interface BookOptions {
  readonly zone: PlantZone
  readonly minutes: IntervalMinutes
  readonly product: ProductPlan
  readonly shifts: readonly ShiftPlan[]
}

type Period = UnitEnergyDraft['period']

/** A slot waits this long for a silent meter, then its figure says what is missing; what comes later is a revision. */
const PATIENCE_MS = 2 * 3_600_000
/** Intervals stay at hand for hours, shifts and days, of which the longest has 25 hours; what is older is made from the ledger. */
export const KEPT_MS = 28 * 3_600_000
/** Nothing is lost by keeping a little more than is needed. */
const FORGET_EVERY_MS = 3_600_000
const HOUR: IntervalMinutes = 60

/**
 * One product's figures as its intervals close: production per interval, then kWh per piece for the interval, the hour,
 * the shift and the day. Figures are given once every meter of the product has passed the slot; what changes afterwards
 * gives them again with the next revision.
 */
export class ProductBook {
  readonly #options: BookOptions
  /** By interval start, then by meter: a slot's own are found without looking at the rest. */
  readonly #intervals = new Map<number, Map<MeterId, IntervalDraft>>()
  readonly #production = new Map<string, ProductionDraft>()
  readonly #passed = new Map<MeterId, number>()
  readonly #revisions = new Map<string, number>()
  #settled: number
  /** Start of the oldest interval at hand. */
  #earliest: number | undefined
  #forgottenAt = 0
  #due: DueFigure[] = []

  /** `settled`: figures up to here were given already (0: none). */
  constructor(options: BookOptions, settled = 0) {
    this.#options = options
    this.#settled = settled
  }

  get settled(): number {
    return this.#settled
  }

  /** Figures that need more of the ledger than is at hand here: months, and corrections of days long past. */
  takeDue(): DueFigure[] {
    const due = this.#due
    this.#due = []
    return due
  }

  /** Brings back what an earlier run knew, without giving figures again. */
  recall(drafts: Iterable<IntervalDraft | ProductionDraft | UnitEnergyDraft>): void {
    for (const draft of drafts) {
      if (draft.kind === 'interval') this.#keep(draft)
      else if (draft.kind === 'production') this.#keepProduction(draft)
      else if (draft.product === this.#options.product.id) {
        const key = figureKey(draft.period, draft.start)
        this.#revisions.set(key, Math.max(this.#revisions.get(key) ?? 0, draft.revision + 1))
      }
    }
  }

  /** Takes closed intervals of any meter; returns the production and figures that follow. */
  close(intervals: readonly IntervalDraft[]): (ProductionDraft | UnitEnergyDraft)[] {
    const { product } = this.#options
    const produced: ProductionDraft[] = []
    const late: number[] = []
    for (const interval of intervals) {
      if (!this.#concerns(interval.meter)) continue
      this.#keep(interval)
      if (interval.start < this.#settled) late.push(interval.start)
      for (const counter of product.counters) {
        const entry = productionOf(interval, counter)
        if (entry) produced.push(entry)
      }
    }
    for (const entry of produced) this.#keepProduction(entry)
    return [...produced, ...this.#again(late), ...this.#settle()]
  }

  /** Takes a declared, corrected or withdrawn entry; figures it touches are given again. */
  declare(entry: ProductionDraft): UnitEnergyDraft[] {
    if (entry.product !== this.#options.product.id) return []
    this.#keepProduction(entry)
    const starts: number[] = []
    for (let at: number = entry.start; at < entry.end && at < this.#settled; at = this.#slot(at).end) starts.push(at)
    return this.#again(starts)
  }

  #concerns(meter: MeterId): boolean {
    const { meters, counters } = this.#options.product
    return meters.includes(meter) || counters.some((counter) => counter.meter === meter)
  }

  #keep(interval: IntervalDraft): void {
    if (!this.#concerns(interval.meter)) return
    const bySlot = this.#intervals.get(interval.start) ?? new Map<MeterId, IntervalDraft>()
    this.#intervals.set(interval.start, bySlot)
    const known = bySlot.get(interval.meter)
    if (!known || interval.revision >= known.revision) bySlot.set(interval.meter, this.#trimmed(interval))
    this.#earliest = Math.min(this.#earliest ?? interval.start, interval.start)
    this.#passed.set(interval.meter, Math.max(this.#passed.get(interval.meter) ?? 0, interval.end))
  }

  /** Only what this product's figures need, since a day of it is kept for each meter. */
  #trimmed(interval: IntervalDraft): IntervalDraft {
    const deltas = interval.deltas
      .filter(({ quantity }) => quantity === 'energy_active_import_total')
      .map(({ quantity, delta, flag, method, parts }) => ({
        ...{ quantity, from: null, to: null, delta, flag },
        // They tell whether the delta is the whole interval's.
        ...(method ? { method } : {}),
        ...(parts ? { parts } : {}),
      }))
    return { ...interval, power: null, deltas }
  }

  #keepProduction(entry: ProductionDraft): void {
    if (entry.product !== this.#options.product.id) return
    const known = this.#production.get(entry.entry)
    if (!known || entry.revision >= known.revision) this.#production.set(entry.entry, entry)
  }

  #settle(): UnitEnergyDraft[] {
    const { meters, counters } = this.#options.product
    const all = [...new Set([...meters, ...counters.map(({ meter }) => meter)])]
    const passed = all.map((meter) => this.#passed.get(meter) ?? 0)
    const newest = Math.max(...passed)
    const until = Math.max(Math.min(...passed), newest - PATIENCE_MS)
    if (this.#earliest === undefined) return []
    const figures: UnitEnergyDraft[] = []
    let at = Math.max(this.#settled, this.#earliest)
    while (this.#slot(at).end <= until) {
      const slot = this.#slot(at)
      this.#settled = slot.end
      figures.push(...this.#closingWith(slot).map(([period, span]) => this.#figure(period, span, undefined)))
      const month = this.#options.zone.month(slot.start)
      if (month.end === slot.end) this.#want('month', month)
      at = slot.end
    }
    this.#forget()
    return figures
  }

  /** Figures that contain the given slots, once more; those of days no longer at hand are due from the ledger. */
  #again(starts: readonly number[]): UnitEnergyDraft[] {
    const touched = new Map<string, [Period, Slot]>()
    for (const start of starts) {
      const month: [Period, Slot] = ['month', this.#options.zone.month(epochMs(start))]
      for (const [period, span] of [...this.#containing(start), month]) {
        if (span.end <= this.#settled) touched.set(figureKey(period, span.start), [period, span])
      }
    }
    const figures: UnitEnergyDraft[] = []
    for (const [period, span] of touched.values()) {
      if (period === 'month' || span.start < this.#horizon) this.#want(period, span)
      else figures.push(this.#figure(period, span, 'late_values'))
    }
    return figures
  }

  #want(period: Period, slot: Slot): void {
    const isKnown = this.#due.some((one) => one.period === period && one.slot.start === slot.start)
    if (!isKnown) this.#due.push({ product: this.#options.product.id, period, slot })
  }

  /** From here on everything is at hand. */
  get #horizon(): number {
    return this.#settled - KEPT_MS
  }

  #figure(period: Period, slot: Slot, reason: string | undefined): UnitEnergyDraft {
    const key = figureKey(period, slot.start)
    const revision = this.#revisions.get(key) ?? 0
    this.#revisions.set(key, revision + 1)
    return productFigure(this.#options, {
      period,
      slot,
      revision,
      ...(revision > 0 ? { reason: reason ?? 'late_values' } : {}),
      intervals: this.#within(slot),
      production: this.#production.values(),
    })
  }

  #within({ start, end }: Slot): IntervalDraft[] {
    const inside: IntervalDraft[] = []
    for (let at: number = start; at < end; at = this.#slot(at).end) {
      inside.push(...(this.#intervals.get(at)?.values() ?? []))
    }
    return inside
  }

  #slot(at: number): Slot {
    return this.#options.zone.slot(at, this.#options.minutes)
  }

  #containing(at: number): [Period, Slot][] {
    const { zone } = this.#options
    const instant = epochMs(at)
    return [
      ['interval', this.#slot(at)],
      ['hour', zone.slot(at, HOUR)],
      ...this.#shiftsOn(instant)
        .filter(({ start, end }) => at >= start && at < end)
        .map((slot): [Period, Slot] => ['shift', slot]),
      ['day', zone.day(instant)],
    ]
  }

  #closingWith(slot: Slot): [Period, Slot][] {
    return this.#containing(slot.end - 1).filter(([, span]) => span.end === slot.end)
  }

  /** The shifts of the civil day that holds `at` and of the day before (night shifts). */
  #shiftsOn(at: EpochMs): Slot[] {
    const { zone, shifts } = this.#options
    const { year, month, day } = zone.local(at)
    return [day - 1, day].flatMap((date) =>
      shifts.map(({ fromMinute, untilMinute }) => ({
        start: zone.instant(year, month, date, fromMinute),
        end: zone.instant(year, month, untilMinute <= fromMinute ? date + 1 : date, untilMinute),
      })),
    )
  }

  /** Looks at everything, so at most once an hour of the plant's time. */
  #forget(): void {
    if (this.#settled - this.#forgottenAt < FORGET_EVERY_MS) return
    this.#forgottenAt = this.#settled
    const horizon = this.#horizon
    this.#earliest = undefined
    for (const start of this.#intervals.keys()) {
      if (this.#slot(start).end < horizon) this.#intervals.delete(start)
      else this.#earliest = Math.min(this.#earliest ?? start, start)
    }
    for (const [key, { end }] of this.#production) if (end < horizon) this.#production.delete(key)
    for (const key of this.#revisions.keys()) if (Number(key.split(' ')[1]) < horizon) this.#revisions.delete(key)
  }
}

/** A figure over so much time, or so long ago, that it is made from the stored ledger. */
export interface DueFigure {
  readonly product: ProductId
  readonly period: Period
  readonly slot: Slot
}

export interface FigureQuestion {
  readonly period: Period
  readonly slot: Slot
  readonly revision: number
  readonly reason?: string
  readonly intervals: Iterable<IntervalDraft>
  readonly production: Iterable<ProductionDraft>
}

/** One figure of a product from the intervals and entries of its period, whoever keeps them. */
export function productFigure(
  { zone, minutes, product }: Pick<BookOptions, 'zone' | 'minutes' | 'product'>,
  { period, slot, revision, reason, intervals, production }: FigureQuestion,
): UnitEnergyDraft {
  const spanMinutes: IntervalMinutes = period === 'interval' || period === 'hour' ? minutes : HOUR
  const { id, meters, unit } = product
  const spans = matchSpans({ period: slot, zone, minutes, spanMinutes, product: id, meters, intervals, production })
  return unitEnergyDraft(spans, { product: id, meters, period, slot, unit, revision, ...(reason ? { reason } : {}) })
}

const figureKey = (period: Period, start: number): string => `${period} ${start}`
