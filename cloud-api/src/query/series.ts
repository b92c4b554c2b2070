import {
  AnchorBook,
  type DecodedBatch,
  type EpochMs,
  epochMs,
  type GatewayId,
  invariant,
  type MeterId,
  type QuantityName,
  quantity as quantityOf,
  type SeriesAnswer,
  type SeriesBucket,
} from '@metergate/protocol'
import { instantOf } from '../ingest/understand.js'
import { EMPTY_ROLLUP, mergeRollups, rollupOf } from '../store/rollup.js'
import { type Range, type Reader, type Rollup, SLOT_MS } from '../store/series-store.js'
import type { BatchReader } from './batch-reader.js'

export interface SeriesQuestion extends Range {
  readonly gateway: GatewayId
  readonly meter: MeterId
  readonly quantity: QuantityName
  /** Most buckets wanted. */
  readonly points: number
}

/**
 * A curve in at most about `points` buckets of a round width on a fixed grid. Wide buckets are put together from the
 * stored five-minute slots, narrow ones from the batches themselves, so a month costs hardly more than an hour. What was
 * taken while the clock was unknown comes from the batches in any case, dated by the anchors that are known by now.
 */
export async function readSeries(
  reader: Reader,
  batches: BatchReader,
  question: SeriesQuestion,
): Promise<SeriesAnswer> {
  const { gateway, meter, quantity } = question
  const buckets = new Buckets(question)
  const { from, to, width } = buckets
  if (width % SLOT_MS === 0) {
    for (const { start, rollup } of await reader.slots(gateway, meter, quantity, buckets)) buckets.take(start, rollup)
  } else {
    for (const span of await reader.spans(gateway, meter, buckets)) {
      buckets.takeBatch(await batches.read(gateway, span), meter, quantity, 'known')
    }
  }
  const undated = await reader.undated(gateway, meter, buckets)
  const anchors = new AnchorBook(undated.anchors)
  for (const span of undated.spans) {
    buckets.takeBatch(await batches.read(gateway, span), meter, quantity, anchors)
  }
  const { unit, nature } = quantityOf(quantity)
  return { gateway, meter, quantity, unit, nature, from, to, bucket_ms: width, ...buckets.result() }
}

const DAY_S = 86_400
/** Widths in seconds; each from five minutes on is a multiple of a slot. */
const WIDTHS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY_S]

/** The narrowest round width that covers the range in `points` buckets, milliseconds. */
export function bucketWidth(range: Range, points: number): number {
  const atLeast = (range.to - range.from) / points / 1000
  return (WIDTHS_S.find((width) => width >= atLeast) ?? Math.ceil(atLeast / DAY_S) * DAY_S) * 1000
}

/** Buckets of equal width; the range is widened to whole ones, so that neighbouring questions share their edges. */
export class Buckets implements Range {
  readonly width: number
  readonly from: EpochMs
  readonly to: EpochMs
  private readonly rollups: Rollup[]

  constructor(question: Range & { readonly points: number }) {
    const { from, to, points } = question
    invariant(to > from && points >= 1, `a series needs from < to and a point, not ${from}..${to}, ${points}`)
    this.width = bucketWidth(question, points)
    this.from = epochMs(Math.floor(from / this.width) * this.width)
    this.to = epochMs(Math.ceil(to / this.width) * this.width)
    this.rollups = new Array<Rollup>((this.to - this.from) / this.width).fill(EMPTY_ROLLUP)
  }

  take(at: EpochMs, rollup: Rollup): void {
    const index = Math.floor((at - this.from) / this.width)
    const before = this.rollups[index]
    if (before) this.rollups[index] = mergeRollups(before, rollup)
  }

  /** The readings whose time was known, or those whose was not, by the anchors given. */
  takeBatch({ records }: DecodedBatch, meter: MeterId, quantity: QuantityName, which: 'known' | AnchorBook): void {
    for (const { record } of records) {
      if (record.kind !== 'reading' || record.meter !== meter) continue
      if ((record.stamp.quality === 'S') !== (which === 'known')) continue
      const wall = which === 'known' ? record.stamp.wall : epochMs(Math.round(which.dateOf(record.stamp).at))
      for (const value of record.values) {
        if (value.quantity !== quantity) continue
        const at = instantOf({ ...record, stamp: { ...record.stamp, wall } }, value)
        this.take(at, rollupOf(value, at))
      }
    }
  }

  result(): { buckets: SeriesBucket[]; suspect: number; absent: number } {
    const { suspect, absent } = this.rollups.reduce(mergeRollups, EMPTY_ROLLUP)
    const buckets = this.rollups.map((rollup, index) => toBucket(rollup, epochMs(this.from + index * this.width)))
    return { buckets, suspect, absent }
  }
}

function toBucket({ count, min, max, sum, last }: Rollup, at: EpochMs): SeriesBucket {
  if (count === 0) return { at, count, min: null, mean: null, max: null, last: null }
  return { at, count, min, mean: sum / count, max, last }
}
