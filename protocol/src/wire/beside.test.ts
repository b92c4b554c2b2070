import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBeside, encodeBeside } from './beside.js'
import { isObject } from './canonical.js'
import { encodeColumn } from './columns.js'

const rows = (make: (row: number) => number): number[] => Array.from({ length: 40 }, (_, row) => make(row))
/** A press that comes and goes: nothing a difference could foretell. */
const current = rows((row) => 20_000 + ((row * row * 7919) % 1009) * 15)

describe('a column beside earlier ones', () => {
  it('is short where three phases carry nearly the same', () => {
    const second = current.map((value, row) => Math.round(value * 0.957) + (row % 5) - 2)
    const plain = encodeColumn(second)
    const written = encodeBeside(second, plain, [undefined, current], undefined)
    expect(JSON.stringify(written).length).toBeLessThan(JSON.stringify(plain).length / 1.5)
    expect(decodeBeside(written, 40, [undefined, current])).toEqual(second)
  })

  it('is nothing but its parts where a total is their sum', () => {
    const [a, b] = [current.map((value) => value * 2), rows((row) => 30 * row)]
    const total = current.map((value, row) => value + (a[row] ?? 0) + (b[row] ?? 0))
    const written = encodeBeside(total, encodeColumn(total), [current, a, b], [0, 1, 2])
    expect(written).toEqual({ sum: [0, 1, 2], plus: 0 })
    expect(decodeBeside(written, 40, [current, a, b])).toEqual(total)
  })

  it('comes back as it went, whatever the columns are', () => {
    const column = fc.array(fc.maxSafeInteger(), { minLength: 20, maxLength: 20 })
    const small = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 20, maxLength: 20 })
    fc.assert(
      fc.property(
        fc.array(fc.oneof(column, small), { minLength: 4, maxLength: 4 }),
        ([a = [], b = [], c = [], last = []]) => {
          const written = encodeBeside(last, encodeColumn(last), [a, b, c], [0, 1, 2])
          if (isObject(written) && 'plus' in written)
            expect(decodeBeside(JSON.parse(JSON.stringify(written)), 20, [a, b, c])).toEqual(last)
        },
      ),
    )
  })

  it.each([
    ['a column that is not there', { near: [3, 1024], plus: 0 }],
    ['itself', { near: [1, 1024], plus: 0 }],
    ['a column without numbers', { near: [0, 1024], plus: 0 }],
    ['a fraction of a factor', { near: [1, 0.5], plus: 0 }],
    ['a factor beyond all measure', { near: [1, 2 ** 40], plus: 0 }],
    ['too few rows', { near: [1, 1024], plus: [1, 2] }],
    ['sums beyond exact integers', { near: [1, 1024], plus: Number.MAX_SAFE_INTEGER }],
    ['both forms at once', { near: [1, 1024], sum: [1, 1], plus: 0 }],
    ['a sum of one', { sum: [1], plus: 0 }],
    ['a sum of a thousand', { sum: new Array(1000).fill(1), plus: 0 }],
  ])('is refused beside %s', (what, column) => {
    expect(decodeBeside(column, 40, what === 'itself' ? [undefined] : [undefined, current])).toBeUndefined()
  })
})
