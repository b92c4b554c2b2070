import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Amount, formatAmount, toNumber } from '../amount.js'
import { encodeDlt645Value } from '../dlt645/data.js'
import { encodeByHand } from '../modbus/encode-by-hand.js'
import { integerRange } from '../modbus/words.js'
import { columnExponent, type DecodedValue, decodeDlt645Item, decodeModbusItem } from './decode.js'
import { loadBuiltinProfiles } from './library.js'

/** Registers written by an independent encoder must read back, through the profile, as the plain school product. */
const RUNS = { numRuns: 25 }
const profiles = loadBuiltinProfiles()

/** `n × scale` by moving the point in text, no amounts involved; trailing zeros of the fraction dropped. */
function product(n: bigint, scale: string, ratio = 1n): string {
  const [whole = '', fraction = ''] = scale.split('.')
  const value = n * BigInt(whole + fraction) * ratio
  const digits = (value < 0n ? -value : value).toString().padStart(fraction.length + 1, '0')
  const point = digits.length - fraction.length
  return plain(`${value < 0n ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`)
}
const plain = (text: string): string => (text.includes('.') ? text.replace(/\.?0*$/, '') : text)
const textOf = (decoded: DecodedValue): string => (decoded.ok ? plain(formatAmount(decoded.value)) : decoded.absent)
const fits = (n: bigint, factor: bigint): boolean => (n < 0n ? -n : n) * factor <= BigInt(Number.MAX_SAFE_INTEGER)

const RATIO: { ct: Amount; pt: Amount } = { ct: { n: 40, exp: 0 }, pt: { n: 10, exp: -1 } }

describe('every profile reads what an independent encoder wrote', () => {
  const modbus = profiles.filter((profile) => profile.protocol === 'modbus')
  it.each(modbus.map((profile) => [profile.id, profile] as const))('%s', (_, profile) => {
    for (const item of profile.items) {
      const order = item.word_order ?? profile.word_order
      const { type } = item
      if (type === 'f32' || type === 'f64') {
        const values =
          type === 'f32'
            ? fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })
            : fc.double({ noNaN: true, min: -1e9, max: 1e9 })
        fc.assert(
          fc.property(values, (value) => {
            const decoded = decodeModbusItem(item, profile, encodeByHand(type, value, order))
            const exact = value * Number(item.scale)
            expect(decoded.ok && decoded.value.exp).toBe(columnExponent(item))
            const error = decoded.ok ? Math.abs(toNumber(decoded.value) - exact) : Number.NaN
            expect(error).toBeLessThanOrEqual(0.5 * 10 ** columnExponent(item) + 1e-12 * Math.abs(exact))
          }),
          RUNS,
        )
        continue
      }
      const [min, max] = integerRange(type)
      fc.assert(
        fc.property(fc.bigInt({ min, max }), (n) => {
          const bytes = encodeByHand(type, n, order)
          const hex = [...encodeByHand(type, n, 'high_first')]
            .map((byte) => byte.toString(16).padStart(2, '0'))
            .join('')
          fc.pre(!(item.not_available ?? []).includes(hex))
          fc.pre(fits(n, BigInt(item.scale.replace('.', '')) * 40n))
          const factor = item.scale_factor_address === undefined ? undefined : 0
          expect(textOf(decodeModbusItem(item, profile, bytes, undefined, factor))).toBe(product(n, item.scale))
          const ratio = item.ratio === 'ct' || item.ratio === 'ct_pt' ? 40n : 1n
          expect(textOf(decodeModbusItem(item, profile, bytes, RATIO, factor))).toBe(product(n, item.scale, ratio))
        }),
        RUNS,
      )
      for (const mark of item.not_available ?? []) {
        const raw = BigInt(`0x${mark}`)
        const n = raw > max ? raw - 2n ** BigInt(4 * mark.length) : raw
        expect(textOf(decodeModbusItem(item, profile, encodeByHand(type, n, order)))).toBe('not_available')
      }
    }
  })

  const dlt645 = profiles.filter((profile) => profile.protocol === 'dlt645')
  it.each(dlt645.map((profile) => [profile.id, profile] as const))('%s', (_, profile) => {
    for (const item of profile.items) {
      const most = (item.signed ? 8n * 10n ** BigInt(2 * item.bytes - 1) : 10n ** BigInt(2 * item.bytes)) - 1n
      fc.assert(
        fc.property(fc.bigInt({ min: item.signed ? -most : 0n, max: most }), (n) => {
          const data = new Uint8Array(item.offset + item.bytes + 2).fill(0xff)
          data.set(encodeDlt645Value(n, item.bytes, item.signed) ?? [], item.offset)
          expect(textOf(decodeDlt645Item(item, data))).toBe(product(n, item.scale))
        }),
        RUNS,
      )
      expect(decodeDlt645Item(item, new Uint8Array(item.offset))).toEqual({ ok: false, absent: 'not_available' })
    }
  })

  it('would notice a profile with the words the wrong way round', () => {
    const right = modbus.find(({ id }) => id === 'peacefair-pzem-016')
    const item = right?.items.find(({ quantity }) => quantity === 'energy_active_import_total')
    const written = encodeByHand('u32', 38n, 'low_first')
    expect(right && item && textOf(decodeModbusItem(item, right, written))).toBe('0.038')
    expect(right && item && textOf(decodeModbusItem(item, { ...right, word_order: 'high_first' }, written))).not.toBe(
      '0.038',
    )
  })
})
