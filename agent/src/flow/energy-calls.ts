import {
  type EpochMs,
  type EventRecord,
  fail,
  type MeterId,
  ok,
  type ProductionRecord,
  type Random,
  type Result,
  type Seq,
} from '@metergate/protocol'
import type { ControlHandlers, MeterExchange, ProductionEntry } from '../control/calls.js'
import type { MeterChange } from '../energy/interval-cutter.js'
import { correct, declare, type ProductionDraft, withdraw } from '../energy/production.js'
import type { RecordStore, StoreFault } from '../store/record-store.js'
import { energyReport } from './energy-report.js'
import type { ReportParts } from './report-parts.js'
import { entriesTouching, entryNamed } from './stored-entries.js'

/** A clock may be set back a little between a command and its arrival. */
const AHEAD_MS = 60_000

export type EnergyReportParts = ReportParts

export interface EnergyCallParts {
  readonly store: RecordStore
  readonly random: Random
  /** The wall clock: entries are looked for from here backwards. */
  readonly now: () => EpochMs
  readonly report: ReportParts
  /** Readings wait until somebody vouches for the clock; absent: nothing is read. */
  readonly waitsForClock?: () => boolean
  readonly declare: (entry: ProductionDraft) => Promise<Result<readonly Seq[], StoreFault>>
  /** Undefined when no such meter is cut into intervals. */
  readonly exchange: (
    meter: MeterId,
    change: MeterChange,
  ) => Promise<Result<EventRecord['facts'], StoreFault | RegisterFault> | undefined>
}

/** What was read off the old meter cannot be: `why` is the last register known. */
export interface RegisterFault {
  readonly kind: 'register'
  readonly why: string
}

type EnergyHandlers = Pick<
  ControlHandlers,
  'energy' | 'production_add' | 'production_list' | 'production_correct' | 'meter_exchange'
>

/** What may be asked and said about energy and production, with or without the daemon. */
export function energyCalls(parts: EnergyCallParts): EnergyHandlers {
  const { store, random, now, report, declare: keep, exchange } = parts
  const productIds = report.products.map(({ plan }) => plan.id)
  const stored = async (entry: ProductionDraft): Promise<Result<ProductionEntry, { kind: 'store'; why: string }>> => {
    const kept = await keep(entry)
    return kept.ok ? ok(withoutKind(entry)) : fail({ kind: 'store', why: kept.fault.why })
  }
  return {
    energy: async (span) =>
      ok({ ...energyReport(store, report, span), ...(parts.waitsForClock?.() ? { waiting_for: 'clock' } : {}) }),
    production_add: async ({ entries }) => {
      const stranger = entries.find(({ product }) => !productIds.includes(product))
      if (stranger) {
        return fail({
          kind: 'unknown_product',
          why: `no product is called ${stranger.product}; known: ${productIds.join(', ')}`,
        })
      }
      const kept: ProductionEntry[] = []
      for (const { shift, note, ...what } of entries) {
        const words = { ...(shift === undefined ? {} : { shift }), ...(note === undefined ? {} : { note }) }
        const result = await stored(declare({ ...what, ...words }, random))
        if (!result.ok) return result
        kept.push(result.value)
      }
      return ok(kept)
    },
    production_list: async ({ start, end }) =>
      ok(
        (await entriesTouching(store, { start, end })).filter(({ source }) => source === 'declared').map(withoutStamp),
      ),
    production_correct: async ({ entry: name, count, reason }) => {
      const known = await entryNamed(store, name, now())
      if (!known) return fail({ kind: 'unknown_entry', why: `no production entry is called ${name}` })
      const { stamp: _, ...draft } = known
      return stored(count === null ? withdraw(draft, reason) : correct(draft, { count }, reason))
    },
    meter_exchange: async (request) => {
      const { meter, at, old_end, new_start } = request
      // The clocks of command and daemon are one; a segment that begins in the future would book nothing until then.
      if (Math.max(at, old_end?.at ?? at, new_start?.at ?? at) > now() + AHEAD_MS)
        return fail({ kind: 'bad_request', why: 'the exchange lies in the future' })
      const done = await exchange(meter, changeOf(request))
      if (!done) return fail({ kind: 'unknown_meter', why: `no meter with a counter is called ${meter}` })
      if (done.ok) return ok({ meter, facts: done.value })
      const { kind, why } = done.fault
      return fail({ kind: kind === 'register' ? kind : 'store', why })
    },
  }
}

function changeOf({ cause, at, old_end: oldEnd, new_start: newStart }: MeterExchange): MeterChange {
  return { cause, at, ...(oldEnd ? { oldEnd } : {}), ...(newStart ? { newStart } : {}) }
}

/** The answer is an entry, not a record: strictly so, since the socket's other end checks it. */
function withoutKind({ kind: _, ...entry }: ProductionDraft): ProductionEntry {
  return entry
}

function withoutStamp({ stamp: _, kind: __, ...entry }: ProductionRecord): ProductionEntry {
  return entry
}
