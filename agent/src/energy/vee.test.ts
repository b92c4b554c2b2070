import { readFileSync } from 'node:fs'
import { type Amount, amount, formatAmount } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { estimateGaps } from './estimate.js'
import {
  checkDuplicates,
  checkLoadFactor,
  checkRateSum,
  type VeeContext,
  type VeeInterval,
  validateDay,
  verdictOnSpike,
} from './vee.js'
import { VEE_CHECK_IDS, VEE_CHECKS } from './vee-table.js'

const QUARTER = 900_000
const DAY = { start: 0, end: 96 * QUARTER }
const kwh = (value: number): Amount => amount(Math.round(value * 100), -2)
const day = (value: (index: number) => number | null, more: Partial<VeeInterval> = {}): VeeInterval[] =>
  Array.from({ length: 96 }, (_, index) => {
    const one = value(index)
    return { start: index * QUARTER, end: (index + 1) * QUARTER, energy: one === null ? null : kwh(one), ...more }
  })
const checks = (intervals: readonly VeeInterval[], context: VeeContext = {}) =>
  validateDay(intervals, context).map(({ check }) => check)
const steady = (index: number) => 10 + (index % 3)

describe('validation checks (rules of case C9)', () => {
  it('are data: one row for each id, each with a rule', () => {
    expect(VEE_CHECKS.map(({ id }) => id)).toEqual([...VEE_CHECK_IDS])
    expect(VEE_CHECKS.every(({ rule }) => rule.length > 10)).toBe(true)
  })

  it('stand in the documentation with weight and default', () => {
    const text = readFileSync(new URL('../../../docs/energy.md', import.meta.url), 'utf8')
    const rows = [...text.matchAll(/^\| `([a-z_]+)` \| (info|warn|flag) \| (\S+) \|/gm)].map((row) => row.slice(1, 4))
    expect(rows).toEqual(
      VEE_CHECKS.map(({ id, severity, limit }) => [
        id,
        severity,
        limit ? formatAmount(limit) : id === 'demand_step' ? 'off' : '–',
      ]),
    )
  })

  it('say nothing about a steady day', () => {
    const total = Array.from({ length: 96 }, (_, index) => steady(index)).reduce((a, b) => a + b)
    const context = {
      register: { difference: kwh(total), step: kwh(0.4) },
      contractKw: amount(60, 0),
      usualDay: kwh(1000),
    }
    expect(checks(day(steady), context)).toEqual([])
  })

  it('mark the highest interval as a spike above 1.8 times the third highest, not at it', () => {
    expect(checks(day((index) => (index === 40 ? 12 * 2.8 : steady(index))))).toEqual([])
    const found = validateDay(day((index) => (index === 40 ? 12 * 2.8 + 0.01 : steady(index))))
    expect(found).toEqual([{ check: 'spike', start: 40 * QUARTER, end: 41 * QUARTER, value: '1.800833', limit: '1.8' }])
  })

  it("go by the site's own limit where it has set one, and report that limit", () => {
    const peak = day((index) => (index === 40 ? 12 * 2.8 + 0.01 : steady(index)))
    const own = (limit: Amount) => validateDay(peak, { limits: { spike: limit } })
    expect(own(amount(185, -2))).toEqual([])
    expect(own(amount(15, -1))).toMatchObject([{ check: 'spike', limit: '1.5' }])
  })

  it('tell real use from corruption by spike and sum together', () => {
    const spiky = (index: number) => (index === 40 ? 100 : 10)
    const real = validateDay(day(spiky), { register: { difference: kwh(1050), step: kwh(0.4) } })
    const corrupt = validateDay(day(spiky), { register: { difference: kwh(960), step: kwh(0.4) } })
    expect([verdictOnSpike(real, true), verdictOnSpike(corrupt, true), verdictOnSpike(real, false)]).toEqual([
      'real_use',
      'corrupt',
      'open',
    ])
    expect(corrupt.find(({ check }) => check === 'sum')).toMatchObject({ value: '90.00', limit: '4.80000' })
  })

  it('allow the sum two register steps where half a per cent is less', () => {
    const context = (difference: number) => ({ register: { difference: kwh(difference), step: kwh(0.4) } })
    expect(
      checks(
        day(() => 1),
        context(96.8),
      ),
    ).toEqual([])
    expect(
      checks(
        day(() => 1),
        context(96.81),
      ),
    ).toEqual(['sum'])
  })

  it('report zero runs from eight intervals on, and not through an outage', () => {
    const zeros = (length: number) => (index: number) => (index >= 10 && index < 10 + length ? 0 : 10)
    expect(checks(day(zeros(7)))).toEqual([])
    expect(checks(day(zeros(8)))).toEqual(['zero_run'])
    expect(checks(day(zeros(8), { hasVoltage: false }))).toEqual([])
  })

  it('flag power beyond the contract, low power factor, short metering and unusual days', () => {
    expect(
      checks(
        day(() => 11),
        { contractKw: amount(40, 0) },
      ),
    ).toEqual([])
    expect(
      checks(
        day((index) => (index === 3 ? 11.01 : 11)),
        { contractKw: amount(40, 0) },
      ),
    ).toEqual(['demand_limit'])
    expect(new Set(checks(day(() => 10, { reactive: kwh(40) })))).toEqual(new Set(['reactive']))
    expect(new Set(checks(day(() => 10, { meteredMs: 600_000 })))).toEqual(new Set(['interval_size']))
    expect(
      checks(
        day(() => 10),
        { usualDay: kwh(479) },
      ),
    ).toEqual(['high_low'])
    expect(
      checks(
        day(() => 10),
        { usualDay: kwh(1921) },
      ),
    ).toEqual(['high_low'])
    expect(
      checks(
        day((index) => (index === 5 ? 16 : 10)),
        { limits: { demand_step: amount(5, -1) } },
      ),
    ).toEqual(['demand_step'])
  })

  it('call the same interval twice a conflict only when the contents differ', () => {
    const one = { start: 0, end: QUARTER, revision: 0, energy: 5 }
    expect(checkDuplicates([one, { ...one }, { ...one, revision: 1, energy: 6 }])).toEqual([])
    expect(checkDuplicates([one, { ...one, energy: 6 }])).toMatchObject([{ check: 'duplicate', start: 0 }])
  })

  it('wonder at a month that hardly runs or never changes', () => {
    const month = { start: 0, end: 31 * 96 * QUARTER }
    expect([4, 5, 95, 96].map((n) => checkLoadFactor(amount(n, -2), month).length)).toEqual([1, 0, 0, 1])
  })

  it('compare the total register with its rates by register steps', () => {
    expect(checkRateSum(kwh(100), [kwh(60), kwh(39.98)], kwh(0.01), DAY)).toEqual([])
    expect(checkRateSum(kwh(100), [kwh(60), kwh(39.97)], kwh(0.01), DAY)).toMatchObject([
      { check: 'tou_sum', value: '0.03', ...DAY },
    ])
  })
})

describe('estimates', () => {
  const values = (estimates: ReturnType<typeof estimateGaps>) =>
    estimates.map(({ energy, method }) => [formatAmount(energy), method])

  it('lay up to two hours on a line between the neighbours, half-even', () => {
    expect(values(estimateGaps(day((index) => (index >= 50 && index < 52 ? null : index < 50 ? 10 : 13))))).toEqual([
      ['11.00', 'linear'],
      ['12.00', 'linear'],
    ])
    expect(values(estimateGaps(day((index) => (index >= 50 && index < 58 ? null : 10))))).toHaveLength(8)
  })

  it('take the mean of the newest three like days for a longer gap, and leave what they cannot tell', () => {
    const holed = day((index) => (index >= 50 && index < 59 ? null : 10))
    const like = [20, 22, 24, 99].map((level) =>
      Array.from({ length: 96 }, (_, index) => (index === 58 ? null : kwh(level))),
    )
    const seen = values(estimateGaps(holed, like))
    expect(seen).toHaveLength(8)
    expect(new Set(seen.map(([energy, method]) => `${energy} ${method}`))).toEqual(new Set(['22.00 average_like_day']))
    expect(estimateGaps(holed)).toEqual([])
  })

  it('draw no line from an outage', () => {
    const holed = day((index) => (index === 50 ? null : 10)).map((one, index) => ({ ...one, outage: index === 49 }))
    expect(estimateGaps(holed)).toEqual([])
  })
})
