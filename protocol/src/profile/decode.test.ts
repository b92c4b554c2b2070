import { describe, expect, it } from 'vitest'
import { type Amount, formatAmount } from '../amount.js'
import { encodeByHand } from '../modbus/encode-by-hand.js'
import { fromHex } from '../modbus/words.js'
import { columnExponent, decodeModbusItem, groupOf, itemModulus } from './decode.js'
import { type ModbusItem, modbusItemSchema } from './schema.js'

const HIGH = { word_order: 'high_first' } as const
const item = (fields: Record<string, unknown>): ModbusItem =>
  modbusItemSchema.parse({ quantity: 'energy_active_import_total', address: 0, type: 'u32', ...fields })
const whole = (n: number): Amount => ({ n, exp: 0 })
const text = (value: Amount | undefined): string => (value ? formatAmount(value) : 'none')

describe('decoding a value', () => {
  it('rounds a float half to even, once', () => {
    const volts = item({ quantity: 'voltage_l1_n', type: 'f64', exponent: -1 })
    const read = (value: number): string => {
      const decoded = decodeModbusItem(volts, HIGH, encodeByHand('f64', value, 'high_first'))
      return decoded.ok ? formatAmount(decoded.value) : decoded.absent
    }
    expect(read(230.25)).toBe('230.2')
    expect(read(230.75)).toBe('230.8')
    // 0.15 in binary is a little below: by decimal printout it would go up.
    expect(read(0.15)).toBe('0.1')
    expect(read(1e300)).toBe('out_of_range')
  })

  it('makes kilowatts of a float into watts without a second rounding', () => {
    const power = item({ quantity: 'power_active_total', type: 'f32', scale: '1000', exponent: -1 })
    const decoded = decodeModbusItem(power, HIGH, fromHex('3e669ad4'))
    expect(decoded).toEqual({ ok: true, value: { n: 2252, exp: -1 } })
  })

  it('multiplies by the ratio exactly, with a finer column where the ratio has decimals', () => {
    const energy = item({ scale: '0.01', ratio: 'ct_pt' })
    const ratio = { ct: { n: 15, exp: -1 }, pt: { n: 1000, exp: -1 } }
    const decoded = decodeModbusItem(energy, HIGH, fromHex('00000001'), ratio)
    expect(decoded).toEqual({ ok: true, value: { n: 150, exp: -2 } })
    expect(columnExponent(energy)).toBe(-2)
    const finer = { ct: { n: 15, exp: -1 }, pt: whole(1) }
    expect(decodeModbusItem(energy, HIGH, fromHex('00000001'), finer)).toEqual({ ok: true, value: { n: 15, exp: -3 } })
    expect(columnExponent(energy, finer)).toBe(-3)
  })

  it('needs the scale factor where there is one, and takes none for "not implemented"', () => {
    const amps = item({ quantity: 'current_l1', type: 'i16', scale_factor_address: 4, exponent: -3 })
    expect(decodeModbusItem(amps, HIGH, fromHex('04d2'), undefined, -2)).toEqual({
      ok: true,
      value: { n: 12340, exp: -3 },
    })
    expect(decodeModbusItem(amps, HIGH, fromHex('04d2'))).toEqual({ ok: false, absent: 'not_available' })
    expect(decodeModbusItem(amps, HIGH, fromHex('04d2'), undefined, -32768)).toEqual({
      ok: false,
      absent: 'not_available',
    })
    const fine = decodeModbusItem(amps, HIGH, fromHex('04d3'), undefined, -5)
    expect(fine).toEqual({ ok: true, value: { n: 12, exp: -3 } })
  })

  it('never counts what is beyond exact integers', () => {
    expect(decodeModbusItem(item({ type: 'u64' }), HIGH, fromHex('ffffffffffffffff'))).toEqual({
      ok: false,
      absent: 'out_of_range',
    })
  })

  it('knows where a counter starts again', () => {
    expect(text(itemModulus(item({ scale: '0.01' })))).toBe('42949672.96')
    expect(text(itemModulus(item({ scale: '0.01', modulus: '100000000' })))).toBe('1000000.00')
    expect(text(itemModulus(item({ type: 'bcd32', scale: '0.01' })))).toBe('1000000.00')
    expect(text(itemModulus(item({ scale: '0.01', ratio: 'ct_pt' }), { ct: whole(40), pt: whole(1) }))).toBe(
      '1717986918.40',
    )
    expect(text(itemModulus(item({ type: 'bcd64', scale: '0.01' })))).toBe('100000000000000.0')
    for (const type of ['f32', 'i32', 'u64']) expect(itemModulus(item({ type, exponent: 0 }))).toBeUndefined()
    expect(itemModulus(item({ quantity: 'voltage_l1_n' }))).toBeUndefined()
  })

  it('polls counters with energy and gauges with power unless told', () => {
    expect(groupOf(item({}))).toBe('energy')
    expect(groupOf(item({ quantity: 'voltage_l1_n' }))).toBe('power')
    expect(groupOf(item({ group: 'rare' }))).toBe('rare')
  })
})
