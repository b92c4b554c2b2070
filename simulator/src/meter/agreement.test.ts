import { compare, decodeDlt645Item, decodeModbusItem, type MeterProfile } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import { Plant } from '../plant/plant.js'
import { type PlantSpec, plantSpecSchema } from '../plant/schema.js'
import { Dlt645Meter } from './dlt645-meter.js'
import { ModbusMeter } from './modbus-meter.js'
import { registersOf } from './register-value.js'
import { scaleFactorOf, sunspecModelAddress } from './sunspec.js'

const AT = Date.UTC(2026, 10, 23, 2, 0, 0)

function plantFor(profile: MeterProfile): Plant {
  const spec: PlantSpec = plantSpecSchema.parse({
    since: AT - 86_400_000,
    loads: [{ id: 'press', kind: 'press', ratedW: 40_000 }],
    meters: [
      {
        id: 'it',
        profile: profile.id,
        unit: 1,
        address: '000000000161',
        loads: ['press'],
        ct: 20,
        startReading: '23456.78',
      },
    ],
  })
  return new Plant(spec)
}

/** Reader and simulator were written apart; where they agree on every register, a mistake would have to be made twice. */
describe('what the protocol decodes is what the simulated meter shows', () => {
  const profiles = loadBuiltinProfiles()

  it.each(profiles.filter(({ protocol }) => protocol === 'modbus').map(({ id }) => [id]))('%s', (id) => {
    const profile = profiles.find((candidate) => candidate.id === id)
    if (profile?.protocol !== 'modbus') throw new Error(`no profile ${id}`)
    const plant = plantFor(profile)
    const meter = new ModbusMeter(plant.meter('it'), profile, plant)
    let agreed = 0
    for (const item of profile.items) {
      const shown = meter.registerAmount(item.quantity, AT)
      const first = profile.items.find(({ quantity }) => quantity === item.quantity)
      if (!shown || first !== item) continue
      const registers = registersOf(item.type)
      const asked = profile.alignment === 'even' ? registers + (registers % 2) : registers
      const outcome = meter.read(
        item.function ?? profile.read_function,
        sunspecModelAddress(profile) + item.address,
        asked,
        AT,
      )
      if ('exception' in outcome) throw new Error(`${item.quantity}: exception ${outcome.exception}`)
      const bytes = outcome.data.slice(0, item.type === 'bit' ? 1 : 2 * registers)
      const factor = item.scale_factor_address === undefined ? undefined : scaleFactorOf(item)
      const decoded = decodeModbusItem(item, profile, bytes, undefined, factor)
      // Some meters can't say zero: SunSpec's accumulators use it for "not implemented".
      if (!decoded.ok && decoded.absent === 'not_available' && shown.n === 0) continue
      expect(
        decoded.ok && compare(decoded.value, shown),
        `${item.quantity}: ${JSON.stringify({ decoded, shown })}`,
      ).toBe(0)
      agreed += 1
    }
    expect(agreed).toBeGreaterThan(0)
  })

  it.each(profiles.filter(({ protocol }) => protocol === 'dlt645').map(({ id }) => [id]))('%s', (id) => {
    const profile = profiles.find((candidate) => candidate.id === id)
    if (profile?.protocol !== 'dlt645') throw new Error(`no profile ${id}`)
    const plant = plantFor(profile)
    const meter = new Dlt645Meter(plant.meter('it'), profile, plant)
    for (const item of profile.items) {
      const shown = meter.registerAmount(item.quantity, AT)
      if (!shown) continue
      const decoded = decodeDlt645Item(item, meter.data(item.di, AT) ?? new Uint8Array())
      expect(
        decoded.ok && compare(decoded.value, shown),
        `${item.quantity}: ${JSON.stringify({ decoded, shown })}`,
      ).toBe(0)
    }
  })
})
