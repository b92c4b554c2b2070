import type { RecordPlace } from '@metergate/agent'
import { type Amount, add, compare, formatAmount, type IntervalRecord, multiply, subtract } from '@metergate/protocol'
import type { ModbusMeter } from '@metergate/simulator'
import type { Violation } from './oracle.js'
import { registerAt } from './truth.js'

/** A boundary is drawn between the readings on both sides of it, a minute apart, and their own dates may be 2 s off. */
const BETWEEN_MS = 65_000
/** A meter's last digit, after the largest ratio of the world's plant. */
const TREMBLE: Amount = { n: 40, exp: -2 }

/** The steps in which the oracle looks how fast a counter can run, and how much faster an interval may seem. */
const PACE_MS = 300_000
const PACE_ALLOWED = { n: 15, exp: -1 }

/** An interval and the place it was stored at. */
export interface PlacedInterval extends IntervalRecord, RecordPlace {}

/** What the oracle knows of the world's time, milliseconds since 1970. */
export interface Era {
  readonly from: number
  readonly until: number
}

/**
 * I5: of each meter and counter, intervals follow each other, share their boundaries, are never negative nor faster than the counter ever
 * ran, and add up to the difference of the register; where nothing was missed, boundaries are what the register showed then.
 * I6: none lies at a time that never was.
 * `untold` are places in the streams whose record nobody knows: where one lies between two intervals, it may have been theirs.
 */
export function judgeEnergy(
  meters: readonly ModbusMeter[],
  records: readonly PlacedInterval[],
  era: Era,
  untold: readonly RecordPlace[],
): readonly Violation[] {
  const isReal = ({ start, end }: IntervalRecord): boolean => start >= era.from - QUARTER_MS && end <= era.until
  const unreal = records.find((record) => !isReal(record))
  const real = records.filter(isReal)
  const energy = meters.flatMap((meter) => {
    const intervals = newest(real.filter((record) => record.meter === meter.spec.id))
    const quantities = new Set(intervals.flatMap(({ deltas }) => deltas.map((delta) => delta.quantity)))
    return [...quantities].flatMap((quantity) => judgeCounter(meter, quantity, intervals, era, untold))
  })
  if (!unreal) return energy
  return [...energy, { invariantName: 'I6', what: `an interval at ${new Date(unreal.start).toISOString()}` }]
}

const QUARTER_MS = 900_000

type Quantity = IntervalRecord['deltas'][number]['quantity']

function judgeCounter(
  meter: ModbusMeter,
  quantity: Quantity,
  intervals: readonly PlacedInterval[],
  era: Era,
  untold: readonly RecordPlace[],
): Violation[] {
  const most = fastest(meter, quantity, era)
  const violations: Violation[] = []
  const wrong = (interval: IntervalRecord, what: string): void => {
    const at = new Date(interval.start).toISOString().slice(11, 16)
    violations.push({ invariantName: 'I5', what: `${meter.spec.id} ${quantity} ${at}: ${what}` })
  }
  let sum: Amount = { n: 0, exp: 0 }
  let first: Amount | undefined
  let last: Amount | undefined
  let previous: PlacedInterval | undefined
  for (const interval of intervals) {
    const delta = interval.deltas.find((each) => each.quantity === quantity)
    if (!delta?.from || !delta.to || !delta.delta) continue
    if (delta.delta.n < 0) wrong(interval, `negative: ${formatAmount(delta.delta)}`)
    if (compare(delta.delta, most(interval.end - interval.start)) > 0)
      wrong(interval, `${formatAmount(delta.delta)} is more than the counter can have run`)
    if ((delta.segment ?? interval.segment) > 0) wrong(interval, 'a reset that never was')
    const difference = multiply(subtract(delta.to, delta.from), interval.multiplier)
    if (!delta.parts && compare(difference, delta.delta) !== 0) wrong(interval, 'not the difference of its boundaries')
    if (delta.flag === 'measured' && interval.coverage >= 900) judgeBoundary(meter, quantity, interval, delta, wrong)
    first ??= delta.from
    if (last && previous && previous.end !== interval.start && isBetween(untold, previous, interval))
      sum = add(sum, subtract(delta.from, last))
    last = delta.to
    previous = interval
    sum = add(sum, delta.delta)
  }
  const [begin] = intervals
  if (begin && first && last && compare(sum, subtract(last, first)) !== 0) {
    wrong(
      begin,
      `intervals add up to ${formatAmount(sum)}, the register rose by ${formatAmount(subtract(last, first))}`,
    )
  }
  return violations.slice(0, 3)
}

/** Between two places: later in the one's stream and earlier in the other's. */
function isBetween(places: readonly RecordPlace[], a: RecordPlace, b: RecordPlace): boolean {
  if (a.stream !== b.stream)
    return places.some(
      ({ stream, seq }) => (stream === a.stream && seq > a.seq) || (stream === b.stream && seq < b.seq),
    )
  const [low, high] = a.seq < b.seq ? [a.seq, b.seq] : [b.seq, a.seq]
  return places.some(({ stream, seq }) => stream === a.stream && seq > low && seq < high)
}

/** The most a counter can have run in so long, from the fastest it ever ran in the world's time. */
function fastest(meter: ModbusMeter, quantity: Quantity, { from, until }: Era): (spanMs: number) => Amount {
  let most: Amount = { n: 0, exp: 0 }
  for (let at = from; at < until; at += PACE_MS) {
    const [begin, end] = [registerAt(meter, quantity, at), registerAt(meter, quantity, at + PACE_MS)]
    if (!begin || !end) continue
    const rise = subtract(end, begin)
    if (compare(rise, most) > 0) most = rise
  }
  return (spanMs) => {
    const paces = { n: Math.ceil(spanMs / PACE_MS), exp: 0 }
    return add(multiply(multiply(most, paces), PACE_ALLOWED), TREMBLE)
  }
}

function judgeBoundary(
  meter: ModbusMeter,
  quantity: Quantity,
  interval: IntervalRecord,
  delta: IntervalRecord['deltas'][number],
  wrong: (interval: IntervalRecord, what: string) => void,
): void {
  for (const [at, shown] of [
    [interval.start, delta.from],
    [interval.end, delta.to],
  ] as const) {
    const before = registerAt(meter, quantity, at - BETWEEN_MS)
    const after = registerAt(meter, quantity, at + BETWEEN_MS)
    if (!shown || !before || !after) continue
    const isShown = compare(shown, subtract(before, TREMBLE)) >= 0 && compare(shown, add(after, TREMBLE)) <= 0
    if (!isShown) wrong(interval, `${formatAmount(shown)} is not what the register showed (${formatAmount(before)})`)
  }
}

/** The newest revision of each, in order of time. */
function newest(records: readonly PlacedInterval[]): PlacedInterval[] {
  const by = new Map<number, PlacedInterval>()
  for (const record of records) {
    const known = by.get(record.start)
    if (!known || known.revision < record.revision) by.set(record.start, record)
  }
  return [...by.values()].sort((a, b) => a.start - b.start)
}
