import {
  type Amount,
  add,
  amountFrom,
  divideHalfEven,
  invariant,
  type MeterId,
  type ProductId,
  type QuantityName,
  subtract,
} from '@metergate/protocol'
import type { IntervalDraft } from './interval.js'
import type { IntervalMinutes, PlantZone, Slot } from './plant-time.js'
import { entriesInForce, type ProductionDraft } from './production.js'
import { newestIntervals, type SlotEnergy, type Span, slotEnergy, slotsOf, sum, sumKnown, ZERO } from './spans.js'

/** Which energy belongs to which output. */
export interface MatchQuestion {
  readonly period: Slot
  readonly zone: PlantZone
  /** Length of the stored intervals. */
  readonly minutes: IntervalMinutes
  /** Energy and counted output are compared in spans of this length: hours for shifts and longer. */
  readonly spanMinutes: IntervalMinutes
  readonly product: ProductId
  /** The meters whose energies add up to the product's. */
  readonly meters: readonly MeterId[]
  /** Default: active energy import. */
  readonly quantity?: QuantityName
  readonly intervals: Iterable<IntervalDraft>
  readonly production: Iterable<ProductionDraft>
}

/**
 * The period as spans of known energy and output. Counted output is matched on the grid; a declared entry makes one
 * span of its own, so that a shift's count is set against exactly that shift's energy. A declared entry counts only
 * where nothing was counted: where a counter knows a part of its time, the rest has its part of the count. One that crosses an end of the period gives it the part of its count that falls there by time,
 * and its energy is then said to be estimated; an entry longer than the period gives it nothing.
 */
export function matchSpans(question: MatchQuestion): Span[] {
  const { period, zone, minutes, spanMinutes, product, production } = question
  const slots = slotsOf(period, zone, minutes)
  const line = new EnergyLine(slots, energies(question, slots))
  const entries = entriesInForce(production).filter((entry) => entry.product === product)
  const counted = countedOutput(entries)
  const declared = declaredStretches(entries, period)
  const spans: Span[] = declared.map(({ start, end, output, isSplit }) => {
    const known = line.between(start, end)
    return { start, end, output, ...known, ...(isSplit && known.energy ? { estimated: known.energy } : {}) }
  })
  for (const { start, end } of slotsOf(period, zone, spanMinutes).flatMap((slot) => freeOf(slot, declared))) {
    const inside = slots.filter((slot) => slot.start < end && slot.end > start)
    const cut = inside.some((slot) => slot.start < start || slot.end > end)
    const output = cut ? null : sumKnown(inside.map((slot) => counted.get(slot.start) ?? null))
    spans.push({ start, end, output, ...line.between(start, end) })
  }
  return spans.sort((a, b) => a.start - b.start)
}

function energies({ meters, intervals, quantity }: MatchQuestion, slots: readonly Slot[]): SlotEnergy[] {
  const byMeter = newestIntervals(intervals)
  return slots.map(({ start }) => {
    const parts = meters.map((meter) =>
      slotEnergy(byMeter.get(meter)?.get(start), quantity ?? 'energy_active_import_total'),
    )
    return { energy: sumKnown(parts.map(({ energy }) => energy)), estimated: parts.some(({ estimated }) => estimated) }
  })
}

/** Output by interval start; several counters of one product add up. */
function countedOutput(entries: readonly ProductionDraft[]): Map<number, Amount> {
  const bySlot = new Map<number, Amount>()
  for (const { source, start, count } of entries) {
    if (source === 'declared' || !count) continue
    bySlot.set(start, add(bySlot.get(start) ?? ZERO, count))
  }
  return bySlot
}

interface Stretch {
  readonly start: number
  readonly end: number
  readonly output: Amount
  /** Part of an entry only: how much of it was made here is estimated. */
  readonly isSplit: boolean
}

/**
 * Declared entries where nothing was counted, those that overlap joined: their output belongs to the whole stretch. Of one that a
 * counter covers in part the rest counts by time, or a counter that fails in the first quarter of a shift would take the shift's
 * count along with it.
 */
function declaredStretches(entries: readonly ProductionDraft[], period: Slot): Stretch[] {
  const counted = entries.filter(({ source, count }) => source !== 'declared' && count)
  const pieces = entries.flatMap((entry) =>
    entry.source === 'declared'
      ? freeOf(entry, counted).flatMap((piece) => declaredWithin(entry, piece, period) ?? [])
      : [],
  )
  const stretches: Stretch[] = []
  for (const piece of pieces.sort((a, b) => a.start - b.start)) {
    const last = stretches.at(-1)
    if (last && piece.start < last.end) {
      stretches[stretches.length - 1] = {
        start: last.start,
        end: Math.max(last.end, piece.end),
        output: add(last.output, piece.output),
        isSplit: last.isSplit || piece.isSplit,
      }
    } else stretches.push(piece)
  }
  return stretches
}

type Stretched = Pick<Span, 'start' | 'end'>

/** What of a stretch of time the others leave free; `taken` by start. */
function freeOf({ start, end }: Stretched, taken: readonly Stretched[]): Stretched[] {
  const pieces: Stretched[] = []
  let from = start
  for (const one of taken) {
    if (one.end <= from || one.start >= end) continue
    if (one.start > from) pieces.push({ start: from, end: one.start })
    from = one.end
  }
  if (from < end) pieces.push({ start: from, end })
  return pieces
}

/** What of a declared entry's piece belongs to the period; parts of one entry over neighbouring periods add up to its count. */
function declaredWithin(entry: ProductionDraft, piece: Stretched, period: Slot): Stretch | undefined {
  const { start, end, count } = entry
  const from = Math.max(piece.start, period.start)
  const to = Math.min(piece.end, period.end)
  if (!count || to <= from) return undefined
  if (from === start && to === end) return { start, end, output: count, isSplit: false }
  const isWithin = start >= period.start && end <= period.end
  if (!isWithin && end - start > period.end - period.start) return undefined
  const output = subtract(upTo(count, { start, end }, to), upTo(count, { start, end }, from))
  return { start: from, end: to, output, isSplit: true }
}

/** Good output of a period: what was counted in it, and what was declared where nothing was counted; null when neither was. */
export function outputOf(
  product: ProductId,
  period: Slot,
  production: Iterable<ProductionDraft>,
): { readonly output: Amount; readonly isSplit: boolean } | null {
  const entries = entriesInForce(production).filter((entry) => entry.product === product)
  const counted = countedOutput(entries)
  const inside = [...counted].flatMap(([at, count]) => (at >= period.start && at < period.end ? [count] : []))
  const declared = declaredStretches(entries, period)
  if (inside.length + declared.length === 0) return null
  return {
    output: sum([...inside, ...declared.map(({ output }) => output)]),
    isSplit: declared.some(({ isSplit }) => isSplit),
  }
}

/** Energy along the grid; inside a slot it is spread evenly, rounded once per cut, so that cuts add up exactly. */
class EnergyLine {
  constructor(
    private readonly slots: readonly Slot[],
    private readonly known: readonly SlotEnergy[],
  ) {}

  between(start: number, end: number): { energy: Amount | null; estimated: Amount } {
    const shares: (Amount | null)[] = []
    const estimates: Amount[] = []
    this.slots.forEach((slot, index) => {
      if (slot.start >= end || slot.end <= start) return
      const { energy, estimated } = this.known[index] ?? { energy: null, estimated: false }
      const isCut = slot.start < start || slot.end > end
      const share = energy && subtract(upTo(energy, slot, end), upTo(energy, slot, start))
      shares.push(share)
      if (share && (estimated || isCut)) estimates.push(share)
    })
    return { energy: shares.length ? sumKnown(shares) : null, estimated: sum(estimates) }
  }
}

/** The part of a slot's energy, or of an entry's count, up to an instant. */
function upTo(energy: Amount, { start, end }: Pick<Span, 'start' | 'end'>, at: number): Amount {
  if (at <= start) return { n: 0, exp: energy.exp }
  if (at >= end) return energy
  const part = amountFrom(divideHalfEven(BigInt(energy.n) * BigInt(at - start), BigInt(end - start)), energy.exp)
  invariant(part, 'a part is no larger than the whole')
  return part
}
