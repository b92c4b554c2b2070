import {
  type DecodedBatch,
  type EpochMs,
  epochMs,
  type MeterId,
  type MonoMs,
  monoMs,
  type Numbered,
  type ReadingRecord,
  type ReadingValue,
  unreachable,
} from '@metergate/protocol'
import { EMPTY_ROLLUP, mergeRollups, rollupOf } from '../store/rollup.js'
import {
  type BatchContents,
  type MeterSpan,
  type NewestValue,
  type Rollup,
  SLOT_MS,
  type Slot,
  type UndatedSpan,
} from '../store/series-store.js'

/** Sorts the records of a batch into what the store keeps beside the bytes. Pure. */
export function understand({ records, uninterpreted }: DecodedBatch): BatchContents {
  const sorter = new Sorter()
  for (const numbered of records) sorter.take(numbered)
  return { ...sorter.lists, ...sorter.readings(), rejected: uninterpreted }
}

type Lists = {
  [K in 'intervals' | 'production' | 'unitEnergy' | 'events' | 'gaps' | 'anchors']: BatchContents[K][number][]
}

class Sorter {
  readonly lists: Lists = { intervals: [], production: [], unitEnergy: [], events: [], gaps: [], anchors: [] }
  private readonly meters = new Map<MeterId, MeterTally>()
  private readonly undated = new Map<string, UndatedTally>()

  take({ seq, record }: Numbered): void {
    switch (record.kind) {
      case 'reading':
        this.reading({ seq, record })
        return
      case 'interval':
        this.lists.intervals.push({ seq, record })
        return
      case 'production':
        this.lists.production.push({ seq, record })
        return
      case 'unit_energy':
        this.lists.unitEnergy.push({ seq, record })
        return
      case 'event':
        this.lists.events.push({ seq, record })
        return
      case 'gap':
        this.lists.gaps.push({ seq, record })
        return
      case 'anchor':
        this.lists.anchors.push({ seq, record })
        return
      default:
        unreachable(record)
    }
  }

  readings(): Pick<BatchContents, 'spans' | 'slots' | 'newest' | 'undated'> {
    const tallies = [...this.meters.values()]
    return {
      spans: tallies.flatMap((tally) => tally.span() ?? []),
      undated: [...this.undated.values()].map((tally) => tally.span()),
      slots: tallies.flatMap((tally) => tally.slots()),
      newest: tallies.flatMap((tally) => tally.newest()),
    }
  }

  private reading(numbered: Numbered<ReadingRecord>): void {
    const { meter, stamp } = numbered.record
    const tally = this.meters.get(meter) ?? new MeterTally(meter, stamp.wall)
    this.meters.set(meter, tally)
    tally.take(numbered)
    if (stamp.quality === 'S') return
    const key = `${meter} ${stamp.boot}`
    const undated = this.undated.get(key) ?? new UndatedTally(numbered.record)
    this.undated.set(key, undated)
    undated.take(numbered.record)
  }
}

/** The readings of one meter in one batch. */
class MeterTally {
  private from: EpochMs
  private to: EpochMs
  private count = 0
  private isBegun = false
  private readonly bySlot = new Map<number, Map<string, Rollup>>()
  private readonly latest = new Map<string, NewestValue>()

  constructor(
    private readonly meter: MeterId,
    first: EpochMs,
  ) {
    this.from = first
    this.to = first
  }

  take(numbered: Numbered<ReadingRecord>): void {
    if (numbered.record.stamp.quality === 'S') this.count += 1
    for (const value of numbered.record.values) this.takeValue(numbered, value)
  }

  /** Undefined when no reading's time was known. */
  span(): MeterSpan | undefined {
    const { meter, from, to, count: readings } = this
    return readings > 0 ? { meter, from, to, readings } : undefined
  }

  slots(): Slot[] {
    return [...this.bySlot].map(([start, rollups]) => ({ meter: this.meter, start: epochMs(start), rollups }))
  }

  newest(): NewestValue[] {
    return [...this.latest.values()]
  }

  /** Records copied from another stream may follow younger ones: within a boot its own clock decides. */
  private keepNewest(value: NewestValue): void {
    const key = `${value.value.quantity} ${value.good} ${value.taken?.boot}`
    const held = this.latest.get(key)?.taken
    if (!held || !value.taken || held.mono <= value.taken.mono) this.latest.set(key, value)
  }

  private widen(at: EpochMs): void {
    if (!this.isBegun || at < this.from) this.from = at
    if (!this.isBegun || at > this.to) this.to = at
    this.isBegun = true
  }

  private takeValue({ seq, record }: Numbered<ReadingRecord>, value: ReadingValue): void {
    const at = instantOf(record, value)
    const good = isGood(value)
    const isKnown = record.stamp.quality === 'S'
    const taken = { boot: record.stamp.boot, mono: monoOf(record, value) }
    const undated = isKnown ? undefined : taken
    this.keepNewest({ meter: this.meter, good, at, seq, value, taken, undated })
    // What is of unknown time is drawn from the bytes when somebody asks, dated by then.
    if (!isKnown) return
    this.widen(at)
    const start = Math.floor(at / SLOT_MS) * SLOT_MS
    const slot = this.bySlot.get(start) ?? new Map<string, Rollup>()
    this.bySlot.set(start, slot)
    slot.set(value.quantity, mergeRollups(slot.get(value.quantity) ?? EMPTY_ROLLUP, rollupOf(value, at)))
  }
}

/** Readings of one meter and boot whose time is unknown. */
class UndatedTally {
  private readonly label: EpochMs[]
  private readonly mono: MonoMs[]
  private count = 0

  constructor(private readonly first: ReadingRecord) {
    this.label = [first.stamp.wall]
    this.mono = [first.stamp.mono]
  }

  take(record: ReadingRecord): void {
    this.count += 1
    for (const value of record.values) {
      this.label.push(instantOf(record, value))
      this.mono.push(monoOf(record, value))
    }
  }

  span(): UndatedSpan {
    const { meter, stamp } = this.first
    return {
      meter,
      boot: stamp.boot,
      from: epochMs(least(this.label)),
      to: epochMs(-least(this.label.map((each) => -each))),
      fromMono: monoMs(Math.floor(least(this.mono))),
      toMono: monoMs(Math.ceil(-least(this.mono.map((each) => -each)))),
      readings: this.count,
    }
  }
}

const least = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.min(most, value), Number.MAX_VALUE)

const LAST_INSTANT = 8.64e15

/** The same on the boot's own clock, which is never wrong. */
export const monoOf = ({ stamp, blocks }: ReadingRecord, { block }: ReadingValue): MonoMs =>
  monoMs(stamp.mono + (blocks[block] ?? 0))

/** When a value was taken: the instant of its block's answer, or of the attempt when there was none. */
export function instantOf({ stamp, blocks }: ReadingRecord, { block }: ReadingValue): EpochMs {
  return epochMs(Math.min(stamp.wall + (blocks[block] ?? 0), LAST_INSTANT))
}

export const isGood = (value: ReadingValue): boolean => 'value' in value && value.suspect !== true
