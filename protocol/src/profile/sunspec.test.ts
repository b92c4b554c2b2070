import { describe, expect, it } from 'vitest'
import { fromHex } from '../modbus/words.js'
import { decodeModbusItem } from './decode.js'
import { findProfile } from './library.js'
import { isSunSpecMarker, placeSunSpecProfile, readSunSpecHeader, readsSunSpecModel } from './sunspec.js'

describe('finding a SunSpec meter', () => {
  const profile = findProfile('sunspec-201')
  if (profile?.protocol !== 'modbus') throw new Error('sunspec-201 is missing')

  it('walks from the marker over the common model to the meter', () => {
    // SunS, common model 1 of 66 registers, meter model 203 of 105, end.
    const map = new Map([
      [40000, '53756e53'],
      [40002, '00010042'],
      [40070, '00cb0069'],
      [40177, 'ffff0000'],
    ])
    const data = (address: number): Uint8Array => fromHex(map.get(address) ?? '')
    expect(isSunSpecMarker(data(40000))).toBe(true)
    const walked: number[] = []
    for (
      let header = readSunSpecHeader(data(40002), 40002);
      header.kind === 'model';
      header = readSunSpecHeader(data(header.next), header.next)
    )
      walked.push(header.id)
    expect(walked).toEqual([1, 203])
    expect(walked.map((id) => readsSunSpecModel(profile, id))).toEqual([false, true])
  })

  it('stops where the map is nonsense', () => {
    expect(readSunSpecHeader(fromHex('00cbffff'), 40070)).toEqual({ kind: 'end' })
    expect(readSunSpecHeader(fromHex('00cb'), 40070)).toEqual({ kind: 'end' })
    expect(isSunSpecMarker(fromHex('53756e00'))).toBe(false)
  })

  it('reads a value and its scale factor where the model was found', () => {
    const placed = placeSunSpecProfile(profile, 40070)
    const item = placed.items.find(({ quantity }) => quantity === 'voltage_l1_n')
    expect([item?.address, item?.scale_factor_address]).toEqual([40078, 40085])
    expect(item && decodeModbusItem(item, placed, fromHex('0901'), undefined, -1)).toEqual({
      ok: true,
      value: { n: 2305, exp: -1 },
    })
  })
})
