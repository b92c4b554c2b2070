import {
  amountSchema,
  epochMsSchema,
  meterIdSchema,
  noValueReasonSchema,
  productIdSchema,
  quantityNameSchema,
} from '@metergate/protocol'
import { z } from 'zod'
import { SPIKE_VERDICTS } from '../energy/vee.js'
import { VEE_CHECK_IDS } from '../energy/vee-table.js'

/** What `energy` answers: figures over a span with what they rest on. Amounts exact; a figure not to be had is null. */

const converted = z.object({ value: amountSchema, factor: z.string() })
const demandSchema = z.object({ kw: amountSchema, start: epochMsSchema, end: epochMsSchema })
const figureSchema = z.union([
  z.object({ value: amountSchema, reason: z.null() }),
  z.object({ value: z.null(), reason: z.enum(['insufficient_data', 'not_configured', 'no_activity', 'one_mode']) }),
])

const meterEnergySchema = z.object({
  meter: meterIdSchema,
  label: z.string(),
  /** kWh over the span; null when nothing is known of it. */
  energy: amountSchema.nullable(),
  /** The part of it that is estimated, kWh. */
  estimated: amountSchema.nullable(),
  /** The part of it that no meter saw (bridged across an exchange or reset), kWh: without it, what the registers say. */
  bridged: amountSchema.nullable(),
  /** Time covered by intervals with a value, per mille. */
  coverage: z.number().int(),
  /** `measured`: the total is a difference of real register values, however its shape was estimated. */
  total_quality: z.enum(['measured', 'mixed']),
  intervals: z.object({ expected: z.number(), measured: z.number(), estimated: z.number() }),
  /** kW over a quarter hour on the clock; sliding only from intervals of a minute. */
  demand: demandSchema.nullable(),
  demand_sliding: demandSchema.nullable(),
  load_factor: amountSchema.nullable(),
  reactive: amountSchema.nullable(),
  power_factor_hundredths: z.number().int().nullable(),
  base_load: figureSchema,
  /** Mean power on the plant's rest days in the span, kW. */
  rest_day_load: figureSchema,
  night_share: figureSchema,
  run: z.object({ threshold_kw: amountSchema, idle_minutes: z.number(), run_minutes: z.number() }).nullable(),
  coal: converted.nullable(),
  co2: converted.nullable(),
})

const groupEnergySchema = z.object({
  group: z.string(),
  label: z.string(),
  kind: z.enum(['main_and_sub', 'sum']),
  /** `sum`: kWh where every meter of it is known. `main_and_sub`: what the main meter saw in matched intervals. */
  energy: amountSchema.nullable(),
  estimated: amountSchema.nullable(),
  /** Intervals in which all meters are known ÷ all, per mille. */
  coverage: z.number().int(),
  /** The meters of it in the same matched intervals, and their share of the group's energy at six decimals. */
  members: z.array(z.object({ meter: meterIdSchema, energy: amountSchema, share: amountSchema.nullable() })),
  balance: z
    .object({ subs: amountSchema, gap: amountSchema, share: amountSchema.nullable(), is_beyond: z.boolean() })
    .nullable(),
})

const baselineSchema = z.object({
  n: z.number(),
  b0: amountSchema,
  b1: amountSchema,
  r2: amountSchema,
  cv_rmse: amountSchema,
  rejected: z.array(z.enum(['r2', 'cv_rmse', 'points'])),
  formula: z.string(),
  /** Days of the span that could be set against it. */
  days: z.array(
    z.object({
      start: epochMsSchema,
      energy: amountSchema,
      expected: amountSchema,
      savings: amountSchema,
      cusum: amountSchema,
      extrapolated: z.boolean(),
      alarm: z.boolean(),
    }),
  ),
})

const productEnergySchema = z.object({
  product: productIdSchema,
  label: z.string(),
  unit: z.string(),
  /** All good output and energy of the span, and the matched ratio with its reason when there is none. */
  output: amountSchema.nullable(),
  energy: amountSchema.nullable(),
  value: amountSchema.nullable(),
  no_value: noValueReasonSchema.optional(),
  /** Products with a meter of this one's: each is given all of that meter's energy, so their energies do not add up. */
  shares_energy_with: z.array(productIdSchema),
  matched: z.number().int(),
  /** kWh per kg, where the weight of a piece is configured. */
  per_kg: amountSchema.nullable(),
  /** What the process takes without standby, kWh per piece. */
  process: amountSchema.nullable(),
  idle_energy: amountSchema.nullable(),
  idle_share: amountSchema.nullable(),
  /** Estimated energy in the matched, per mille. */
  estimated: z.number().int(),
  formula: z.string(),
  /** Null when none is configured; `insufficient_data` when its days do not make one. */
  baseline: z.union([baselineSchema, z.literal('insufficient_data')]).nullable(),
})

const byPeriod = z.object({
  sharp: amountSchema,
  peak: amountSchema,
  flat: amountSchema,
  valley: amountSchema,
  deep_valley: amountSchema,
})

const tariffSchema = z.object({
  meter: meterIdSchema,
  schedule: z.string(),
  tariff_kind: z.string(),
  versions: z.array(z.string()),
  /** kWh by period, and of intervals the schedule says nothing about. */
  energy: byPeriod,
  total: amountSchema,
  /** How much of the meter's energy is estimated; null when nothing is known. */
  estimated: amountSchema.nullable(),
  uncovered: amountSchema,
  valley_share: amountSchema.nullable(),
  /** Mean price as a multiple of flat, at nine decimals. */
  price_ratio: amountSchema.nullable(),
  /** A cost estimate in CNY, never a bill; `missing` names what it lacks. No total where what is charged by the month is out. */
  bill: z
    .object({
      energy: amountSchema,
      basic: amountSchema.nullable(),
      power_factor_hundredths: z.number().nullable(),
      adjustment_rate: amountSchema.nullable(),
      adjustment: amountSchema.nullable(),
      total: amountSchema.nullable(),
    })
    .nullable(),
  missing: z.array(z.string()),
})

/** What a validation check said of a closed day. It flags and changes no value. */
const checkSchema = z.object({
  meter: z.string(),
  check: z.enum(VEE_CHECK_IDS),
  severity: z.enum(['info', 'warn', 'flag']),
  start: epochMsSchema,
  end: epochMsSchema,
  value: z.string(),
  limit: z.string(),
  /** Of a spike: whether the register bears it out (used), contradicts it (corrupt) or could not be asked (open). */
  verdict: z.enum(SPIKE_VERDICTS).optional(),
})

const eventSchema = z.object({
  code: z.string(),
  meter: meterIdSchema.optional(),
  quantity: quantityNameSchema.optional(),
  at: epochMsSchema,
})

/** Energy and unit energy over a span, with its curve. */
export const energyReportSchema = z.object({
  start: epochMsSchema,
  end: epochMsSchema,
  zone: z.string(),
  meters: z.array(meterEnergySchema),
  groups: z.array(groupEnergySchema),
  products: z.array(productEnergySchema),
  tariff: tariffSchema.nullable(),
  checks: z.array(checkSchema),
  events: z.array(eventSchema),
  /** Whose energy the steps show: the main meter of a group, else the meter with the most; adding up could count twice. */
  steps_of: z.object({ kind: z.enum(['main', 'largest']), meter: meterIdSchema }).nullable(),
  /** kWh of that meter per hour (a day or shorter) or day, for the small chart; null where not all of it is known. */
  steps: z.array(z.object({ start: epochMsSchema, end: epochMsSchema, energy: amountSchema.nullable() })),
  /** Readings since the box started cannot be dated yet and are not in these figures. */
  waiting_for: z.literal('clock').optional(),
})
export type EnergyReport = z.infer<typeof energyReportSchema>
