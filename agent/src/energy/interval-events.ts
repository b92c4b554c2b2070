import { amount, formatAmount, type MeterId, type QuantityName, unreachable } from '@metergate/protocol'
import type { CounterSample } from './counter-delta.js'
import type { BreakCause, TrackEvent } from './counter-track.js'
import type { EventDraft } from './interval.js'

/** Every event that computing intervals can give; whoever shows them needs a text for each. */
export const ENERGY_EVENT_CODES = [
  /** The register passed its end and went on from zero. */
  'register_rollover',
  /** It fell for good: a reset, or a meter nobody reported. */
  'register_decrease',
  /** It rose beyond what the largest power could drive, for good. */
  'register_jump',
  /** One or a few readings off the trail that nothing confirmed; never used. */
  'momentary_value',
  /** No good readings for a while; the total over it is measured, its shape estimated. */
  'reading_gap',
  /** Too long a silence to spread over intervals; both ends are given. */
  'reading_gap_too_long',
  'meter_exchange',
  'ratio_change',
  /** The clock went back by hours; segments end and intervals written again are revisions. */
  'clock_back',
] as const
export type EnergyEventCode = (typeof ENERGY_EVENT_CODES)[number]

/** Which counter of which meter an event speaks of. */
export interface EventSubject {
  readonly meter: MeterId
  readonly quantity: QuantityName
  readonly exp: number
}

const CODE_OF_CAUSE: Record<BreakCause, EnergyEventCode> = {
  register_decrease: 'register_decrease',
  register_jump: 'register_jump',
  meter_exchange: 'meter_exchange',
  ratio_change: 'ratio_change',
  clock_reset: 'clock_back',
  long_gap: 'reading_gap_too_long',
}

/** What a track noticed, as an event with its evidence: the readings on both sides, in the counter's own digits. */
export function trackEventDraft(event: TrackEvent, { meter, quantity, exp }: EventSubject): EventDraft {
  const text = ({ n }: CounterSample) => formatAmount(amount(n, exp))
  const evidence = {
    quantity,
    at: event.after.at,
    before_at: event.before.at,
    before: text(event.before),
    after: text(event.after),
  }
  switch (event.kind) {
    case 'rollover':
      return {
        kind: 'event',
        code: 'register_rollover',
        meter,
        facts: { ...evidence, rise: formatAmount(amount(event.rise, exp)) },
      }
    case 'break': {
      const code: EnergyEventCode = CODE_OF_CAUSE[event.cause]
      return { kind: 'event', code, meter, facts: { ...evidence, confirmed_by: event.confirmedBy } }
    }
    case 'momentary': {
      const values = event.held.map(text).join(' ').slice(0, 500)
      const facts = { ...evidence, odd_at: event.held[0]?.at ?? null, odd: values, odd_readings: event.held.length }
      return { kind: 'event', code: 'momentary_value', meter, facts }
    }
    default:
      return unreachable(event)
  }
}
