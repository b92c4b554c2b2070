import {
  type DecodedBatch,
  type EpochMs,
  epochMs,
  type MeterId,
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
} from '../store/series-store.js'

/** Sorts the records of a batch into what the store keeps beside the bytes. Pure. */
export function understand({ records, uninterpreted }: DecodedBatch): BatchContents {
  const sorter = new Sorter()
  for (const numbered of records) sorter.take(numbered)
  return { ...sorter.lists, ...sorter.readings(), rejected: uninterpreted }
}

type Lists = {
  [K in 'intervals' | 'production' | 'unitEnergy' | 'events' | 'gaps']: BatchContents[K][number][]
}

class Sorter {
  readonly lists: Lists = { intervals: [], production: [], unitEnergy: [], events: [], gaps: [] }
  private readonly meters = new Map<MeterId, MeterTally>()

  take({ seq, record }: Numbered): void {
    switch (record.kind) {
      case 'reading':
        this.tally(record).take({ seq, record })
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
        // Kept in the bytes; the gateway itself dates what waited for it, with new records.
        return
      default:
        unreachable(record)
    }
  }

  readings(): Pick<BatchContents, 'spans' | 'slots' | 'newest'> {
    const tallies = [...this.meters.values()]
    return {
      spans: tallies.map((tally) => tally.span()),
      slots: tallies.flatMap((tally) => tally.slots()),
      newest: tallies.flatMap((tally) => tally.newest()),
    }
  }

  private tally({ meter, stamp }: ReadingRecord): MeterTally {
    const known = this.meters.get(meter) ?? new MeterTally(meter, stamp.wall)
    this.meters.set(meter, known)
    return known
  }
}

/** The readings of one meter in one batch. */
class MeterTally {
  private from: EpochMs
  private to: EpochMs
  private count = 0
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
    this.count += 1
    for (const value of numbered.record.values) this.takeValue(numbered, value)
  }

  span(): MeterSpan {
    const { meter, from, to, count: readings } = this
    return { meter, from, to, readings }
  }

  slots(): Slot[] {
    return [...this.bySlot].map(([start, rollups]) => ({ meter: this.meter, start: epochMs(start), rollups }))
  }

  newest(): NewestValue[] {
    return [...this.latest.values()]
  }

  private takeValue({ seq, record }: Numbered<ReadingRecord>, value: ReadingValue): void {
    const at = instantOf(record, value)
    if (at < this.from) this.from = at
    if (at > this.to) this.to = at
    const good = isGood(value)
    this.latest.set(`${value.quantity} ${good}`, { meter: this.meter, good, at, seq, value })
    const start = Math.floor(at / SLOT_MS) * SLOT_MS
    const slot = this.bySlot.get(start) ?? new Map<string, Rollup>()
    this.bySlot.set(start, slot)
    slot.set(value.quantity, mergeRollups(slot.get(value.quantity) ?? EMPTY_ROLLUP, rollupOf(value, at)))
  }
}

const LAST_INSTANT = 8.64e15

/** When a value was taken: the instant of its block's answer, or of the attempt when there was none. */
export function instantOf({ stamp, blocks }: ReadingRecord, { block }: ReadingValue): EpochMs {
  return epochMs(Math.min(stamp.wall + (blocks[block] ?? 0), LAST_INSTANT))
}

export const isGood = (value: ReadingValue): boolean => 'value' in value && value.suspect !== true
