import {
  type EventRecord,
  epochMs,
  type IntervalRecord,
  type MeterId,
  type ProductionRecord,
} from '@metergate/protocol'
import { ENERGY_EVENT_CODES } from '../energy/interval-events.js'
import type { Slot } from '../energy/plant-time.js'
import { newestIntervals } from '../energy/spans.js'
import type { RecordStore } from '../store/record-store.js'

/** What the stored ledger says about a span. */
export interface LedgerSpan {
  readonly intervals: readonly IntervalRecord[]
  /** Newest revisions, by meter and start. */
  readonly byMeter: ReadonlyMap<MeterId, ReadonlyMap<number, IntervalRecord>>
  readonly production: readonly ProductionRecord[]
  /** What energy noticed in the span, by the instant each event is about. */
  readonly events: readonly { readonly at: number; readonly event: EventRecord }[]
}

const CODES: ReadonlySet<string> = new Set(ENERGY_EVENT_CODES)
/** An event is written once its cause is certain; so long after it at most, or it is not found here. */
const EVENTS_LATE_MS = 3 * 86_400_000

/** Reads the intervals that lie wholly in [start, end), and every entry that touches it. */
export function ledgerBetween(store: RecordStore, { start, end }: Slot): LedgerSpan {
  const intervals: IntervalRecord[] = []
  const production: ProductionRecord[] = []
  const span = { stream: 'ledger' as const, from: start }
  for (const { record } of store.records({ ...span, kinds: ['interval'], to: end })) {
    if (record.kind === 'interval' && record.start >= start && record.end <= end) intervals.push(record)
  }
  // An entry longer than the span counts nowhere in it, so none that matters begins earlier.
  const since = epochMs(start - (end - start))
  for (const { record } of store.records({ ...span, kinds: ['production'], from: since, to: end })) {
    if (record.kind === 'production' && record.start < end && record.end > start) production.push(record)
  }
  const events = new Map<string, LedgerSpan['events'][number]>()
  for (const { record } of store.records({ ...span, kinds: ['event'] })) {
    if (record.kind !== 'event' || !CODES.has(record.code)) continue
    if (record.stamp.wall > end + EVENTS_LATE_MS) break
    const at = Number(record.facts.at)
    if (at >= start && at < end)
      events.set(`${record.meter} ${record.code} ${record.facts.quantity} ${at}`, { at, event: record })
  }
  return { intervals, byMeter: newestIntervals(intervals), production, events: [...events.values()] }
}
