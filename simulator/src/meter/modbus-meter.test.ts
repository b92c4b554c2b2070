import { formatAmount } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import { demoPlant } from '../plant/demo-plant.js'
import { Plant } from '../plant/plant.js'
import { plantSpecSchema } from '../plant/schema.js'
import { hasGoodCrc, withCrc } from './crc16.js'
import { ModbusMeter } from './modbus-meter.js'
import { fractionOf, packRegisters, rawRegister } from './register-value.js'
import { sunspecModelAddress } from './sunspec.js'

const AT = Date.UTC(2026, 10, 23, 2, 0, 0)
const profiles = loadBuiltinProfiles()

function meter(id: string): ModbusMeter {
  const plant = new Plant(demoPlant(1))
  const spec = plant.meter(id)
  const profile = profiles.find((candidate) => candidate.id === spec.profile)
  if (profile?.protocol !== 'modbus') throw new Error(`no Modbus profile ${spec.profile}`)
  return new ModbusMeter(spec, profile, plant)
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('register content', () => {
  const shape = { scale: fractionOf('1'), exponent: 0, ratio: 1n, modulus: undefined } as const
  it('packs the textbook patterns', () => {
    expect(packRegisters({ kind: 'float', raw: 230.5 }, 'f32', 'high_first')).toEqual([0x4366, 0x8000])
    expect(packRegisters({ kind: 'float', raw: 230.5 }, 'f32', 'low_first')).toEqual([0x8000, 0x4366])
    expect(packRegisters({ kind: 'integer', raw: -2n }, 'i32', 'high_first')).toEqual([0xffff, 0xfffe])
    expect(packRegisters({ kind: 'integer', raw: 12345678n }, 'bcd32', 'high_first')).toEqual([0x1234, 0x5678])
    expect(packRegisters({ kind: 'integer', raw: 0x0102030405060708n }, 'u64', 'low_first')).toEqual([
      0x0708, 0x0506, 0x0304, 0x0102,
    ])
  })

  it('cuts counters off, divides by the ratio first and wraps', () => {
    const counter = { kind: 'counter', numerator: 123_456_789n, denominator: 1000n } as const
    expect(rawRegister(counter, { ...shape, type: 'u32', scale: fractionOf('0.01'), ratio: 40n })).toEqual({
      kind: 'integer',
      raw: 308_641n,
    })
    expect(rawRegister(counter, { ...shape, type: 'u16' })).toEqual({ kind: 'integer', raw: 123_456n % 65_536n })
    expect(rawRegister(counter, { ...shape, type: 'u32', modulus: 100_000n })).toEqual({
      kind: 'integer',
      raw: 23_456n,
    })
    expect(rawRegister(counter, { ...shape, type: 'f32', exponent: -2 })).toEqual({
      kind: 'float',
      raw: Math.fround(123_456.78),
    })
  })

  it('seals frames with the CRC of the guide: 02 07 gives 41 12', () => {
    expect(hex(withCrc(Uint8Array.of(2, 7)))).toBe('02074112')
    expect(hasGoodCrc(Uint8Array.of(2, 7, 0x41, 0x12))).toBe(true)
    expect(hasGoodCrc(Uint8Array.of(2, 7, 0x41, 0x13))).toBe(false)
  })
})

describe('a meter built from its profile', () => {
  it('shows the same value in registers as it tells as truth', () => {
    const sdm = meter('main')
    const outcome = sdm.read(4, 0, 2, AT)
    if ('exception' in outcome) throw new Error(`exception ${outcome.exception}`)
    const volts = new DataView(outcome.data.buffer).getFloat32(0)
    expect(volts.toFixed(1)).toBe(formatAmount(sdm.registerAmount('voltage_l1_n', AT) ?? { n: 0, exp: 0 }))
  })

  it('refuses what the real one refuses: function, length, alignment, forbidden and undocumented addresses', () => {
    const sdm = meter('main')
    expect(sdm.read(3, 0, 2, AT)).toEqual({ exception: 1 })
    expect(sdm.read(4, 0, 126, AT)).toEqual({ exception: 3 })
    expect(sdm.read(4, 0, 82, AT)).toEqual({ exception: 2 })
    expect(sdm.read(4, 1, 2, AT)).toEqual({ exception: 2 })
    expect(sdm.read(4, 106, 4, AT)).toEqual({ exception: 2 })
    expect(sdm.read(4, 5000, 2, AT)).toEqual({ exception: 2 })
  })

  it('holds secondary values where the profile says so', () => {
    const dtsu = meter('press-1')
    const primary = new Plant(demoPlant(1)).truthAt('press-1', AT)
    const shown = dtsu.registerAmount('power_active_total', AT)
    const watts = (shown?.n ?? 0) * 10 ** (shown?.exp ?? 0) * 40
    const truth = primary.electrical.activeW.reduce((sum, phase) => sum + phase, 0)
    expect(Math.abs(watts - truth)).toBeLessThanOrEqual(40)
    expect(truth).toBeGreaterThan(1000)
  })

  it('serves its own ratios', () => {
    expect(meter('press-1').read(3, 6, 2, AT)).toEqual({ data: Uint8Array.of(0, 40, 0, 10) })
  })

  it('lays out a SunSpec map that can be walked: marker, common model, meter model, end', () => {
    const profile = profiles.find(({ id }) => id === 'sunspec-201')
    if (profile?.protocol !== 'modbus') throw new Error('no profile sunspec-201')
    const plant = new Plant(demoPlant(1))
    const built = new ModbusMeter({ ...plant.meter('main'), profile: profile.id }, profile, plant)
    const words = (address: number, count: number): number[] => {
      const outcome = built.read(3, address, count, AT)
      if ('exception' in outcome) throw new Error(`exception ${outcome.exception}`)
      return Array.from({ length: count }, (_, i) => Buffer.from(outcome.data).readUInt16BE(2 * i))
    }
    expect(words(40_000, 4)).toEqual([0x5375, 0x6e53, 1, 66])
    expect(words(40_070, 2)).toEqual([203, 105])
    expect(words(40_070 + 107, 2)).toEqual([0xffff, 0])
    // Watts and their scale factor: 10^1.
    expect(words(40_070 + 22, 1)).toEqual([1])
    expect(built.registerAmount('power_active_total', AT)).toEqual({
      n: (words(40_070 + 18, 1)[0] ?? 0) * 100,
      exp: -1,
    })
  })

  it('builds from every Modbus profile of the library and answers each item on its own', () => {
    for (const profile of profiles) {
      if (profile.protocol !== 'modbus') continue
      const spec = plantSpecSchema.parse({
        loads: [{ id: 'press', kind: 'press', ratedW: 40_000 }],
        meters: [{ id: 'it', profile: profile.id, unit: 1, loads: ['press'], ct: 20, startReading: '123456.78' }],
      })
      const plant = new Plant(spec)
      const base = sunspecModelAddress(profile)
      const built = new ModbusMeter(plant.meter('it'), profile, plant)
      for (const item of profile.items) {
        const registers = {
          u16: 1,
          i16: 1,
          bcd16: 1,
          bit: 1,
          u32: 2,
          i32: 2,
          f32: 2,
          bcd32: 2,
          u64: 4,
          i64: 4,
          f64: 4,
          bcd64: 4,
        }[item.type]
        const even = profile.alignment === 'even' ? registers + (registers % 2) : registers
        const outcome = built.read(item.function ?? profile.read_function, base + item.address, even, AT)
        expect(outcome, `${profile.id} ${item.quantity} at ${item.address}`).toHaveProperty('data')
      }
    }
  })
})
