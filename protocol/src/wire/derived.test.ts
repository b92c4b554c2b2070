import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QUANTITY_NAMES, quantityNameSchema } from '../quantity/quantity.js'
import { decodeDerived, encodeDerived, type Law, lawFor, lawForFormat2, NAME_COSTS } from './derived.js'
import { NUMBERED_QUANTITIES, numberOf } from './quantity-numbers.js'

const NAMES = [
  'voltage_l1_n',
  'voltage_l2_n',
  'current_l1',
  'current_l2',
  'power_active_l1',
  'power_active_l2',
  'power_active_total',
  'power_apparent_total',
  'power_reactive_total',
  'power_factor_total',
  'voltage_l1_l2',
]
const EXPS = [-1, -1, -3, -3, -1, -1, -1, -1, -1, -3, -1]
const law = (name: string): Law | undefined => lawFor(NAMES, EXPS, NAMES.indexOf(name))
const one = (...row: number[]) => row.map((value) => [value])
const given = (name: string, row: readonly number[]): number | undefined =>
  decodeDerived({ by: 0 }, 1, one(...row), law(name))?.[0]

describe('a column by the law of its quantity', () => {
  // A press at 230.1 V, 12.361 A and 229.5 V, 11.821 A under a power factor of 0.66.
  const row = [2301, 2295, 12_361, 11_821, 18_772, 17_905, 36_677, 55_571, 41_748, 660, 3980]

  it.each([
    ['power_active_l2', Math.round((18_772 * 2295 * 11_821) / (2301 * 12_361))],
    ['power_reactive_total', Math.round(Math.sqrt(55_571 ** 2 - 36_677 ** 2))],
    ['power_factor_total', 660],
    ['voltage_l1_l2', Math.round(Math.sqrt(2301 ** 2 + 2295 ** 2 + 2301 * 2295))],
  ])('%s', (name, expected) => {
    expect(given(name, row)).toBe(expected)
  })

  it('along the first phase: what is left changes from row to row, and format 2 has none of it', () => {
    const [first, second] = [
      [10_000, 20_000, 20_000, 0, 5_000],
      [9_000, 18_010, 18_000, 3, 4_000],
    ]
    const column = encodeDerived(second ?? [], second ?? [], [first], { along: 0 }, NAME_COSTS)
    // Expected of the rows after the first: 18,000, 18,010, 0, and where nothing flowed before, 0.
    expect(column).toEqual({ by: [9_000, 10, -10, 3, 4_000] })
    expect(decodeDerived(column, 5, [first], { along: 0 })).toEqual(second)
    expect(decodeDerived(column, 5, [undefined], { along: 0 })).toBeUndefined()
    expect(law('current_l2')).toEqual({ along: 2 })
    expect(law('power_active_l1')).toEqual({ along: 2 })
    expect(lawForFormat2(NAMES, EXPS, NAMES.indexOf('current_l2'))).toBeUndefined()
    expect(lawForFormat2(NAMES, EXPS, NAMES.indexOf('power_active_l2'))).toEqual(law('power_active_l2'))
  })

  it('adds up apparent power of the phases that are there, and needs all three', () => {
    expect(law('power_apparent_total')).toBeUndefined()
    const phases = [1, 2, 3].flatMap((each) => [`voltage_l${each}_n`, `current_l${each}`])
    const three = lawFor([...phases, 'power_apparent_total'], [-1, -3, -1, -3, -1, -3, -1], 6)
    expect(three).toEqual({ dot: [0, 1, 2, 3, 4, 5], over: 1000 })
    expect(decodeDerived({ by: 0 }, 1, one(2300, 1000, 2300, 1000, 2300, 2000), three)).toEqual([9200])
  })

  it('counts as 0 where it has no result: nothing flows, or the meter contradicts itself', () => {
    expect(given('power_factor_total', [0, 0, 0, 0, 0, 0, 0, 0])).toBe(0)
    expect(given('power_reactive_total', [0, 0, 0, 0, 0, 0, 2, 1])).toBe(0)
  })

  it('is asked only of columns that stand before it', () => {
    expect(
      lawFor(['power_factor_total', 'power_active_total', 'power_apparent_total'], [-3, -1, -1], 0),
    ).toBeUndefined()
  })

  it('comes back as it went, whatever the columns are', () => {
    const six = (cell: fc.Arbitrary<number>) => fc.array(cell, { minLength: 6, maxLength: 6 })
    const usual = { arbitrary: six(fc.integer({ min: -30_000, max: 30_000 })), weight: 20 }
    const column = fc.oneof(usual, { arbitrary: six(fc.maxSafeInteger()), weight: 1 })
    const columns = fc.array(column, { minLength: 11, maxLength: 11 })
    let written = 0
    fc.assert(
      fc.property(columns, (all) => {
        for (const [index, values] of all.entries()) {
          const rule = lawFor(NAMES, EXPS, index)
          const form = encodeDerived(
            values,
            { raw: [...values, 'as long as can be'.repeat(9)] },
            all.slice(0, index),
            rule,
          )
          if (typeof form !== 'object' || form === null || !('by' in form)) continue
          written += 1
          expect(decodeDerived(JSON.parse(JSON.stringify(form)), 6, all.slice(0, index), rule)).toEqual(values)
        }
      }),
      { numRuns: 300 },
    )
    expect(written).toBeGreaterThan(100)
  })

  it.each([
    ['no law', { by: 0 }, undefined],
    ['too few rows', { by: [1, 2] }, law('power_factor_total')],
    ['something else in it', { by: 0, plus: 0 }, law('power_factor_total')],
    ['no column', { by: 'x' }, law('power_factor_total')],
    ['sums beyond exact integers', { by: Number.MAX_SAFE_INTEGER }, law('power_factor_total')],
  ])('is refused with %s', (_, column, rule) => {
    expect(decodeDerived(column, 1, one(...row), rule)).toBeUndefined()
  })

  it('is refused beside a column without numbers', () => {
    expect(decodeDerived({ by: 0 }, 1, [undefined], law('power_factor_total'))).toBeUndefined()
  })
})

describe('numbers of quantities', () => {
  it('name each quantity once, and give it back', () => {
    expect(new Set(NUMBERED_QUANTITIES).size).toBe(NUMBERED_QUANTITIES.length)
    const numbered = NUMBERED_QUANTITIES.map((name) => numberOf(name))
    expect(numbered).toEqual(NUMBERED_QUANTITIES.map((_, index) => index))
    expect([...QUANTITY_NAMES].sort()).toEqual([...NUMBERED_QUANTITIES].sort())
  })

  it('stay what they are: these lie in stores and clouds', () => {
    expect(
      ['voltage_l1_n', 'power_active_total', 'energy_active_import_total'].map((name) =>
        numberOf(quantityNameSchema.parse(name)),
      ),
    ).toEqual([0, 14, 34])
  })
})
