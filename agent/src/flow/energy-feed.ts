import {
  type Anchor,
  type AnchorRecord,
  type BootId,
  dateOf,
  type EpochMs,
  epochMs,
  epochMsSchema,
  fail,
  formatAmount,
  type MeterId,
  ok,
  parseJson,
  productIdSchema,
  type ReadingRecord,
  type Stamp,
  type StreamRecord,
  seqSchema,
  streamIdSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import { type DeskOptions, EnergyDesk, type EnergyDraft } from '../energy/energy-desk.js'
import type { EventDraft, IntervalDraft } from '../energy/interval.js'
import type { MeterChange } from '../energy/interval-cutter.js'
import type { DueFigure } from '../energy/product-book.js'
import type { ProductionDraft } from '../energy/production.js'
import type { UnitEnergyDraft } from '../energy/unit-energy.js'
import type { FoundRecord, RecordPlace, RecordStore } from '../store/record-store.js'
import { CloseBook, type DueClose } from './close-book.js'

const STATE_KEY = 'energy'
/** Readings taken in one go, so that a long backlog does not hold up the line. */
const READINGS_AT_ONCE = 2_000
/** No figure the desk gives by itself is longer, so no entry that begins earlier can count in one. */
const DAY_MS = 86_400_000
/** How far before a change told late its silence may have begun. */
const SPREAD_MOST_MS = 7 * DAY_MS
/** Streams whose place is remembered, so that their copies are known; one is left after a conflict, which is rare. */
const STREAMS_KEPT = 16

/** What of the written state the feed itself goes on from. */
interface Progress {
  readonly stream: string
  readonly after: number
  readonly taken?: Readonly<Record<string, number>>
  readonly due?: readonly DueFigure[]
  readonly closed?: number
  readonly closes?: readonly DueClose[]
}

/** Anchors kept at hand; older ones belong to boots whose readings were taken long ago. */
const ANCHORS_KEPT = 64
const LEDGER_OF_FIGURES = ['interval', 'production', 'unit_energy'] as const

const stateSchema = z.strictObject({
  desk: z.string(),
  /** The last reading taken: its stream and number. */
  stream: z.string(),
  after: z.number().int().min(0),
  /** The same of streams that were left: their copies up to here were taken under their first number. */
  taken: z.record(z.string(), z.number().int().min(0)).default({}),
  /** Figures still to be made from the ledger: written with the records they rest on, gone with the figures. */
  due: z
    .array(
      z.strictObject({
        product: productIdSchema,
        period: z.enum(['interval', 'hour', 'shift', 'day', 'month']),
        slot: z.strictObject({ start: epochMsSchema, end: epochMsSchema }),
      }),
    )
    .default([]),
  /** Days up to here were closed; 0: none yet. */
  closed: z.number().int().min(0).default(0),
  /** Periods still to be closed. */
  closes: z
    .array(
      z.strictObject({
        period: z.enum(['day', 'month']),
        slot: z.strictObject({ start: epochMsSchema, end: epochMsSchema }),
      }),
    )
    .default([]),
})

export interface FeedParts {
  readonly store: RecordStore
  readonly boot: BootId
  readonly stamp: () => Stamp
  /** The closing events of a day or month from the ledger; absent: none are given. */
  readonly closing?: ((due: DueClose, revision: number) => readonly EventDraft[]) | undefined
}

export type FeedNotice =
  | { readonly kind: 'energy_restarted'; readonly why: string }
  | { readonly kind: 'meter_plan_changed'; readonly meters: readonly MeterId[] }

/**
 * Draws committed readings out of the store, in the order taken, and lays what the energy desk makes of them into the
 * ledger. The place reached and the desk's state go to disk in the commit that stores the results, so a restart at any
 * point continues without losing or doubling anything. Readings of an undated boot wait for its anchor.
 */
export class EnergyFeed {
  readonly #anchors: Anchor[]
  readonly #closes: CloseBook
  /** The last reading taken. */
  #place: RecordPlace | undefined
  /** The number of the last one of every stream: what was there up to it is known when it comes again as a copy. */
  readonly #taken: Map<string, number>
  #due: DueFigure[]
  #toClose: DueClose[]
  #leftOverGiven = false
  /** Detail streams at the start, and the newest number: readings up to it were taken with the configuration of before. */
  readonly #atStart: { readonly older: ReadonlySet<string>; readonly stream: string; readonly lastSeq: number }

  private constructor(
    private readonly parts: FeedParts,
    private readonly desk: EnergyDesk,
    progress: Progress,
    anchors: readonly Anchor[],
    { zone, meters }: DeskOptions,
  ) {
    const cut = meters.filter(({ counters }) => counters.length > 0).map(({ id }) => id)
    this.#closes = new CloseBook(zone, cut, progress.closed ?? 0)
    this.#anchors = [...anchors]
    const { stream, lastSeq } = detailState(parts.store)
    const older = parts.store.health().streams.map((one) => one.stream)
    this.#atStart = { older: new Set(older.filter((one) => one !== stream)), stream, lastSeq }
    this.#place = placeOf(progress)
    this.#taken = new Map(Object.entries(progress.taken ?? {}))
    this.#due = [...(progress.due ?? [])]
    this.#toClose = [...(progress.closes ?? [])]
  }

  /** Continues where the store says; without a usable state begins with the readings that come from now on. */
  static open(
    parts: FeedParts,
    options: DeskOptions,
  ): { readonly feed: EnergyFeed; readonly notices: readonly FeedNotice[] } {
    const { store } = parts
    const stored = store.getState(STATE_KEY)
    const anchors = recordsOf(store, ['anchor'])
      .flatMap((one) => (one.kind === 'anchor' ? [one] : []))
      .slice(-ANCHORS_KEPT)
    if (stored === undefined)
      return {
        feed: new EnergyFeed(parts, EnergyDesk.fresh(options), { stream: '', after: 0 }, anchors, options),
        notices: [],
      }
    const state = stateSchema.safeParse(parseJson(stored))
    const restored = state.success ? EnergyDesk.restore(options, state.data.desk) : undefined
    if (!state.success || !restored?.ok) {
      const why = restored && !restored.ok ? restored.fault.why : 'the stored state is unreadable'
      const now = detailState(store)
      const place = { stream: now.stream, after: now.lastSeq }
      const feed = new EnergyFeed(parts, EnergyDesk.fresh(options), place, anchors, options)
      return { feed, notices: [{ kind: 'energy_restarted', why }] }
    }
    const { desk, changed } = restored.value
    recall(desk, store)
    const feed = new EnergyFeed(parts, desk, state.data, anchors, options)
    return { feed, notices: changed.length > 0 ? [{ kind: 'meter_plan_changed', meters: changed }] : [] }
  }

  /** Takes what has been committed meanwhile. True when there is more than was taken in one go. */
  advance(): boolean {
    this.#giveLeftOver()
    // What is copied already would be found behind what is not, and be taken for taken.
    if (this.parts.store.isLeaving()) return false
    const drafts: EnergyDraft[] = []
    let taken = 0
    const query = { stream: 'detail' as const, kinds: ['reading'] as const }
    for (const found of this.parts.store.records(this.#place ? { ...query, after: this.#place } : query)) {
      const { record } = found
      if (record.kind !== 'reading') continue
      if (taken >= READINGS_AT_ONCE) break
      taken += 1
      if (!this.#wasTaken(found)) {
        const at = this.#date(record)
        if (at === 'wait') break
        if (at !== 'never') drafts.push(...this.desk.take(record, at, this.#isOfBefore(found)))
      }
      this.#goOn(found)
    }
    // Without results nothing is written: the same readings, taken again after a restart, lead to the same place.
    if (drafts.length > 0) void this.#store(drafts)
    return taken >= READINGS_AT_ONCE
  }

  /** An anchor for this or an earlier boot was stored: readings that waited for it can be dated now. */
  anchored(anchor: Pick<AnchorRecord, 'boot' | 'mono' | 'true_wall' | 'error_ms'>): void {
    this.#anchors.push(anchor)
    if (this.#anchors.length > ANCHORS_KEPT) this.#anchors.shift()
  }

  /** What is read now cannot be dated yet: no anchor of this boot, and nobody vouches for the clock. */
  waitsForClock(): boolean {
    return dateOf(this.parts.stamp(), this.#anchors).quality === 'U'
  }

  /** A declared entry, or its correction; resolves once it is on disk. */
  declare(entry: ProductionDraft) {
    return this.#store(this.desk.declare(entry), true)
  }

  /**
   * A meter or its transformers were changed: everything read before is taken first, then its segment ends. Undefined when
   * no such meter is cut into intervals; otherwise resolves with the event's facts once they are on disk.
   */
  async exchange(meter: MeterId, change: MeterChange) {
    const flushed = await this.parts.store.flush()
    if (!flushed.ok) return flushed
    while (this.advance());
    const known = this.desk.contradictedBy(meter, change)
    if (known) return fail({ kind: 'register' as const, why: formatAmount(known) })
    const closed = this.desk.isLate(meter, change) ? intervalsSince(this.parts.store, meter, change) : []
    const changed = this.desk.change(meter, change, closed)
    if (!changed) return undefined
    const stored = await this.#store(changed.drafts, true)
    return stored.ok ? ok(changed.facts) : stored
  }

  /** A copy of what was taken from the stream it was in before. */
  #wasTaken({ origin }: FoundRecord): boolean {
    return origin !== undefined && origin.seq <= (this.#taken.get(origin.stream) ?? 0)
  }

  #isOfBefore({ stream, seq, origin }: FoundRecord): boolean {
    const { older, stream: newest, lastSeq } = this.#atStart
    const isIn = (place: RecordPlace) => older.has(place.stream) || (place.stream === newest && place.seq <= lastSeq)
    return isIn({ stream, seq }) || (origin !== undefined && isIn(origin))
  }

  #goOn({ stream, seq, origin }: FoundRecord): void {
    this.#place = { stream, seq }
    for (const at of origin ? [this.#place, origin] : [this.#place])
      this.#taken.set(at.stream, Math.max(at.seq, this.#taken.get(at.stream) ?? 0))
  }

  #date({ stamp }: ReadingRecord): EpochMs | 'wait' | 'never' {
    const dated = dateOf(stamp, this.#anchors)
    if (dated.quality !== 'U') return epochMs(Math.round(dated.at))
    // Only this boot can still get an anchor; what an earlier one left undated stays so.
    return stamp.boot === this.parts.boot ? 'wait' : 'never'
  }

  async #store(drafts: readonly EnergyDraft[], urgent = false) {
    const due = this.desk.takeDue()
    this.#due.push(...due)
    const closes = this.#closes.take(drafts)
    this.#toClose.push(...closes)
    const stamp = this.parts.stamp()
    const records = drafts.map((draft): StreamRecord => ({ ...draft, stamp }))
    // State first, then the records: both wait for the same commit.
    this.parts.store.putState(STATE_KEY, this.#state())
    const stored = await this.parts.store.append(records, { urgent })
    // Whoever said something waits for his own words to be on disk, not for the group commit of what follows from them.
    if (stored.ok && due.length > 0) void this.#give(due)
    if (stored.ok && closes.length > 0) void this.#close(closes)
    return stored
  }

  /** The place reached, with everything still to be made of what is stored. */
  #state(): string {
    return JSON.stringify({
      desk: this.desk.checkpoint(),
      stream: this.#place?.stream ?? '',
      after: this.#place?.seq ?? 0,
      taken: Object.fromEntries([...this.#taken].slice(-STREAMS_KEPT)),
      due: this.#due,
      closed: this.#closes.closed,
      closes: this.#toClose,
    })
  }

  /** Closes days and months from the ledger, which now holds everything they rest on. */
  async #close(closes: readonly DueClose[]): Promise<void> {
    const { closing, store, stamp } = this.parts
    const events = closing ? closes.flatMap((due) => closing(due, timesClosed(store, due))) : []
    this.#toClose = this.#toClose.filter((one) => !closes.includes(one))
    const made = stamp()
    store.putState(STATE_KEY, this.#state())
    await store.append(events.map((event): StreamRecord => ({ ...event, stamp: made })))
  }

  /** Figures an earlier run was stopped before: what they rest on is on disk. */
  #giveLeftOver(): void {
    if (this.#leftOverGiven) return
    this.#leftOverGiven = true
    if (this.#due.length > 0) void this.#give([...this.#due])
    if (this.#toClose.length > 0) void this.#close([...this.#toClose])
  }

  /** Makes due figures from the ledger, which now holds everything they rest on. */
  async #give(due: readonly DueFigure[]): Promise<void> {
    const figures = due.flatMap((one) => this.desk.figure(one, ledgerOf(this.parts.store, one)) ?? [])
    this.#due = this.#due.filter((one) => !due.includes(one))
    await this.#store(figures)
  }
}

/** A meter's intervals from well before a change on: a silence around it was spread over those before it too. */
function* intervalsSince(store: RecordStore, meter: MeterId, { at, oldEnd }: MeterChange): Generator<IntervalDraft> {
  const from = epochMs(Math.max(0, Math.min(at, oldEnd?.at ?? at) - SPREAD_MOST_MS))
  for (const { record } of store.records({ stream: 'ledger', kinds: ['interval'], from })) {
    if (record.kind !== 'interval' || record.meter !== meter) continue
    const { stamp: _, ...interval } = record
    yield interval
  }
}

/** How often a period was closed before: the next revision. */
function timesClosed(store: RecordStore, { period, slot }: DueClose): number {
  const code = `${period === 'day' ? 'daily' : 'monthly'}_close`
  let revision = 0
  for (const { record } of store.records({ stream: 'ledger', kinds: ['event'], from: slot.end })) {
    if (record.kind !== 'event' || record.code !== code || record.facts.start !== slot.start) continue
    revision = Math.max(revision, Number(record.facts.revision) + 1)
  }
  return revision
}

/** What of the ledger a figure can rest on, no more of each interval than it takes. */
function* ledgerOf(
  store: RecordStore,
  { product, slot }: DueFigure,
): Generator<IntervalDraft | ProductionDraft | UnitEnergyDraft> {
  const query = { stream: 'ledger' as const, kinds: LEDGER_OF_FIGURES, to: slot.end }
  // A declared entry may begin before the period; it counts only in periods at least as long as itself.
  const from = epochMs(slot.start - (slot.end - slot.start))
  for (const { record } of store.records({ ...query, from })) {
    if (record.kind === 'interval') {
      if (record.start < slot.start) continue
      const deltas = record.deltas.filter(({ quantity }) => quantity === 'energy_active_import_total')
      yield { ...record, deltas }
    } else if (record.kind === 'production' || record.kind === 'unit_energy') {
      if (record.product === product) yield record
    }
  }
}

function detailState(store: RecordStore): { readonly stream: string; readonly lastSeq: number } {
  const found = store.health().streams.findLast(({ kind }) => kind === 'detail')
  return { stream: found?.stream ?? '', lastSeq: found?.lastSeq ?? 0 }
}

function recall(desk: EnergyDesk, store: RecordStore): void {
  const from = desk.recallFrom()
  if (from === undefined) return
  const records = recordsOf(store, ['interval', 'production', 'unit_energy'], epochMs(from - DAY_MS)).filter(
    (one) => one.kind === 'production' || ('start' in one && one.start >= from),
  )
  desk.recall(
    records.flatMap((one) =>
      one.kind === 'interval' || one.kind === 'production' || one.kind === 'unit_energy' ? [one] : [],
    ),
  )
}

function recordsOf(store: RecordStore, kinds: readonly StreamRecord['kind'][], from?: EpochMs): StreamRecord[] {
  const query = { stream: 'ledger' as const, kinds, ...(from === undefined ? {} : { from }) }
  return [...store.records(query)].map(({ record }) => record)
}

/** Undefined: nothing was taken yet. */
function placeOf({ stream, after }: Progress): RecordPlace | undefined {
  const place = z.object({ stream: streamIdSchema, seq: seqSchema }).safeParse({ stream, seq: after })
  return place.data
}
