import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RegisterType } from '../profile/schema.js'
import { encodeByHand } from './encode-by-hand.js'
import { decodeRaw, encodeRaw, fromHex, integerRange, toHex, type WordOrder } from './words.js'

const INTEGERS = ['u16', 'i16', 'u32', 'i32', 'u64', 'i64', 'bcd16', 'bcd32', 'bcd64', 'bit'] as const
const ORDERS: readonly WordOrder[] = ['high_first', 'low_first']

describe('register words', () => {
  it.each(INTEGERS.flatMap((type) => ORDERS.map((order) => [type, order] as const)))(
    'reads back every %s, %s, as an independent encoder wrote it',
    (type, order) => {
      const [min, max] = integerRange(type)
      fc.assert(
        fc.property(fc.bigInt({ min, max }), (n) => {
          const bytes = encodeByHand(type, n, order)
          expect(decodeRaw(type, bytes, order)).toEqual({ ok: true, value: { kind: 'integer', n } })
          expect(encodeRaw(type, n, order)).toEqual(bytes)
        }),
        { numRuns: 300 },
      )
    },
  )

  it.each(ORDERS)('reads back floats, %s', (order) => {
    const back = (type: RegisterType, value: number): void => {
      const bytes = encodeByHand(type, value, order)
      expect(decodeRaw(type, bytes, order)).toEqual({ ok: true, value: { kind: 'float', value } })
      expect(encodeRaw(type, value, order)).toEqual(bytes)
    }
    fc.assert(fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => back('f32', value)))
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => back('f64', value)))
  })

  it('puts the low word first where the meter does', () => {
    expect(decodeRaw('u32', fromHex('00f40000'), 'low_first')).toEqual({
      ok: true,
      value: { kind: 'integer', n: 244n },
    })
    expect(toHex(encodeRaw('u32', 0x12345678n, 'low_first') ?? new Uint8Array())).toBe('56781234')
  })

  it('never makes a number of a "no value" mark, NaN or infinity', () => {
    expect(decodeRaw('u16', fromHex('ffff'), 'high_first', ['ffff'])).toEqual({ ok: false, fault: 'not_available' })
    expect(decodeRaw('i32', fromHex('ffff7fff'), 'low_first', ['7fffffff'])).toEqual({
      ok: false,
      fault: 'not_available',
    })
    for (const bytes of ['7fc00000', 'ffc00001', '7f800000', 'ff800000'])
      expect(decodeRaw('f32', fromHex(bytes), 'high_first')).toEqual({ ok: false, fault: 'not_available' })
  })

  it('refuses BCD that is no decimal, and bytes of another width', () => {
    expect(decodeRaw('bcd32', fromHex('000e0000'), 'high_first')).toEqual({ ok: false, fault: 'bad_frame' })
    expect(decodeRaw('u32', fromHex('0001'), 'high_first')).toEqual({ ok: false, fault: 'bad_frame' })
  })

  it('does not encode what does not fit', () => {
    expect(encodeRaw('u16', 65536, 'high_first')).toBeUndefined()
    expect(encodeRaw('u16', -1, 'high_first')).toBeUndefined()
    expect(encodeRaw('bcd16', 10000, 'high_first')).toBeUndefined()
    expect(encodeRaw('i16', 0.5, 'high_first')).toBeUndefined()
  })
})
