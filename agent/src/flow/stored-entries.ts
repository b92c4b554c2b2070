import { setImmediate as turn } from 'node:timers/promises'
import { type EpochMs, epochMs, type ProductionRecord } from '@metergate/protocol'
import type { Slot } from '../energy/plant-time.js'
import { entriesInForce } from '../energy/production.js'
import type { RecordStore } from '../store/record-store.js'

const DAY_MS = 86_400_000
/** An entry of two months at most, or of the span asked for, may begin before that span and reach into it. */
const LONGEST_MS = 62 * DAY_MS
const WINDOW_MS = 31 * DAY_MS
/** How far back an entry is looked for: five years. */
const WINDOWS = 60
const ENTRIES_AT_ONCE = 32

/** Entries that count in a span, newest revisions only; withdrawn ones are left out. */
export async function entriesTouching(store: RecordStore, { start, end }: Slot): Promise<ProductionRecord[]> {
  const from = epochMs(start - Math.max(LONGEST_MS, end - start))
  return entriesInForce(await entriesBetween(store, from, end)).filter(
    (entry) => entry.start < end && entry.end > start,
  )
}

/**
 * The newest revision of an entry, looked for from `now` backwards, a month at a time. Undefined when there is none, or it was
 * withdrawn.
 */
export async function entryNamed(
  store: RecordStore,
  name: ProductionRecord['entry'],
  now: EpochMs,
): Promise<ProductionRecord | undefined> {
  for (let window = 0; window < WINDOWS; window += 1) {
    const from = epochMs(now - (window + 1) * WINDOW_MS)
    const to = window === 0 ? undefined : epochMs(now - window * WINDOW_MS)
    // All revisions of an entry begin where it began, so they are in one window.
    const known = (await entriesBetween(store, from, to)).filter(({ entry }) => entry === name)
    if (known.length > 0) return entriesInForce(known)[0]
  }
  return undefined
}

/** With a pulse counter every batch of the ledger holds entries: polls have their turn while they are read. */
async function entriesBetween(
  store: RecordStore,
  from: EpochMs,
  to: EpochMs | undefined,
): Promise<readonly ProductionRecord[]> {
  const query = { stream: 'ledger' as const, kinds: ['production'] as const, from, ...(to === undefined ? {} : { to }) }
  const found: ProductionRecord[] = []
  for (const { record } of store.records(query)) {
    if (record.kind !== 'production') continue
    found.push(record)
    if (found.length % ENTRIES_AT_ONCE === 0) await turn()
  }
  return found
}
