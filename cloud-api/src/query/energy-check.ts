import {
  type Amount,
  amountFrom,
  type DecodedBatch,
  divideHalfEven,
  type EpochMs,
  epochMs,
  type GatewayId,
  type IntervalRow,
  type MeterId,
  type QuantityName,
  rescale,
  subtract,
} from '@metergate/protocol'
import { instantOf } from '../ingest/understand.js'
import type { Range, Reader } from '../store/series-store.js'
import type { BatchReader } from './batch-reader.js'

/** A raw register reading at its own instant. */
export interface RegisterSample {
  readonly at: EpochMs
  readonly value: Amount
}

/** What the cloud finds when it works intervals out again from the raw readings beside them. */
export interface EnergyCheck {
  /** Intervals with both registers and a difference. */
  readonly intervals: number
  /** Of these: registers and difference are what the readings give. */
  readonly agreeing: number
  /** Readings around a boundary are missing, or the register turned over or broke off between them. */
  readonly not_comparable: number
  readonly differing: readonly { readonly start: EpochMs; readonly stored: Amount; readonly computed: Amount }[]
}

export type CheckedInterval = Pick<IntervalRow, 'start' | 'end' | 'deltas' | 'formula'>

/** More differences than this are not listed one by one. */
const MOST_LISTED = 100
/** Readings this far outside a range may be the neighbours of its boundaries. */
const AROUND_MS = 86_400_000

/**
 * The register at each boundary, worked out anew: linear between the nearest readings, brought to the interval's own digit as
 * its formula says (`interval/1` rounds half-even, later ones cut off). Written from the rule, not from the gateway's code, so
 * that a mistake there cannot repeat itself here.
 */
export function checkIntervals(
  samples: readonly RegisterSample[],
  intervals: readonly CheckedInterval[],
  quantity: QuantityName,
): EnergyCheck {
  const trail = [...samples].sort((a, b) => a.at - b.at)
  const differing: { start: EpochMs; stored: Amount; computed: Amount }[] = []
  let [checked, agreeing, unknown] = [0, 0, 0]
  for (const { start, end, deltas, formula } of intervals) {
    const toDigit = formula === 'interval/1' ? divideHalfEven : cutOff
    const delta = deltas.find((one) => one.quantity === quantity)
    if (!delta?.from || !delta.to || !delta.delta || delta.parts) continue
    checked += 1
    const from = registerAt(trail, start, delta.from.exp, toDigit)
    const to = registerAt(trail, end, delta.to.exp, toDigit)
    if (!from || !to || to.n < from.n) unknown += 1
    else if (from.n === delta.from.n && to.n === delta.to.n && same(subtract(to, from), delta.delta)) agreeing += 1
    else differing.push({ start, stored: delta.delta, computed: subtract(to, from) })
  }
  return { intervals: checked, agreeing, not_comparable: unknown, differing: differing.slice(0, MOST_LISTED) }
}

/** Towards minus infinity. */
const cutOff = (numerator: bigint, positive: bigint): bigint =>
  numerator / positive - (numerator % positive < 0n ? 1n : 0n)

function same(a: Amount, b: Amount): boolean {
  return subtract(a, b).n === 0
}

function registerAt(
  trail: readonly RegisterSample[],
  at: EpochMs,
  exp: number,
  toDigit: typeof divideHalfEven,
): Amount | undefined {
  const index = firstFrom(trail, at)
  const after = trail[index]
  if (after?.at === at) return rescale(after.value, exp)
  const before = trail[index - 1]
  if (!before || !after) return undefined
  const [low, high] = [rescale(before.value, exp), rescale(after.value, exp)]
  if (!low || !high || high.n < low.n) return undefined
  const span = BigInt(after.at - before.at)
  const weighted = BigInt(low.n) * span + BigInt(high.n - low.n) * BigInt(at - before.at)
  return amountFrom(toDigit(weighted, span), exp)
}

/** Index of the first sample at or after an instant. */
function firstFrom(trail: readonly RegisterSample[], at: number): number {
  let [low, high] = [0, trail.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((trail[middle]?.at ?? 0) < at) low = middle + 1
    else high = middle
  }
  return low
}

export interface CheckQuestion extends Range {
  readonly gateway: GatewayId
  readonly meter: MeterId
  readonly quantity: QuantityName
}

/** Checks a meter's stored intervals of a range against the raw readings in the kept batches. */
export async function readEnergyCheck(reader: Reader, batches: BatchReader, question: CheckQuestion) {
  const { gateway, meter, quantity, from, to } = question
  const around: Range = { from: shifted(from, -AROUND_MS), to: shifted(to, AROUND_MS) }
  const samples: RegisterSample[] = []
  for (const span of await reader.spans(gateway, meter, around)) {
    samples.push(...samplesOf(await batches.read(gateway, span), meter, quantity))
  }
  return checkIntervals(samples, await reader.intervals(gateway, meter, { from, to }), quantity)
}

const shifted = (at: EpochMs, byMs: number): EpochMs => epochMs(at + byMs)

/** Good values whose time was known when they were read. */
function samplesOf({ records }: DecodedBatch, meter: MeterId, quantity: QuantityName): RegisterSample[] {
  return records.flatMap(({ record }) => {
    if (record.kind !== 'reading' || record.meter !== meter || record.stamp.quality !== 'S') return []
    return record.values.flatMap((value) =>
      value.quantity === quantity && 'value' in value && !value.suspect
        ? [{ at: instantOf(record, value), value: value.value }]
        : [],
    )
  })
}
