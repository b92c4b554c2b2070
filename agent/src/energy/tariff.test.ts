import { amount, epochMs, toNumber } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { workedCase } from './fixtures/worked-case.js'
import { PlantZone } from './plant-time.js'
import {
  averagePriceRatio,
  splitByTariff,
  TARIFF_PERIODS,
  type Tariff,
  type TariffSplit,
  tariffPeriodAt,
  tariffPeriodSchema,
  valleyShare,
  versionOn,
} from './tariff.js'
import { ZHEJIANG_TOU } from './tariffs/zhejiang.js'

const zone = new PlantZone('Asia/Shanghai')
const QUARTER = 900_000
const byPeriod = z.record(tariffPeriodSchema, z.number())
const hourList = z.array(z.tuple([z.number(), z.number(), tariffPeriodSchema]))
const schedule = z.object({
  spring_autumn: hourList,
  summer_winter: hourList,
  deep_valley_hours: z.tuple([z.number(), z.number()]),
})
const { input, expected } = workedCase(
  'C5_tou_split',
  z.object({
    schedules: z.record(z.string(), schedule),
    summer_winter_months: z.array(z.number()),
    versions: z.array(z.object({ id: z.string(), valid_from: z.string() })),
    holidays: z.array(z.string()),
    start: z.number(),
    kwh_two_days: z.array(z.number()),
    holiday_day: z.object({ start: z.number(), kwh: z.array(z.number()) }),
  }),
  z.object({
    day_2026_06_30: byPeriod,
    day_2026_07_01: byPeriod,
    day_total_kwh: z.number(),
    two_days: byPeriod,
    holiday_2026_10_01: byPeriod,
    avg_price_ratio_2026_07_01: z.number(),
    trap_old_schedule_on_07_01: byPeriod,
    first_interval_utc: z.string(),
  }),
)

const line = (start: number, kwh: readonly number[]) =>
  kwh.map((one, index) => ({
    start: epochMs(start * 1000 + index * QUARTER),
    energy: amount(Math.round(one * 100), -2),
  }))
const shown = ({ energy }: TariffSplit) => Object.fromEntries(TARIFF_PERIODS.map((one) => [one, toNumber(energy[one])]))

describe('worked case C5: time-of-use split over a change of tariff', () => {
  const days = line(input.start, input.kwh_two_days)
  const split = (intervals: typeof days, tariff: Tariff = ZHEJIANG_TOU) => splitByTariff(intervals, tariff, zone)

  it('starts at local midnight', () => {
    expect(new Date(days[0]?.start ?? 0).toISOString()).toBe(expected.first_interval_utc.replace('Z', '.000Z'))
  })

  it('uses each day’s own version, and the periods add up', () => {
    const second = split(days.slice(96))
    expect(shown(split(days.slice(0, 96)))).toEqual(expected.day_2026_06_30)
    expect(shown(second)).toEqual(expected.day_2026_07_01)
    expect(toNumber(second.total)).toBe(expected.day_total_kwh)
    expect(shown(split(days))).toEqual(expected.two_days)
    expect(split(days).versions).toEqual(['ZJ-2024-21', 'ZJ-2026-112'])
  })

  it('replaces whatever covers the holiday’s hours by the deep valley', () => {
    expect(shown(split(line(input.holiday_day.start, input.holiday_day.kwh)))).toEqual(expected.holiday_2026_10_01)
  })

  it('gives the mean price as a multiple of flat', () => {
    const version = versionOn(ZHEJIANG_TOU, '2026-07-01')
    const mean = version && averagePriceRatio(split(days.slice(96)), version)
    expect(mean && toNumber(mean)).toBeCloseTo(expected.avg_price_ratio_2026_07_01, 9)
  })

  it('would have split the second day otherwise with the old version', () => {
    const old = { ...ZHEJIANG_TOU, versions: ZHEJIANG_TOU.versions.slice(0, 1) }
    expect(shown(split(days.slice(96), old))).toEqual(expected.trap_old_schedule_on_07_01)
  })
})

describe('the shipped Zhejiang tariff', () => {
  it('says the same as the worked case’s schedules, hour by hour', () => {
    for (const { id, valid_from } of input.versions) {
      const wanted = schedule.parse(input.schedules[id])
      for (const month of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
        const year = Number(valid_from.slice(0, 4)) + 1
        const list = input.summer_winter_months.includes(month) ? wanted.summer_winter : wanted.spring_autumn
        const only = {
          ...ZHEJIANG_TOU,
          versions: ZHEJIANG_TOU.versions.filter((version) => version.id === id),
          holidays: [],
        }
        for (const [from, to, period] of list) {
          for (let hour = from; hour < to; hour++) {
            expect(tariffPeriodAt(only, zone, zone.instant(year, month, 20, hour * 60))).toEqual({
              period,
              version: id,
            })
          }
        }
      }
    }
  })

  it('covers every quarter hour of every day exactly once', () => {
    for (const version of ZHEJIANG_TOU.versions) {
      for (let month = 1; month <= 12; month++) {
        const seasons = version.seasons.filter(({ months }) => months.includes(month))
        expect(seasons).toHaveLength(1)
        for (let hour = 0; hour < 24; hour += 0.25) {
          expect(seasons[0]?.hours.filter(({ from, to }) => from <= hour && hour < to)).toHaveLength(1)
        }
      }
    }
  })

  it('gives the deep valley only on the first three days of the labour holiday from the 2026 notice on', () => {
    const dated = {
      ...ZHEJIANG_TOU,
      holidays: [
        { name: 'labour_day', dates: ['2027-05-01', '2027-05-02', '2027-05-03', '2027-05-04'], source: 'made up' },
      ],
    }
    const noon = [1, 2, 3, 4].map((day) => tariffPeriodAt(dated, zone, zone.instant(2027, 5, day, 12 * 60))?.period)
    expect(noon).toEqual(['deep_valley', 'deep_valley', 'deep_valley', 'valley'])
  })

  it('keeps energy before its first version apart instead of guessing', () => {
    const before = splitByTariff(line(Date.parse('2023-01-01T00:00:00Z') / 1000, [5]), ZHEJIANG_TOU, zone)
    expect([toNumber(before.uncovered), toNumber(before.total), valleyShare(before)]).toEqual([5, 0, null])
  })
})

describe('a year whose holidays are not known', () => {
  it('is named where a holiday may fall, in its hours, and nowhere else', () => {
    const unknownAt = (...when: [number, number, number, number]) => {
      const [year, month, day, hour] = when
      const start = zone.instant(year, month, day, hour * 60)
      return splitByTariff([{ start, energy: amount(1, 0) }], ZHEJIANG_TOU, zone).unknownHolidays
    }
    expect(unknownAt(2027, 2, 7, 10)).toEqual(['2027 spring_festival'])
    expect(unknownAt(2027, 10, 1, 10)).toEqual(['2027 national_day'])
    expect([unknownAt(2027, 2, 7, 20), unknownAt(2027, 3, 7, 10), unknownAt(2026, 2, 17, 10)]).toEqual([[], [], []])
  })
})
