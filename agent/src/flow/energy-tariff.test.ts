import {
  amount,
  epochMs,
  formatAmount,
  type IntervalDelta,
  meterIdSchema,
  type QuantityName,
} from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { energyCsv } from '../cli/energy-csv.js'
import { pricesSchema } from '../energy/cost.js'
import { PlantZone, type Slot } from '../energy/plant-time.js'
import { slotsOf } from '../energy/spans.js'
import { tariffSchema } from '../energy/tariff.js'
import { MemoryRecordStore } from '../store/memory-record-store.js'
import { SEALER, SeededRandom, stampOf } from '../store/testing/make.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { closingEvents } from './energy-close.js'
import { energyReport } from './energy-report.js'
import type { ReportParts } from './report-parts.js'

const zone = new PlantZone('Asia/Shanghai')
const month = zone.month(epochMs(Date.parse('2026-03-10T00:00:00+08:00')))
const day = zone.day(epochMs(Date.parse('2026-03-10T00:00:00+08:00')))
const meter = meterIdSchema.parse('main')
const LAG: QuantityName = 'energy_reactive_import_total'
const LEAD: QuantityName = 'energy_reactive_export_total'
const tariff = tariffSchema.parse({
  id: 'flat',
  tariff_kind: 'single',
  title: { zh: 'x', en: 'x' },
  versions: [
    {
      id: 'flat-1',
      valid_from: '2020-01-01',
      seasons: [{ months: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], hours: [{ from: 0, to: 24, period: 'flat' }] }],
      sources: ['made up'],
    },
  ],
})
const basic = { by: 'capacity', kva: amount(630, 0), price: amount(30, 0) }
const partsWith = (prices: object): ReportParts => ({
  zone,
  minutes: 60,
  meters: [{ id: meter, label: 'main', hasEnergy: true }],
  products: [],
  tariff: { meter, tariff, prices: pricesSchema.parse({ energy: { flat: amount(8, -1) }, ...prices }) },
})

type Known = readonly [QuantityName, number | null]

/** Hours of 10 kWh and what else is given for the hour; those of `until` and later were never written. */
async function storeOf(until: number, more: (hour: number) => readonly Known[] = () => []) {
  const clock = new VirtualClock({ wall: month.end })
  const store = new MemoryRecordStore({ clock, random: new SeededRandom(1), sealer: () => SEALER })
  const slots = slotsOf(month, zone, 60).slice(0, until)
  const deltasOf = (hour: number): IntervalDelta[] =>
    [['energy_active_import_total', 10] as const, ...more(hour)].map(([quantity, value]) => ({
      ...{ quantity, from: null, to: null, delta: value === null ? null : amount(value, 0) },
      flag: value === null ? ('missing' as const) : ('measured' as const),
    }))
  const shared = { revision: 0, segment: 0, multiplier: amount(1, 0), coverage: 1000, formula: 'interval/2' }
  await store.append(
    slots.map((slot, hour) => ({
      ...{ kind: 'interval' as const, stamp: stampOf(clock), meter, ...slot, ...shared, deltas: deltasOf(hour) },
    })),
  )
  return store
}

const reportOf = async (prices: object, span: Slot, until = 744, more?: (hour: number) => readonly Known[]) =>
  energyReport(await storeOf(until, more), partsWith(prices), span)

const HOURS = 744

describe('the cost of a span', () => {
  it('holds the basic fee for a whole month', async () => {
    const { tariff: row } = await reportOf({ basic }, month)
    const { energy, basic: fee, total } = row?.bill ?? {}
    expect([energy, fee, total].map((one) => one && formatAmount(one))).toEqual(['5952.00', '18900.00', '24852.00'])
    expect(row?.missing).toEqual([])
  })

  it('holds none for a day: no month’s fee, no total, neither in the CSV nor in the closing', async () => {
    const report = await reportOf({ basic }, day)
    const { energy, basic: fee, total } = report.tariff?.bill ?? {}
    expect([energy, fee, total].map((one) => one && formatAmount(one))).toEqual(['192.00', null, null])
    expect(report.tariff?.missing).toEqual(['basic:month_only'])
    const [header = [], cost = []] = energyCsv(report)
      .split(/\r?\n/)
      .filter((line, index) => index === 0 || line.startsWith('cost'))
      .map((line) => line.split(','))
    expect(cost[header.indexOf('cost_cny')]).toBe('')
    const closing = closingEvents(report, 'day', 0).find(({ facts }) => facts.of === 'tariff')
    expect([closing?.facts.energy_cost_cny, closing?.facts.basic_cny, closing?.facts.total_cny]).toEqual([
      '192.00',
      null,
      null,
    ])
  })

  it('is not given for a month half of which is missing', async () => {
    const { tariff: row } = await reportOf({ basic }, month, HOURS / 2)
    expect([row?.bill, row?.missing]).toEqual([null, ['coverage:500']])
  })
})

describe('the power factor', () => {
  const prices = { power_factor: { standard: 90 } }
  const figures = async (more: (hour: number) => readonly Known[]) => {
    const { meters, tariff: row } = await reportOf(prices, month, HOURS, more)
    const found = meters.find((one) => one.meter === meter)
    return { reactive: found?.reactive?.n ?? null, factor: found?.power_factor_hundredths, row }
  }

  it('takes no silent register for zero', async () => {
    // 12 kvarh lead an hour, known for the first quarter of the month only: without it the factor would be 0.98.
    const { reactive, factor, row } = await figures((hour) => [
      [LAG, 2],
      [LEAD, hour < HOURS / 4 ? 12 : null],
    ])
    expect([reactive, factor]).toEqual([null, null])
    expect([row?.bill, row?.missing]).toEqual([null, ['reactive_kvarh']])
  })

  it('of the bill is that of the hours in which both are known', async () => {
    // In one hour of twenty the register was silent: set against all the energy its sum would give 0.83, another rate.
    const { factor, row } = await figures((hour) => [[LAG, hour % 20 === 0 ? null : 7]])
    expect([factor, row?.bill?.power_factor_hundredths]).toEqual([82, 82])
  })

  it('needs no register that the meter does not have', async () => {
    expect((await figures(() => [[LAG, 2]])).factor).toBe(98)
  })
})
