import {
  type Amount,
  amountSchema,
  fail,
  type IntervalDelta,
  intervalDeltaSchema,
  ok,
  parseJson,
  type Result,
} from '@metergate/protocol'
import { z } from 'zod'
import { freshTrack, type TrackState } from './counter-track.js'
import type { PowerTally } from './power-tally.js'

/** What one interval has gathered so far. */
export interface SlotBook {
  readonly end: number
  /** Polls that gave at least one counter. */
  good: number
  power: PowerTally | null
  /** By index of the configured counters; null while not settled. */
  deltas: (IntervalDelta | null)[]
  /** How often it has been written, and whether anything came since. */
  emitted: number
  dirty: boolean
}

/** All a cutter knows between two polls. */
export interface CutterState {
  /** Zone, interval length and counters it was made for. */
  readonly grid: string
  /** CT × PT that the newest reading was multiplied by; absent in what was written before it was kept. */
  ratio?: Amount | undefined
  /** First reading under it, where it had been another. */
  ratioSince?: number | undefined
  tracks: TrackState[]
  /** By interval start. */
  slots: Map<number, SlotBook>
  /** Factors in force from an instant on, oldest first. */
  multipliers: { from: number; multiplier: Amount }[]
  lastPollAt: number | null
  /** How far the clock has been behind the last poll since then; 0 when it has not. */
  clockBehindMs: number
  lastPower: { at: number; value: Amount } | null
  /** After the clock went back: intervals before `before` were written already, so they get this revision. */
  rewritten: { before: number; revision: number } | null
}

const ONE: Amount = { n: 1, exp: 0 }

/** A state that knows nothing yet. */
export function freshCutterState(
  grid: string,
  counters: number,
  { multiplier = ONE, ratio = ONE }: { readonly multiplier?: Amount; readonly ratio?: Amount },
): CutterState {
  return {
    grid,
    ratio,
    tracks: Array.from({ length: counters }, freshTrack),
    slots: new Map(),
    multipliers: [{ from: Number.MIN_SAFE_INTEGER, multiplier }],
    lastPollAt: null,
    clockBehindMs: 0,
    lastPower: null,
    rewritten: null,
  }
}

/** The factor in force over a stretch that ends at `end`. */
export function multiplierUntil({ multipliers }: CutterState, end: number): Amount {
  return multipliers.findLast(({ from }) => from < end)?.multiplier ?? multipliers[0]?.multiplier ?? ONE
}

const integer = z.number().int()
const sample = z.strictObject({ at: integer, n: integer })
const cause = z.enum([
  'register_decrease',
  'register_jump',
  'meter_exchange',
  'ratio_change',
  'clock_reset',
  'long_gap',
])
const open = z.strictObject({
  start: integer,
  end: integer,
  parts: z.array(
    z.strictObject({ segment: integer, exp: integer, start: integer, end: integer, from: integer, to: integer }),
  ),
  part: z.strictObject({ at: integer, u: integer }).nullable(),
  estimated: z.boolean(),
  cause: cause.nullable(),
  seen: z.boolean(),
})
const track = z.strictObject({
  segment: integer,
  offset: integer,
  last: sample.nullable(),
  held: z.array(sample),
  open: open.nullable(),
  exp: integer.nullable(),
  segmentSince: integer.optional(),
  unseenMs: integer.optional(),
})
const power = z.strictObject({
  exp: integer,
  weightMs: integer,
  sum: z
    .string()
    .regex(/^-?\d+$/)
    .transform((digits) => BigInt(digits)),
  min: integer,
  max: integer,
})
const book = z.strictObject({
  end: integer,
  good: integer,
  power: power.nullable(),
  deltas: z.array(intervalDeltaSchema.nullable()),
  emitted: integer,
  dirty: z.boolean(),
})
const stateSchema = z.strictObject({
  format: z.literal('cutter/1'),
  // Earlier ones named the cadence too, on which nothing in here depends.
  grid: z.string().transform((grid) => grid.replace(/ \d+ms /, ' ')),
  ratio: amountSchema.optional(),
  ratioSince: integer.optional(),
  tracks: z.array(track),
  slots: z.array(z.tuple([integer, book])).transform((entries) => new Map(entries)),
  multipliers: z.array(z.strictObject({ from: integer, multiplier: amountSchema })).min(1),
  lastPollAt: integer.nullable(),
  clockBehindMs: integer.default(0),
  lastPower: z.strictObject({ at: integer, value: amountSchema }).nullable(),
  rewritten: z.strictObject({ before: integer, revision: integer }).nullable(),
})

/** The state as one line of JSON. */
export function encodeCutterState(state: CutterState): string {
  const plain = { format: 'cutter/1', ...state, slots: [...state.slots] }
  return JSON.stringify(plain, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
}

/** Reads what {@link encodeCutterState} wrote; a fault for anything else. */
export function decodeCutterState(text: string): Result<CutterState, { kind: 'bad_checkpoint'; why: string }> {
  const plain = parseJson(text)
  if (plain === undefined) return fail({ kind: 'bad_checkpoint', why: 'not JSON' })
  const parsed = stateSchema.safeParse(plain)
  if (!parsed.success) return fail({ kind: 'bad_checkpoint', why: z.prettifyError(parsed.error) })
  const { format: _format, ...state } = parsed.data
  return ok(state)
}
