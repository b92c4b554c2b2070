import {
  type Amount,
  type EpochMs,
  epochMs,
  fail,
  type MeterId,
  ok,
  parseJson,
  type ReadingRecord,
  type Result,
} from '@metergate/protocol'
import { z } from 'zod'
import { GapEstimator, gapStateSchema } from './gap-estimator.js'
import type { EventDraft, IntervalDraft } from './interval.js'
import { type CounterSpec, IntervalCutter, type MeterChange } from './interval-cutter.js'
import type { IntervalMinutes, PlantZone } from './plant-time.js'
import {
  type DueFigure,
  KEPT_MS,
  ProductBook,
  type ProductPlan,
  productFigure,
  type ShiftPlan,
} from './product-book.js'
import type { ProductionDraft } from './production.js'
import { newestIntervals } from './spans.js'
import type { UnitEnergyDraft } from './unit-energy.js'

/** A metering point whose counters are cut into intervals. */
export interface MeterPlan {
  readonly id: MeterId
  /** Cadence of the polls that carry the counters. */
  readonly periodMs: number
  readonly counters: readonly CounterSpec[]
  /** CT × PT that its readings are multiplied by; 1 when left out. */
  readonly ratio?: Amount
}

export interface DeskOptions {
  readonly zone: PlantZone
  readonly minutes: IntervalMinutes
  readonly meters: readonly MeterPlan[]
  readonly products: readonly ProductPlan[]
  readonly shifts: readonly ShiftPlan[]
}

/** What energy adds to the ledger; whoever stores it adds the stamp. */
export type EnergyDraft = IntervalDraft | EventDraft | ProductionDraft | UnitEnergyDraft

const checkpointSchema = z.strictObject({
  format: z.literal('energy-desk/1'),
  cutters: z.record(z.string(), z.string()),
  settled: z.record(z.string(), z.number()),
  gaps: z.record(z.string(), gapStateSchema).default({}),
})
type GapStates = z.infer<typeof checkpointSchema>['gaps']

/**
 * Turns dated readings into intervals, production and energy per product. Deterministic, so a restart from a
 * checkpoint and the readings after it gives what an unbroken run would have given.
 */
export class EnergyDesk {
  readonly #cutters = new Map<MeterId, IntervalCutter>()
  readonly #gaps = new Map<MeterId, GapEstimator>()
  readonly #books = new Map<string, ProductBook>()

  private constructor(
    private readonly options: DeskOptions,
    cutters: ReadonlyMap<MeterId, IntervalCutter>,
    settled: Readonly<Record<string, number>>,
    gaps: GapStates = {},
  ) {
    const { zone, minutes, shifts } = options
    for (const [meter, cutter] of cutters) {
      this.#cutters.set(meter, cutter)
      this.#gaps.set(meter, new GapEstimator(gaps[meter]))
    }
    for (const product of options.products) {
      this.#books.set(product.id, new ProductBook({ zone, minutes, product, shifts }, settled[product.id] ?? 0))
    }
  }

  /** A desk that has seen nothing yet. */
  static fresh(options: DeskOptions): EnergyDesk {
    const cutters = options.meters
      .filter(({ counters }) => counters.length > 0)
      .map((meter) => [meter.id, new IntervalCutter(cutterOptions(options, meter))] as const)
    return new EnergyDesk(options, new Map(cutters), {})
  }

  /**
   * Continues from {@link EnergyDesk.checkpoint}. A meter whose plan changed since (other counters, other grid) starts
   * afresh and is named in `changed`; a fault when the text is no checkpoint at all.
   */
  static restore(
    options: DeskOptions,
    checkpoint: string,
  ): Result<{ readonly desk: EnergyDesk; readonly changed: readonly MeterId[] }, { readonly why: string }> {
    const parsed = checkpointSchema.safeParse(parseJson(checkpoint))
    if (!parsed.success) return fail({ why: `unreadable energy checkpoint: ${parsed.error.message}` })
    const cutters = new Map<MeterId, IntervalCutter>()
    const changed: MeterId[] = []
    for (const meter of options.meters.filter(({ counters }) => counters.length > 0)) {
      const text = parsed.data.cutters[meter.id]
      const restored = text === undefined ? undefined : IntervalCutter.restore(cutterOptions(options, meter), text)
      if (restored?.ok) cutters.set(meter.id, restored.value)
      else {
        if (text !== undefined) changed.push(meter.id)
        cutters.set(meter.id, new IntervalCutter(cutterOptions(options, meter)))
      }
    }
    const gaps = Object.fromEntries(
      Object.entries(parsed.data.gaps).filter(([meter]) => !changed.some((one) => one === meter)),
    )
    return ok({ desk: new EnergyDesk(options, cutters, parsed.data.settled, gaps), changed })
  }

  /** Store it in one commit with the records it led to. */
  checkpoint(): string {
    return JSON.stringify({
      format: 'energy-desk/1',
      cutters: Object.fromEntries([...this.#cutters].map(([meter, cutter]) => [meter, cutter.checkpoint()])),
      settled: Object.fromEntries([...this.#books].map(([product, book]) => [product, book.settled])),
      gaps: Object.fromEntries([...this.#gaps].map(([meter, gap]) => [meter, gap.state()])),
    })
  }

  /** From where on {@link EnergyDesk.recall} wants the ledger: a day and a little before the oldest open figure. */
  recallFrom(): number | undefined {
    const settled = [...this.#books.values()].map((book) => book.settled).filter((at) => at > 0)
    return settled.length > 0 ? Math.min(...settled) - KEPT_MS : undefined
  }

  /** Shows the books the recent ledger after a restart. */
  recall(drafts: Iterable<IntervalDraft | ProductionDraft | UnitEnergyDraft>): void {
    const list = [...drafts]
    for (const book of this.#books.values()) book.recall(list)
  }

  /**
   * Takes one reading, dated; returns what it finished. `isOfBefore`: it was taken before the restart, so perhaps with
   * another configuration.
   */
  take(reading: ReadingRecord, at: EpochMs, isOfBefore = false): EnergyDraft[] {
    const cutter = this.#cutters.get(reading.meter)
    const values = goodValues(reading, at)
    if (!cutter || values.length === 0) return []
    const power = values.find(({ quantity }) => quantity === 'power_active_total')?.value
    const counters = this.#countersOf(reading.meter)
    const counts = values.filter(({ quantity }) => counters.has(quantity))
    if (!isOfBefore) cutter.adoptRatio(at)
    const { intervals, events } = cutter.read({ at, values: counts, ...(power ? { power } : {}) })
    return [...events, ...this.#close(reading.meter, intervals)]
  }

  /** The last believed register of a meter that what was read off it contradicts. */
  contradictedBy(meter: MeterId, change: MeterChange): Amount | undefined {
    const { oldEnd } = change
    const cutter = this.#cutters.get(meter)
    return oldEnd && cutter && !cutter.hasBrokenSince(change) ? cutter.contradictedBy(oldEnd) : undefined
  }

  /** Whether readings of after the change were counted already, so that it concerns intervals given before. */
  isLate(meter: MeterId, change: MeterChange): boolean {
    return this.#cutters.get(meter)?.isLate(change) ?? false
  }

  /**
   * Takes a planned change at a meter: its segment ends at the last good value and a new one begins. Undefined when no
   * such meter is cut into intervals. `isLate`: the new register was already taken for a reset, so only the event is given.
   * `closed`: the meter's stored intervals around a change that {@link EnergyDesk.isLate}.
   */
  change(
    meter: MeterId,
    change: MeterChange,
    closed: Iterable<IntervalDraft> = [],
  ): { readonly drafts: EnergyDraft[]; readonly facts: EventDraft['facts']; readonly isLate: boolean } | undefined {
    const cutter = this.#cutters.get(meter)
    if (!cutter) return undefined
    const isLate = cutter.hasBrokenSince(change)
    const newest = [...(newestIntervals(closed).get(meter)?.values() ?? [])]
    const { intervals, events } = isLate ? cutter.noteChange(change) : cutter.change(change, newest)
    const facts = events.find(({ code }) => code === change.cause)?.facts ?? {}
    return { drafts: [...events, ...this.#close(meter, intervals)], facts, isLate }
  }

  /** Takes a declared entry (or its correction); returns it with the figures it changes. */
  declare(entry: ProductionDraft): EnergyDraft[] {
    return [entry, ...[...this.#books.values()].flatMap((book) => book.declare(entry))]
  }

  /** Figures due that only the stored ledger can give; each is named once. */
  takeDue(): DueFigure[] {
    return [...this.#books.values()].flatMap((book) => book.takeDue())
  }

  /** Makes a due figure from the ledger of its period; of earlier givings the highest revision is gone beyond. */
  figure(
    { product: id, period, slot }: DueFigure,
    ledger: Iterable<IntervalDraft | ProductionDraft | UnitEnergyDraft>,
  ): UnitEnergyDraft | undefined {
    const { zone, minutes, products } = this.options
    const product = products.find((plan) => plan.id === id)
    if (!product) return undefined
    const records = [...ledger]
    const before = records.flatMap((one) =>
      one.kind === 'unit_energy' && one.product === id && one.period === period && one.start === slot.start
        ? [one.revision]
        : [],
    )
    const revision = before.length > 0 ? Math.max(...before) + 1 : 0
    return productFigure(
      { zone, minutes, product },
      {
        period,
        slot,
        revision,
        ...(revision > 0 ? { reason: 'late_values' } : {}),
        intervals: records.flatMap((one) => (one.kind === 'interval' ? [one] : [])),
        production: records.flatMap((one) => (one.kind === 'production' ? [one] : [])),
      },
    )
  }

  /** Intervals of one meter with their estimates, and what follows from them. */
  #close(meter: MeterId, cut: readonly IntervalDraft[]): EnergyDraft[] {
    if (cut.length === 0) return []
    const intervals = this.#gaps.get(meter)?.take(cut) ?? [...cut]
    return [...intervals, ...[...this.#books.values()].flatMap((book) => book.close(intervals))]
  }

  #countersOf(meter: MeterId): ReadonlySet<string> {
    return new Set(this.options.meters.find(({ id }) => id === meter)?.counters.map(({ quantity }) => quantity))
  }
}

function cutterOptions({ zone, minutes }: DeskOptions, { id, periodMs, counters, ratio }: MeterPlan) {
  return { meter: id, zone, minutes, periodMs, counters, ...(ratio ? { ratio } : {}) }
}

/** Values that may be used: present and not suspect, at the instant of their own block. */
function goodValues(reading: ReadingRecord, at: EpochMs) {
  const values: { quantity: ReadingRecord['values'][number]['quantity']; value: Amount; at: EpochMs }[] = []
  for (const one of reading.values) {
    if (!('value' in one) || one.suspect) continue
    const offset = reading.blocks[one.block] ?? 0
    values.push({ quantity: one.quantity, value: one.value, at: epochMs(at + offset) })
  }
  return values
}
