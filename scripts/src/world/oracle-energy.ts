import { type Amount, add, compare, formatAmount, type IntervalRecord, multiply, subtract } from '@metergate/protocol'
import type { ModbusMeter } from '@metergate/simulator'
import type { Violation } from './oracle.js'
import { registerAt } from './truth.js'

/** A boundary is drawn between the readings on both sides of it, a minute apart, and their own dates may be 2 s off. */
const BETWEEN_MS = 65_000
/** A meter's last digit, after the largest ratio of the world's plant. */
const TREMBLE: Amount = { n: 40, exp: -2 }

/**
 * I5: of each meter and counter, intervals follow each other, share their boundaries, are never negative, and add up to the
 * difference of the register; where nothing was missed, boundaries are what the register showed then.
 */
export function judgeEnergy(meters: readonly ModbusMeter[], records: readonly IntervalRecord[]): Violation[] {
  return meters.flatMap((meter) => {
    const intervals = newest(records.filter((record) => record.meter === meter.spec.id))
    const quantities = new Set(intervals.flatMap(({ deltas }) => deltas.map((delta) => delta.quantity)))
    return [...quantities].flatMap((quantity) => judgeCounter(meter, quantity, intervals))
  })
}

type Quantity = IntervalRecord['deltas'][number]['quantity']

function judgeCounter(meter: ModbusMeter, quantity: Quantity, intervals: readonly IntervalRecord[]): Violation[] {
  const violations: Violation[] = []
  const wrong = (interval: IntervalRecord, what: string): void => {
    const at = new Date(interval.start).toISOString().slice(11, 16)
    violations.push({ invariantName: 'I5', what: `${meter.spec.id} ${quantity} ${at}: ${what}` })
  }
  let sum: Amount = { n: 0, exp: 0 }
  let first: Amount | undefined
  let last: Amount | undefined
  for (const interval of intervals) {
    const delta = interval.deltas.find((each) => each.quantity === quantity)
    if (!delta?.from || !delta.to || !delta.delta) continue
    if (delta.delta.n < 0) wrong(interval, `negative: ${formatAmount(delta.delta)}`)
    if ((delta.segment ?? interval.segment) > 0) wrong(interval, 'a reset that never was')
    const difference = multiply(subtract(delta.to, delta.from), interval.multiplier)
    if (!delta.parts && compare(difference, delta.delta) !== 0) wrong(interval, 'not the difference of its boundaries')
    if (delta.flag === 'measured' && interval.coverage >= 900) judgeBoundary(meter, quantity, interval, delta, wrong)
    first ??= delta.from
    last = delta.to
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
    const isBetween = compare(shown, subtract(before, TREMBLE)) >= 0 && compare(shown, add(after, TREMBLE)) <= 0
    if (!isBetween) wrong(interval, `${formatAmount(shown)} is not what the register showed (${formatAmount(before)})`)
  }
}

/** The newest revision of each, in order of time. */
function newest(records: readonly IntervalRecord[]): IntervalRecord[] {
  const by = new Map<number, IntervalRecord>()
  for (const record of records) {
    const known = by.get(record.start)
    if (!known || known.revision < record.revision) by.set(record.start, record)
  }
  return [...by.values()].sort((a, b) => a.start - b.start)
}
