import { type Amount, add, amount, amountSchema, type EpochMs, multiply, ratio } from '@metergate/protocol'
import { z } from 'zod'
import type { PlantZone } from './plant-time.js'
import { sum, ZERO } from './spans.js'

/** 尖 sharp, 峰 peak, 平 flat, 谷 valley, 深谷 deep valley. */
export const TARIFF_PERIODS = ['sharp', 'peak', 'flat', 'valley', 'deep_valley'] as const
export const tariffPeriodSchema = z.enum(TARIFF_PERIODS)
export type TariffPeriod = z.infer<typeof tariffPeriodSchema>

const isoDate = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'a date such as 2026-07-01')
/** Civil hours [from, to); 24 ends the day. Half hours as 0.5. */
const hours = z.strictObject({
  from: z.number().min(0).max(24).multipleOf(0.25),
  to: z.number().min(0).max(24).multipleOf(0.25),
  period: tariffPeriodSchema,
})
const season = z.strictObject({ months: z.array(z.number().int().min(1).max(12)).min(1), hours: z.array(hours).min(1) })

/** On these days the named period replaces whatever else covers its hours. */
const holidayRule = z.strictObject({
  holiday: z.string(),
  /** Only the first so many days of the holiday; absent: all. */
  first_days: z.number().int().min(1).optional(),
  ...hours.shape,
})

export const tariffVersionSchema = z.strictObject({
  id: z.string(),
  /** First civil date it holds; it ends where the next version begins. */
  valid_from: isoDate,
  seasons: z.array(season).min(1),
  holiday_rules: z.array(holidayRule).default([]),
  /** Price of each period as a multiple of flat, where the notice gives it. */
  ratios: z.record(tariffPeriodSchema, amountSchema).optional(),
  sources: z.array(z.string()).min(1),
  note: z.string().optional(),
})
export type TariffVersion = z.infer<typeof tariffVersionSchema>

export const holidaySchema = z.strictObject({
  name: z.string(),
  /** Its days, in order. */
  dates: z.array(isoDate).min(1),
  source: z.string(),
})

/**
 * A time-of-use tariff as dated data. `government_tou`: set by notice, for users supplied through the grid agency
 * (代理购电). `market_contract`: own periods and prices of a direct trade. `single`: one price.
 */
export const tariffSchema = z.strictObject({
  id: z.string(),
  tariff_kind: z.enum(['government_tou', 'market_contract', 'single']),
  title: z.strictObject({ zh: z.string(), en: z.string() }),
  versions: z.array(tariffVersionSchema).min(1),
  holidays: z.array(holidaySchema).default([]),
})
export type Tariff = z.infer<typeof tariffSchema>

/** The version in force on a civil date, or undefined before the first. */
export function versionOn(tariff: Tariff, date: string): TariffVersion | undefined {
  const begun = tariff.versions.filter(({ valid_from }) => valid_from <= date)
  return begun.sort((a, b) => (a.valid_from < b.valid_from ? -1 : 1)).at(-1)
}

/**
 * The period an interval belongs to: that of its start in civil time, by the version of the start's date. Undefined
 * when the tariff says nothing about it.
 */
export function tariffPeriodAt(
  tariff: Tariff,
  zone: PlantZone,
  start: EpochMs,
): { readonly period: TariffPeriod; readonly version: string } | undefined {
  const { date, month, minuteOfDay } = zone.local(start)
  const version = versionOn(tariff, date)
  if (!version) return undefined
  const hour = minuteOfDay / 60
  const covers = ({ from, to }: { from: number; to: number }) => from <= hour && hour < to
  const special = version.holiday_rules.find((rule) => covers(rule) && isHoliday(tariff, rule, date))
  const usual = version.seasons.find(({ months }) => months.includes(month))?.hours.find(covers)
  const period = special?.period ?? usual?.period
  return period && { period, version: version.id }
}

function isHoliday(tariff: Tariff, rule: z.infer<typeof holidayRule>, date: string): boolean {
  return tariff.holidays.some(
    ({ name, dates }) => name === rule.holiday && dates.slice(0, rule.first_days ?? dates.length).includes(date),
  )
}

export type PeriodEnergy = Readonly<Record<TariffPeriod, Amount>>

export interface TariffSplit {
  /** kWh by period; they add up to `total` exactly. */
  readonly energy: PeriodEnergy
  readonly total: Amount
  /** Energy of intervals that the tariff says nothing about; part of no period and not of `total`. */
  readonly uncovered: Amount
  readonly versions: readonly string[]
  /** Holidays whose dates of a year are not known, as `2027 spring_festival`, where they may have changed a period here. */
  readonly unknownHolidays: readonly string[]
}

/**
 * Holidays that may fall on this interval and whose dates of its year the tariff does not hold: without them the usual period
 * would be billed as certain. Asked only in the months in which the holiday has ever been, or a year without dates had no bill.
 */
function unknownHolidaysAt(tariff: Tariff, zone: PlantZone, start: EpochMs): string[] {
  const { date, year, minuteOfDay } = zone.local(start)
  const hour = minuteOfDay / 60
  const rules = versionOn(tariff, date)?.holiday_rules.filter(({ from, to }) => from <= hour && hour < to) ?? []
  return rules.flatMap(({ holiday }) => {
    const dates = tariff.holidays.filter(({ name }) => name === holiday).flatMap((one) => one.dates)
    const isPossible = dates.some((one) => one.slice(5, 7) === date.slice(5, 7))
    const isKnown = dates.some((one) => one.startsWith(`${year}-`))
    return isPossible && !isKnown ? [`${year} ${holiday}`] : []
  })
}

/** Splits interval energies (kWh, by interval start) over the tariff's periods. */
export function splitByTariff(
  intervals: Iterable<{ readonly start: EpochMs; readonly energy: Amount }>,
  tariff: Tariff,
  zone: PlantZone,
): TariffSplit {
  const energy: Record<TariffPeriod, Amount> = { sharp: ZERO, peak: ZERO, flat: ZERO, valley: ZERO, deep_valley: ZERO }
  const versions = new Set<string>()
  const unknownHolidays = new Set<string>()
  let uncovered = ZERO
  for (const one of intervals) {
    const found = tariffPeriodAt(tariff, zone, one.start)
    if (!found) {
      uncovered = add(uncovered, one.energy)
      continue
    }
    energy[found.period] = add(energy[found.period], one.energy)
    versions.add(found.version)
    for (const name of unknownHolidaysAt(tariff, zone, one.start)) unknownHolidays.add(name)
  }
  const total = sum(TARIFF_PERIODS.map((period) => energy[period]))
  return { energy, total, uncovered, versions: [...versions], unknownHolidays: [...unknownHolidays] }
}

/** (valley + deep valley) ÷ total at six decimals; null when nothing was used. */
export function valleyShare({ energy, total }: TariffSplit): Amount | null {
  return ratio(add(energy.valley, energy.deep_valley), total, -6) ?? null
}

/** Mean price of a split as a multiple of flat, at nine decimals; null without ratios or use. */
export function averagePriceRatio({ energy, total }: TariffSplit, version: TariffVersion): Amount | null {
  const { ratios } = version
  if (!ratios) return null
  const weighted = sum(TARIFF_PERIODS.map((period) => multiply(energy[period], ratios[period] ?? amount(0, 0))))
  return ratio(weighted, total, -9) ?? null
}
