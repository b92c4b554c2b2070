import { MeterSession, SerialBus } from '@metergate/agent'
import { type MeterProfile, type MonoMs, meterIdSchema, seconds } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { profileOf, virtualLine } from './virtual-line.js'

const ID = meterIdSchema.parse('m')
const UNIT = 5
const ADDRESS = '000000000161'

/** A meter of the library that says nothing to what it does not have, asked every ten seconds by what `asked` says of it. */
function polled(model: MeterProfile, asked: MeterProfile) {
  const { baud, format } = model.serial
  const at = model.protocol === 'modbus' ? { unit: UNIT } : { address: ADDRESS }
  const line = virtualLine([{ id: ID, profile: model.id, ...at, loads: ['motor'], refusal: 'silence' }], {
    baud,
    format,
  })
  const { clock, timeline } = line
  const bus = new SerialBus(line.port, clock, { settings: { baud, format } })
  const turnaroundMs = model.turnaround_ms.typical
  const setup = { id: ID, profile: asked, target: at, ratio: undefined, limits: {} }
  const session = new MeterSession(
    { ...setup, settings: { baud, format, turnaroundMs } },
    bus,
    (mono: MonoMs) => ({ boot: clock.bootId, mono, wall: clock.wall(), quality: 'U' }),
    () => clock.mono(),
  )
  /** What is absent, poll by poll. */
  return async (polls: number): Promise<{ absent: string[]; answered: number; reads: number }[]> => {
    const run = async () => {
      const outcomes = []
      for (let i = 0; i < polls; i++) {
        const before = line.requests.length
        const { record, answered } = await session.poll(['power'])
        const absent = record.values.flatMap((value) => ('absent' in value ? [value.quantity] : []))
        outcomes.push({ absent, answered, reads: line.requests.length - before })
        await clock.sleep(seconds(10))
      }
      return outcomes
    }
    return timeline.settle(run())
  }
}

describe('a simulated meter that keeps silent about what it does not have', () => {
  it('is read around the holes that a plan crosses', async () => {
    const model = profileOf('siemens-pac3200')
    if (model.protocol !== 'modbus') throw new Error('a Modbus meter')
    // As if nobody had told that its map has holes, which are so small that crossing them is cheap.
    const poll = polled(model, { ...model, read_through: 'yes' })
    const outcomes = await poll(12)
    expect(outcomes.at(0)?.answered).toBe(0)
    expect(outcomes.slice(-3).map(({ absent }) => absent)).toEqual([[], [], []])
  })

  it('is read although the first register of the profile is one that this firmware lacks', async () => {
    const model = profileOf('chint-ddsu666')
    if (model.protocol !== 'modbus') throw new Error('a Modbus meter')
    const [first] = model.items
    if (!first) throw new Error('items')
    const own = new Set(model.items.map(({ quantity }) => quantity))
    const lacking = { ...first, quantity: 'thd_voltage_l1' as const, address: 0x0f00 }
    expect(own.has(lacking.quantity)).toBe(false)
    const poll = polled(model, { ...model, items: [lacking, ...model.items] })
    const outcomes = await poll(14)
    expect(outcomes.at(0)?.answered).toBe(0)
    expect(outcomes.slice(4).map(({ absent }) => absent)).toEqual(Array(10).fill([lacking.quantity]))
    // One that is learnt to be missing costs nothing any more.
    expect(outcomes.at(-1)?.reads).toBe(1)
  })

  it('is read although the first DL/T 645 identifier of the profile is one that this meter lacks', async () => {
    const model = profileOf('dlt645-2007-1p')
    if (model.protocol !== 'dlt645') throw new Error('a DL/T 645 meter')
    const [first] = model.items.filter(({ quantity }) => quantity.startsWith('power'))
    if (!first) throw new Error('items')
    const lacking = { ...first, quantity: 'power_reactive_l3' as const, di: '02040300' }
    const poll = polled(model, { ...model, items: [lacking, ...model.items] })
    const outcomes = await poll(14)
    expect(outcomes.at(0)?.answered).toBe(0)
    expect(outcomes.slice(4).map(({ absent }) => absent)).toEqual(Array(10).fill([lacking.quantity]))
  })
})
