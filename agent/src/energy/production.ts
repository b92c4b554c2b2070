import {
  type Amount,
  type EpochMs,
  type MeterId,
  multiply,
  type ProductId,
  type ProductionRecord,
  type ProductionSource,
  type QuantityName,
  type Random,
  subtract,
} from '@metergate/protocol'
import type { IntervalDraft } from './interval.js'
import { slotEnergy } from './spans.js'

/** A production entry as computed or declared; whoever stores it adds the stamp. */
export type ProductionDraft = Omit<ProductionRecord, 'stamp'>

/** A counter that counts product: pulses from a machine's contact, or the machine's own register. */
export interface ProductCounter {
  readonly product: ProductId
  readonly meter: MeterId
  readonly quantity: QuantityName
  readonly source: Exclude<ProductionSource, 'declared'>
  /** What is counted: `pair`, `piece`. */
  readonly unit: string
  /** Pieces per count: cavities of the mould, or 0.5 when two shots make a pair. */
  readonly perCount: Amount
  /** The counter of rejects on the same meter, in the same unit after its own factor. */
  readonly reject?: { readonly quantity: QuantityName; readonly perCount: Amount }
}

/**
 * Good output of one interval, from the counter's difference in it (rollovers and resets are settled there).
 * Undefined when the difference is not known: unknown output is no output record, never zero. Rejects counted later
 * than the shots they belong to may make a single interval negative; sums stay right.
 */
export function productionOf(interval: IntervalDraft, counter: ProductCounter): ProductionDraft | undefined {
  if (interval.meter !== counter.meter) return undefined
  const made = known(interval, counter.quantity)
  const rejected = counter.reject && known(interval, counter.reject.quantity)
  if (!made || (counter.reject && !rejected)) return undefined
  const gross = multiply(made.count, counter.perCount)
  const waste = counter.reject && rejected && multiply(rejected.count, counter.reject.perCount)
  return {
    kind: 'production',
    entry: `counter:${interval.meter}/${counter.quantity}:${interval.start}`,
    revision: interval.revision,
    ...(interval.reason ? { reason: interval.reason } : {}),
    product: counter.product,
    source: counter.source,
    start: interval.start,
    end: interval.end,
    count: waste ? subtract(gross, waste) : gross,
    unit: counter.unit,
    ...(made.estimated || rejected?.estimated ? { flag: 'estimated' as const } : {}),
  }
}

function known(interval: IntervalDraft, quantity: QuantityName): { count: Amount; estimated: boolean } | undefined {
  const { energy: count, estimated } = slotEnergy(interval, quantity)
  return count ? { count, estimated: estimated || !isMeasured(interval, quantity) } : undefined
}

const isMeasured = (interval: IntervalDraft, quantity: QuantityName): boolean =>
  interval.deltas.find((one) => one.quantity === quantity)?.flag === 'measured'

/** What a person says was made. */
export interface Declaration {
  readonly product: ProductId
  readonly start: EpochMs
  readonly end: EpochMs
  readonly count: Amount
  readonly unit: string
  readonly shift?: string
  readonly note?: string
}

/** A new declared entry under a name of its own, which corrections keep. */
export function declare(declaration: Declaration, random: Random): ProductionDraft {
  const name = Array.from(random.bytes(8), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return { kind: 'production', entry: `entry:${name}`, revision: 0, source: 'declared', ...declaration }
}

/** A correction: the same entry with the next revision and the reason; nothing stored is edited. */
export function correct(
  previous: ProductionDraft,
  change: Partial<Omit<Declaration, 'product'>>,
  reason: string,
): ProductionDraft {
  return { ...previous, ...change, revision: previous.revision + 1, reason }
}

/** Takes an entry back: its newest revision has no count. */
export function withdraw(previous: ProductionDraft, reason: string): ProductionDraft {
  return { ...previous, count: null, revision: previous.revision + 1, reason }
}

/**
 * The entries in force: the highest revision of each, without those withdrawn, by start. A counted entry is named after its counter
 * and interval alone, so with two products on one counter (a mould that makes both) it is the product that tells them apart.
 */
export function entriesInForce<P extends ProductionDraft>(entries: Iterable<P>): P[] {
  const newest = new Map<string, P>()
  for (const entry of entries) {
    const name = `${entry.product} ${entry.entry}`
    const known = newest.get(name)
    if (!known || entry.revision >= known.revision) newest.set(name, entry)
  }
  return [...newest.values()].filter(({ count }) => count !== null).sort((a, b) => a.start - b.start)
}
