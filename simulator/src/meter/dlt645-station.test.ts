import { formatAmount } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import { Plant } from '../plant/plant.js'
import { type PlantSpec, plantSpecSchema } from '../plant/schema.js'
import { Dlt645Meter } from './dlt645-meter.js'
import { Dlt645Station } from './dlt645-station.js'

const AT = Date.UTC(2026, 10, 23, 2, 0, 0)
const ADDRESS = '000000000161'
const profiles = loadBuiltinProfiles()

function newMeter(profileId = 'dlt645-2007-3p', extra: object = {}): Dlt645Meter {
  const spec: PlantSpec = plantSpecSchema.parse({
    since: AT - 86_400_000,
    loads: [{ id: 'press', kind: 'press', ratedW: 40_000 }],
    meters: [
      { id: 'it', profile: profileId, address: ADDRESS, loads: ['press'], ct: 20, startReading: '123456.78', ...extra },
    ],
  })
  const plant = new Plant(spec)
  const profile = profiles.find(({ id }) => id === profileId)
  if (profile?.protocol !== 'dlt645') throw new Error(`no DL/T 645 profile ${profileId}`)
  return new Dlt645Meter(plant.meter('it'), profile, plant)
}
const newStation = (meter = newMeter()): Dlt645Station => new Dlt645Station(meter, { baud: 2400, format: '8E1' })
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')

/** Asks with a request given as hex, checksum included; gives the answer as hex. */
function ask(station: Dlt645Station, request: string, strict = false): string {
  return hex(station.hear(Uint8Array.from(Buffer.from(request.replaceAll(' ', ''), 'hex')), strict)?.(AT))
}

/** A request around data that is not yet shifted. */
function request(control: number, data: readonly number[], address = '610100000000'): string {
  const body = [
    0x68,
    ...Buffer.from(address, 'hex'),
    0x68,
    control,
    data.length,
    ...data.map((byte) => (byte + 0x33) & 0xff),
  ]
  const sum = body.reduce((total, byte) => (total + byte) & 0xff, 0)
  return `fefefefe${Buffer.from([...body, sum, 0x16]).toString('hex')}`
}

describe('a DL/T 645 meter', () => {
  it.each([
    ['201000000012', 0, '681200000010206893064533333343531f16'],
    ['181226034194', 4, 'fefefefe68944103261218689306c7743659454beb16'],
    ['000010604867', 4, 'fefefefe686748601000006893069a7b93433333d916'],
    ['000000193600', 0, '6800361900000068930633694c3333333916'],
  ])('tells its address %s byte for byte as real meters did in captures', (address, wakeUps, captured) => {
    const station = newStation(newMeter('dlt645-2007-3p', { address, wakeUps }))
    expect(ask(station, '68 aaaaaaaaaaaa 68 13 00 df 16')).toBe(captured)
  })

  it('answers its own address and wildcards, nobody else’s, and never an answer', () => {
    const station = newStation()
    const energy = [0, 0, 1, 0]
    expect(ask(station, request(0x11, energy))).toMatch(/^fefefefe68610100000000689108/)
    expect(ask(station, request(0x11, energy, '6101aaaaaaaa'))).toMatch(/^fefefefe68610100000000689108/)
    expect(ask(station, request(0x11, energy, '620100000000'))).toBe('')
    expect(ask(station, request(0x91, energy))).toBe('')
  })

  it('shows in BCD what it tells as truth', () => {
    const meter = newMeter()
    const data = meter.data('00010000', AT) ?? new Uint8Array()
    const digits = hex(data.slice().reverse())
    expect(`${Number(digits.slice(0, 6))}.${digits.slice(6)}`).toBe(
      formatAmount(meter.registerAmount('energy_active_import_total', AT) ?? { n: 0, exp: 0 }),
    )
  })

  it('gives one item of a block alone, and says what it does not know', () => {
    const meter = newMeter()
    const block = meter.data('0201ff00', AT) ?? new Uint8Array()
    expect(hex(meter.data('02010200', AT))).toBe(hex(block.slice(2, 4)))
    expect(hex(meter.data('02030000', AT))).toBe(hex(meter.data('0203ff00', AT)?.slice(0, 3)))
    expect(ask(newStation(), request(0x11, [0, 0, 0xee, 0x0e]))).toMatch(/68d10135/)
  })

  it('sends long data in follow-up frames', () => {
    const meter = newMeter('dlt645-2007-3p', { frameDataBytes: 8 })
    const station = newStation(meter)
    const whole = hex(meter.data('0001ff00', AT))
    const data = (answer: string): string => {
      const bytes = Buffer.from(answer, 'hex').subarray(4)
      return Buffer.from(bytes.subarray(10, -2).map((byte) => (byte - 0x33) & 0xff)).toString('hex')
    }
    const first = ask(station, request(0x11, [0, 0xff, 1, 0]))
    const second = ask(station, request(0x12, [0, 0xff, 1, 0, 1]))
    const third = ask(station, request(0x12, [0, 0xff, 1, 0, 2]))
    expect([first, second, third].map((answer) => answer.slice(24, 26))).toEqual(['b1', 'b2', '92'])
    expect(data(first).slice(8) + data(second).slice(8, -2) + data(third).slice(8, -2)).toBe(whole)
    expect([data(second).slice(-2), data(third).slice(-2)]).toEqual(['01', '02'])
  })

  it('speaks the 1997 edition with two-byte identifiers', () => {
    const station = newStation(newMeter('dlt645-1997'))
    expect(ask(station, request(0x01, [0x10, 0x90]))).toMatch(/^fefefefe6861010000000068810643c3/)
    expect(ask(station, request(0x11, [0, 0, 1, 0]))).toBe('')
  })

  it('never answers a write or a relay command', () => {
    for (const control of [0x08, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c]) {
      expect(ask(newStation(), request(control, [0, 0, 1, 0])), control.toString(16)).toBe('')
    }
  })

  it('finds its request behind noise unless it is strict', () => {
    const noisy = `00ff68${request(0x11, [0, 0, 1, 0])}`
    expect(ask(newStation(), noisy)).not.toBe('')
    expect(ask(newStation(), noisy, true)).toBe('')
    expect(ask(newStation(), request(0x11, [0, 0, 1, 0]), true)).not.toBe('')
  })

  it('builds from every DL/T 645 profile of the library and has data for each of its items', () => {
    for (const profile of profiles) {
      if (profile.protocol !== 'dlt645') continue
      const meter = newMeter(profile.id)
      for (const item of profile.items) {
        expect(meter.data(item.di, AT)?.length, `${profile.id} ${item.di}`).toBeGreaterThanOrEqual(
          item.offset + item.bytes,
        )
      }
    }
  })
})
