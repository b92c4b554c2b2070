import { type Amount, epochMs, type IntervalDelta } from '@metergate/protocol'
import type { SettledSlot } from './counter-track.js'
import { type CutterState, multiplierUntil, type SlotBook } from './cutter-state.js'
import type { CounterPoll, CutterOptions } from './cutter-types.js'
import { INTERVAL_FORMULA, type IntervalDraft } from './interval.js'
import { deltaOf, doubted, missingDelta } from './interval-delta.js'
import type { Slot } from './plant-time.js'
import { freshTally, powerFigures, tallyPower } from './power-tally.js'

/** More ratio changes than this cannot lie in intervals still open. */
const KEPT_MULTIPLIERS = 8

/**
 * Keeps one book for each interval still open: what its counters settled, its power, its good polls. Hands out an
 * interval once every counter has passed it, or, after some patience, without the one that lags; what comes later
 * makes a revision.
 */
export class SlotBooks {
  #slot: Slot | undefined
  /** Whether a counter has settled a slot since intervals were last taken; most polls settle none. */
  #hasNews = true

  constructor(
    private readonly options: CutterOptions,
    private readonly state: CutterState,
    private readonly nearMs: number,
    private readonly patienceMs: number,
  ) {}

  /** Counts a poll that gave counters. */
  countGood(at: number): void {
    this.#bookAt(at).good += 1
  }

  /** Each power value holds until the next one, over silences not at all. */
  weighPower({ at, power }: CounterPoll): void {
    const { lastPower } = this.state
    if (!power || (lastPower && at <= lastPower.at)) return
    if (lastPower && at - lastPower.at <= this.nearMs) this.#spreadPower(lastPower.value, lastPower.at, at)
    this.#spreadPower(power, at, at)
    this.state.lastPower = { at, value: power }
  }

  /** Takes what the counter of that index did in a slot. */
  settle(index: number, slot: SettledSlot, segment: number): void {
    const spec = this.options.counters[index]
    if (!spec) return
    const book = this.#book(slot)
    book.deltas[index] = deltaOf(slot, segment, {
      quantity: spec.quantity,
      modulus: spec.modulus,
      multiplierUntil: (end) => multiplierUntil(this.state, end),
    })
    book.dirty = true
    this.#hasNews = true
  }

  /** Takes back what was settled of slots that `isDoubted` names and are not finished yet. */
  doubt(check: string, isDoubted: (slot: Slot) => boolean): void {
    for (const [start, book] of this.state.slots) {
      if (!isDoubted({ start: epochMs(start), end: epochMs(book.end) })) continue
      book.deltas = book.deltas.map((delta) => delta && doubted(delta, check))
    }
  }

  /** An interval was given in this revision by another way: what still comes of it goes beyond. */
  given(start: number, revision: number): void {
    const book = this.state.slots.get(start)
    if (book) book.emitted = Math.max(book.emitted, revision + 1 - this.#base(start))
  }

  /** The intervals that are due, when each counter has settled up to the given instants. */
  takeDue(settledUntil: () => readonly number[]): IntervalDraft[] {
    if (!this.#hasNews) return []
    this.#hasNews = false
    const { slots, multipliers } = this.state
    const settled = settledUntil()
    const complete = settled.length ? Math.min(...settled) : Number.NEGATIVE_INFINITY
    const overdue = settled.length ? Math.max(...settled) - this.patienceMs : Number.NEGATIVE_INFINITY
    const due: number[] = []
    for (const [start, { end, emitted }] of slots) {
      if (end <= complete || (end <= overdue && emitted === 0)) due.push(start)
    }
    const drafts: IntervalDraft[] = []
    for (const start of due.sort((a, b) => a - b)) {
      const book = slots.get(start)
      if (!book) continue
      if (book.dirty) drafts.push(this.#draft(start, book))
      if (book.end <= complete) slots.delete(start)
    }
    if (multipliers.length > KEPT_MULTIPLIERS) multipliers.splice(0, multipliers.length - KEPT_MULTIPLIERS)
    return drafts
  }

  /** Closes every book because the clock went back; what is written again before `before` is a revision. */
  closeAll(before: number): IntervalDraft[] {
    const { slots, rewritten } = this.state
    const dirty = [...slots].filter(([, book]) => book.dirty)
    const drafts = dirty.map(([start, book]) => this.#draft(start, book))
    slots.clear()
    this.state.rewritten = {
      before: Math.max(before, rewritten?.before ?? before),
      revision: (rewritten?.revision ?? 0) + 1,
    }
    this.state.lastPower = null
    return drafts
  }

  #spreadPower(value: Amount, from: number, to: number): void {
    let start = from
    do {
      const book = this.#bookAt(start)
      const until = Math.min(to, book.end)
      book.power ??= freshTally(value)
      tallyPower(book.power, value, until - start)
      start = until
    } while (start < to)
  }

  #bookAt(at: number): SlotBook {
    if (!this.#slot || at < this.#slot.start || at >= this.#slot.end) {
      this.#slot = this.options.zone.slot(at, this.options.minutes)
    }
    return this.#book(this.#slot)
  }

  #book({ start, end }: { readonly start: number; readonly end: number }): SlotBook {
    const { slots } = this.state
    const known = slots.get(start)
    if (known) return known
    const deltas = this.options.counters.map(() => null)
    const fresh = { end, good: 0, power: null, deltas, emitted: 0, dirty: false }
    slots.set(start, fresh)
    return fresh
  }

  #base(start: number): number {
    const { rewritten } = this.state
    return rewritten && start < rewritten.before ? rewritten.revision : 0
  }

  #draft(start: number, book: SlotBook): IntervalDraft {
    const { meter, periodMs, counters } = this.options
    const base = this.#base(start)
    const deltas = counters.map(({ quantity }, index) => book.deltas[index] ?? missingDelta(quantity))
    const segment = Math.max(...deltas.map((delta) => delta.segment ?? 0))
    const expected = Math.max(1, Math.round((book.end - start) / periodMs))
    const reason = book.emitted > 0 ? 'late_values' : base > 0 ? 'clock_reset' : undefined
    const revision = base + book.emitted
    book.emitted += 1
    book.dirty = false
    return {
      kind: 'interval',
      meter,
      start: epochMs(start),
      end: epochMs(book.end),
      revision,
      ...(reason ? { reason } : {}),
      segment,
      multiplier: multiplierUntil(this.state, book.end),
      deltas: deltas.map((delta) => withoutSegment(delta, segment)),
      power: powerFigures(book.power),
      coverage: Math.min(1000, Math.floor((book.good * 1000) / expected)),
      formula: INTERVAL_FORMULA,
    }
  }
}

/** Leaves out a counter's own segment where the record's says the same. */
function withoutSegment(delta: IntervalDelta, segment: number): IntervalDelta {
  if (delta.segment !== segment) return delta
  const { segment: _same, ...rest } = delta
  return rest
}
