import type { Amount, EpochMs, MeterId, QuantityName } from '@metergate/protocol'
import type { EventDraft, IntervalDraft } from './interval.js'
import type { IntervalMinutes, PlantZone } from './plant-time.js'

/** One counter of a meter and what is known of its register. Amounts in the quantity's unit, as readings give them. */
export interface CounterSpec {
  readonly quantity: QuantityName
  /** Where the register starts again at zero (raw modulus × scale × ratio); absent when it never does. */
  readonly modulus?: Amount
  /**
   * Largest rise in one hour, as configured: for kWh the largest power in kW. Tells rollovers from resets, over a silence
   * too, and catches wild values.
   */
  readonly maxPerHour?: Amount
  /**
   * Where none is configured: a generous one worked out from what else is known. Catches wild values, but shows no
   * rollover over a silence. Default: 10 MW, or 50 pulses a second.
   */
  readonly presumedPerHour?: Amount
  /** What one step of the meter's own register is worth, where a ratio makes it more than the last digit. */
  readonly step?: Amount
}

export interface CutterOptions {
  readonly meter: MeterId
  readonly zone: PlantZone
  readonly minutes: IntervalMinutes
  /** The cadence of the polls that carry the counters; coverage is counted against it. */
  readonly periodMs: number
  readonly counters: readonly CounterSpec[]
  /** See `multiplier` of the interval record: 1 unless the readings are still secondary values. */
  readonly multiplier?: Amount
  /** CT × PT that the readings are multiplied by already; 1 where the meter does it or has none. */
  readonly ratio?: Amount
  /** How long an interval waits for a counter that lags behind the others. Default: 2 intervals or 5 polls. */
  readonly patienceMs?: number
  /** A silence longer than this is not spread over the grid. Default 62 days. */
  readonly longGapMs?: number
}

/** One counter's good value; `at` where it differs from its poll's (another block of the answer). */
export interface CounterValue {
  readonly quantity: QuantityName
  readonly value: Amount
  readonly at?: EpochMs
}

/** One poll: what was had of it, in the order taken. A failed poll has no values and need not be fed at all. */
export interface CounterPoll {
  /** True time (dated by the clock or an anchor). */
  readonly at: EpochMs
  readonly values: readonly CounterValue[]
  /** Total active power, W. */
  readonly power?: Amount
}

export interface CutterOutput {
  readonly intervals: readonly IntervalDraft[]
  readonly events: readonly EventDraft[]
}

/** A planned change at the meter, as the technician reports it. */
export interface MeterChange {
  readonly cause: 'meter_exchange' | 'ratio_change'
  readonly at: EpochMs
  /** Last values of the old meter, if read off. */
  readonly oldEnd?: CounterPoll
  /** First values of the new one, if read off. */
  readonly newStart?: CounterPoll
  /** The new CT × PT factor, where readings are still secondary values. */
  readonly multiplier?: Amount
}

/** Why a checkpoint cannot be continued; start afresh from the stored readings. */
export interface BadCheckpoint {
  readonly kind: 'bad_checkpoint'
  readonly why: string
}
