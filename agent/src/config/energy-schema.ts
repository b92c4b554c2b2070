import { compare, type MeterId, meterIdSchema } from '@metergate/protocol'
import { z } from 'zod'
import { ENERGY_FACTORS, type FactorId } from '../energy/factors.js'
import { ZHEJIANG_TOU } from '../energy/tariffs/zhejiang.js'
import type { VeeCheckId } from '../energy/vee-table.js'
import { choice, list, read, readText, section, text } from './fields.js'
import { parsePositive } from './parse.js'

/** What of the configuration only energy figures need: groups of meters, tariff, factors, baselines. */

const groupId = z.string({ error: 'id' }).regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'id')
const groupMeter = z
  .string({ error: 'meter' })
  .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'meter')
  .transform((name): MeterId => meterIdSchema.parse(name))

/**
 * `main_and_sub`: a main meter and all meters below it (一厂多租): the gap between them is energy nobody answers for.
 * `sum`: these meters together, less `subtract`, of that the `share`.
 */
export const groupSchema = z.discriminatedUnion(
  'kind',
  [
    section({
      id: groupId,
      label: text('label', 80).optional(),
      kind: z.literal('main_and_sub'),
      main: groupMeter,
      meters: list(groupMeter).min(1, 'list'),
    }),
    section({
      id: groupId,
      label: text('label', 80).optional(),
      kind: z.literal('sum'),
      meters: list(groupMeter).min(1, 'list'),
      subtract: list(groupMeter).default([]),
      /** A tenant's part where several share one meter, as a factor such as 0.35. */
      share: read('share', parsePositive).optional(),
    }),
  ],
  { error: 'group_kind' },
)
export type GroupEntry = z.infer<typeof groupSchema>

const price = read('price', parsePositive)

/** Time-of-use periods and the site's own prices. Prices are never shipped. */
export const tariffConfigSchema = section({
  schedule: choice('tariff', [ZHEJIANG_TOU.id]),
  /** The meter the bill is made by; the main meter of the first group when left out. */
  meter: groupMeter.optional(),
  /** CNY per kWh by period. */
  prices: section({
    sharp: price.optional(),
    peak: price.optional(),
    flat: price.optional(),
    valley: price.optional(),
    deep_valley: price.optional(),
  }).prefault({}),
  /** Two-part tariff (两部制): CNY a month per kVA of transformer capacity, or per kW of greatest demand. */
  basic: z
    .union(
      [
        section({ by: z.literal('capacity'), kva: read('power', parsePositive), price }),
        section({ by: z.literal('demand'), price }),
      ],
      { error: 'section' },
    )
    .optional(),
  funds_per_kwh: price.optional(),
  /** Standard of the power-factor adjustment (力调电费): 0.90, 0.85 or 0.80. */
  power_factor: z.union([z.literal(0.9), z.literal(0.85), z.literal(0.8)], { error: 'power_factor' }).optional(),
})
export type TariffConfig = z.infer<typeof tariffConfigSchema>

const isFactorId = (name: string): name is FactorId => ENERGY_FACTORS.some(({ id }) => id === name)
const isCo2 = (name: FactorId): boolean => ENERGY_FACTORS.some(({ id, kind }) => id === name && kind === 'co2')

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const

/** `2026-11-23`, a date that exists. */
const date = readText('date', (raw) => {
  const at = Date.parse(`${raw}T00:00:00Z`)
  return /^\d{4}-\d{2}-\d{2}$/.test(raw) && new Date(at).toISOString().startsWith(raw) ? raw : undefined
})

const factor = read('check_limit', parsePositive)
/** Intervals are counted. */
const whole = read('check_count', (raw) => (/^[1-9]\d{0,4}$/.test(raw.trim()) ? parsePositive(raw) : undefined))
/** A share of which one minus it is the upper bound: half and more would flag every month. */
const lowShare = read('check_share', (raw) => {
  const value = parsePositive(raw)
  return value && compare(value, { n: 5, exp: -1 }) < 0 ? value : undefined
})

/** The site's own limits of the validation checks (energy.checks); a check left out keeps its default. The table of checks says what each means. */
const checkLimitsSchema = section({
  spike: factor.optional(),
  sum: factor.optional(),
  high_low: factor.optional(),
  zero_run: whole.optional(),
  demand_limit: factor.optional(),
  demand_step: factor.optional(),
  reactive: factor.optional(),
  energy_balance: factor.optional(),
  load_factor: lowShare.optional(),
  tou_sum: whole.optional(),
} satisfies Partial<Record<VeeCheckId, unknown>>)

export const energyConfigSchema = section({
  /** Emission factor of the electricity. */
  co2: readText('co2', (name) => (isFactorId(name) && isCo2(name) ? name : undefined)).default('co2-zhejiang-2023'),
  /** Contracted demand or transformer power of the plant, kW: interval power beyond 110 % of it is flagged. */
  contract_kw: read('power', parsePositive).optional(),
  checks: checkLimitsSchema.prefault({}),
  /** Days on which the plant rests: weekdays, public holidays of the shipped calendar, and dates of its own. */
  rest_days: section({
    weekdays: list(choice('weekday', WEEKDAYS)).default([]),
    public_holidays: z.boolean({ error: 'flag' }).default(false),
    dates: list(date).default([]),
  }).optional(),
})

/** Whether a civil day is a rest day as configured; undefined without a calendar. */
export function restDaysOf({ rest_days: rest }: z.infer<typeof energyConfigSchema>) {
  if (!rest) return undefined
  const holidays = rest.public_holidays ? ZHEJIANG_TOU.holidays.flatMap(({ dates }) => dates) : []
  const dates = new Set([...rest.dates, ...holidays])
  return (day: { readonly date: string; readonly weekday: number }): boolean =>
    dates.has(day.date) || rest.weekdays.some((name) => WEEKDAYS.indexOf(name) + 1 === day.weekday)
}

/** The days, first and last included, that a product's baseline (energy = b0 + b1 × output) is made from. */
export const baselineSchema = section({ from: date, to: date })
