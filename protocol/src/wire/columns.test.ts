import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeColumn, encodeColumn } from './columns.js'

const anything = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.string(),
  fc.constantFrom(null, true, 'S', 'U', 5),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0),
)

describe('a column', () => {
  it('comes back as it went, whatever is in it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(fc.maxSafeInteger()), fc.array(anything)), (values) => {
        const column: unknown = JSON.parse(JSON.stringify(encodeColumn(values)))
        expect(decodeColumn(column, values.length)).toEqual(values)
      }),
    )
  })

  it.each([
    ['the same in every row', [5, 5, 5], 5],
    ['a steady step', [1000, 11_000, 21_000, 31_001], { dd: [1000, 10_000, 0, 1] }],
    ['small changes of a large number', [230_512, 230_514, 230_511], [230_512, 2, -3]],
    [
      'a change once in a while',
      ['S', 'S', 'S', 'U', 'U'],
      {
        runs: [
          [3, 'S'],
          [2, 'U'],
        ],
      },
    ],
    ['differences beyond exact integers', [Number.MAX_SAFE_INTEGER, -5], { raw: [Number.MAX_SAFE_INTEGER, -5] }],
    ['one lone integer', [7], 7],
    ['no row', [], []],
  ])('is written in the shortest readable form: %s', (_, values, column) => {
    expect(encodeColumn(values)).toEqual(column)
  })

  it.each([
    ['too few rows', [1, 2], 3],
    ['too many rows', { raw: [1, 2, 3] }, 2],
    ['runs that do not add up', { runs: [[2, 1]] }, 3],
    ['a run of a billion', { runs: [[1e9, 1]] }, 3],
    ['two forms at once', { raw: [1], dd: [1] }, 1],
    ['an unknown form', { ddd: [1] }, 1],
    ['a sum beyond exact integers', [Number.MAX_SAFE_INTEGER, 1], 2],
    ['a fraction among differences', [1, 0.5], 2],
  ])('is refused with %s', (_, column, rows) => {
    expect(decodeColumn(column, rows)).toBeUndefined()
  })
})
