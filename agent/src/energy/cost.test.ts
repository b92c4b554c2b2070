import { type Amount, amount, formatAmount, toNumber } from '@metergate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BillInput, billOf, type Prices, pricesSchema } from './cost.js'
import { type PowerFactorStandard, powerFactorHundredths, powerFactorRate, roundHalfUp } from './power-factor.js'
import type { TariffSplit } from './tariff.js'

const zero = amount(0, 0)
const whole = (n: number): Amount => amount(n, 0)

describe('power factor (rules of case C6)', () => {
  it('is rounded half up to hundredths before the table is read', () => {
    // Of 1000000 kVAh, 895000 kWh leave 446066.98 kvarh: just below and just above that edge.
    expect(powerFactorHundredths(whole(895_000), whole(446_066))).toBe(90)
    expect(powerFactorHundredths(whole(895_000), whole(446_068))).toBe(89)
    expect(powerFactorHundredths(zero, zero)).toBeNull()
    expect(powerFactorHundredths(zero, whole(5))).toBe(0)
    expect(powerFactorHundredths(whole(5), zero)).toBe(100)
  })

  it('agrees with the formula in floating point away from the rounding edges', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e7 }), fc.integer({ min: 1, max: 1e7 }), (p, q) => {
        const exact = (100 * p) / Math.hypot(p, q)
        fc.pre(Math.abs(exact - Math.floor(exact) - 0.5) > 1e-6)
        expect(powerFactorHundredths(whole(p), amount(q * 10, -1))).toBe(Math.round(exact))
      }),
    )
  })

  it.each<[PowerFactorStandard, number, string]>([
    [90, 100, '-0.75'],
    [90, 95, '-0.75'],
    [90, 94, '-0.60'],
    [90, 90, '0.00'],
    [90, 89, '0.50'],
    [90, 70, '10.00'],
    [90, 69, '11.00'],
    [90, 65, '15.00'],
    [90, 64, '17.00'],
    [85, 94, '-1.10'],
    [85, 84, '0.50'],
    [85, 65, '10.00'],
    [85, 60, '15.00'],
    [85, 59, '17.00'],
    [80, 92, '-1.30'],
    [80, 60, '10.00'],
    [80, 54, '17.00'],
  ])('standard 0.%i at 0.%i is %s %%', (standard, pf, rate) => {
    expect(formatAmount(powerFactorRate(pf, standard))).toBe(rate)
  })
})

describe('two-part bill (rules of case C6)', () => {
  const split: TariffSplit = {
    energy: {
      sharp: whole(10_000),
      peak: whole(20_000),
      flat: whole(30_000),
      valley: whole(25_000),
      deep_valley: zero,
    },
    total: whole(85_000),
    uncovered: zero,
    versions: ['made-up'],
    unknownHolidays: [],
  }
  const prices: Prices = pricesSchema.parse({
    energy: { sharp: amount(13_507, -4), peak: amount(11_111, -4), flat: amount(6_605, -4), valley: amount(2_642, -4) },
    basic: { by: 'demand', price: amount(48, 0) },
    funds_per_kwh: amount(293, -4),
    power_factor: { standard: 90 },
  })
  const given = {
    ...{ split, prices, demandKw: amount(2_105, -1), coverage: 1000, isMonth: true },
    powerFactorHundredths: powerFactorHundredths(whole(85_000), whole(50_000)) ?? 0,
  }
  const linesOf = (input: BillInput) => {
    const { bill, missing } = billOf(input)
    const lines = [bill?.energy, bill?.basic, bill?.adjustment, bill?.total].map((one) => one && toNumber(one))
    return {
      lines,
      factor: bill?.powerFactorHundredths,
      rate: bill?.adjustmentRate && toNumber(bill.adjustmentRate),
      missing,
    }
  }

  it('adds energy, basic fee and the adjustment on what is not funds, each line to the cent', () => {
    // By hand: 13507.00 + 22222.00 + 19815.00 + 6605.00 = 62149.00; 210.5 × 48 = 10104.00; pf 0.86 → +2 %;
    // base 62149 + 10104 − 85000 × 0.0293 = 69762.50 → 1395.25.
    expect(linesOf(given)).toEqual({ lines: [62149, 10104, 1395.25, 73648.25], factor: 86, rate: 2, missing: [] })
  })

  it('charges what is by the month to a whole month only: elsewhere the energy’s cost, and no total', () => {
    const expected = { lines: [62149, null, null, null], factor: null, rate: null }
    expect(linesOf({ ...given, isMonth: false })).toEqual({
      ...expected,
      missing: ['basic:month_only', 'pf:month_only'],
    })
    // With nothing charged by the month the energy's cost is the whole cost of any span.
    const onePart = pricesSchema.parse({ energy: prices.energy })
    expect(linesOf({ split, prices: onePart, coverage: 1000, isMonth: false }).lines).toEqual([62149, 0, 0, 62149])
  })

  it('has none where a holiday of the year is not known', () => {
    const unknown = { ...split, unknownHolidays: ['2027 spring_festival'] }
    expect(billOf({ ...given, split: unknown })).toEqual({ bill: null, missing: ['holidays:2027/spring_festival'] })
  })

  it('has none of a span of which too little was metered', () => {
    expect(billOf({ ...given, coverage: 899 })).toEqual({ bill: null, missing: ['coverage:899'] })
    expect(billOf({ ...given, coverage: 900 }).bill).not.toBeNull()
  })

  it('has no partial sum when a price or an input is missing', () => {
    const { peak: _peak, ...energy } = prices.energy
    const { demandKw: _demand, ...rest } = given
    expect(billOf({ ...rest, prices: { ...prices, energy } })).toEqual({
      bill: null,
      missing: ['energy.peak', 'demand_kw'],
    })
  })

  it('rounds money half up, away from zero', () => {
    expect([1005, 1004, -1005].map((n) => formatAmount(roundHalfUp(amount(n, -3), -2)))).toEqual([
      '1.01',
      '1.00',
      '-1.01',
    ])
    expect(formatAmount(roundHalfUp(amount(7, 1), -2))).toBe('70.00')
  })
})
