import { MeterSession, SerialBus } from '@metergate/agent'
import {
  type Amount,
  add,
  compare,
  type Dlt645Item,
  durationMs,
  formatAmount,
  type MeterProfile,
  type ModbusItem,
  meterIdSchema,
  multiply,
  type ReadingValue,
  seconds,
} from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import {
  buildLine,
  InProcessLine,
  type PlantSpec,
  plantSpecSchema,
  type SimulatedLine,
  Timeline,
  VirtualClock,
} from '@metergate/simulator'
import { describe, expect, it } from 'vitest'
import { InProcessPort } from './in-process-port.js'

const AT = Date.UTC(2026, 10, 23, 2)
const UNIT = 17
const ADDRESS = '000000000161'
const [CT, PT] = [40, 10]
const ID = meterIdSchema.parse('it')
const profiles = loadBuiltinProfiles()
/** What every meter of the instant shows: the plant must know a truth for it, or nothing is compared. */
const GAUGE_OF_THE_INSTANT =
  /^((voltage_l\d_(n|l\d)|(current|power_(active|reactive|apparent|factor))_l\d|power_active_total|frequency))$/

/** A loaded feeder behind transformers, and one meter of this model on it, at the model's own settings. */
function plantOf(profile: MeterProfile): PlantSpec {
  const { baud, format } = profile.serial
  return plantSpecSchema.parse({
    since: AT - 9 * 86_400_000,
    line: { baud, format },
    loads: [{ id: 'motor', kind: 'constant', ratedW: 42_000, powerFactor: 0.85 }],
    meters: [
      {
        id: ID,
        profile: profile.id,
        ...(profile.protocol === 'modbus' ? { unit: UNIT } : { address: ADDRESS }),
        loads: ['motor'],
        startReading: '1234.5',
        ...(profile.values_are === 'secondary' ? { ct: CT, pt: PT } : {}),
        turnaroundMs: profile.turnaround_ms.typical,
        refreshMs: 0,
      },
    ],
  })
}

interface Exercised {
  readonly values: readonly ReadingValue[]
  readonly line: SimulatedLine
  readonly fault: unknown
}

/** Reads everything the model knows through session, plan, guard and master, byte by byte on a line in virtual time. */
async function readAll(profile: MeterProfile, spec: PlantSpec): Promise<Exercised> {
  const timeline = new Timeline()
  const clock = new VirtualClock(timeline, { epochAtZeroMs: AT })
  const line = buildLine({ spec, profiles, scheduler: timeline, epochAt: (at) => AT + at, holdAtMs: AT })
  const bus = new SerialBus(new InProcessPort(new InProcessLine(line.line, timeline), clock), clock, {
    settings: spec.line,
    units: new Map(),
  })
  const session = new MeterSession(
    {
      id: ID,
      profile,
      target: profile.protocol === 'modbus' ? { unit: UNIT } : { address: ADDRESS },
      ratio: profile.values_are === 'secondary' ? { ct: { n: CT, exp: 0 }, pt: { n: PT, exp: 0 } } : undefined,
      limits: {},
      settings: { ...spec.line, turnaroundMs: profile.turnaround_ms.typical },
    },
    bus,
    (mono) => ({ boot: clock.bootId, mono: mono ?? clock.mono(), wall: clock.wall(), quality: 'S' }),
    () => clock.mono(),
  )
  await timeline.advance(seconds(1))
  const { outcome } = await timeline.settle(session.readout(), durationMs(120_000))
  return { values: outcome.record.values, line, fault: outcome.fault }
}

/** The truth's register amount × the transformers this item leaves out, by adding: no product of ours is used. */
function expected(shown: Amount, item: ModbusItem | Dlt645Item, profile: MeterProfile): Amount {
  if (profile.values_are !== 'secondary') return shown
  switch (item.ratio) {
    case 'none':
      return shown
    case 'ct':
      return repeated(shown, CT)
    case 'pt':
      return repeated(shown, PT)
    case 'ct_pt':
      return repeated(shown, CT * PT)
  }
}

function repeated(value: Amount, times: number): Amount {
  return Array.from({ length: times }, () => value).reduce((sum, each) => add(sum, each), { n: 0, exp: value.exp })
}

describe('every model of the library, read off a simulated meter built from its profile', () => {
  it.each(profiles.map((profile) => [profile.id, profile] as const))('%s', async (_, profile) => {
    const { values, line, fault } = await readAll(profile, plantOf(profile))
    expect(fault).toBeUndefined()
    const meter = line.meter(ID)
    const items: readonly (ModbusItem | Dlt645Item)[] = profile.items
    const seen = new Set<string>()
    let agreed = 0
    for (const item of items) {
      if (seen.has(item.quantity)) continue
      seen.add(item.quantity)
      const shown = meter?.registerAmount(item.quantity, AT)
      const value = values.find((each) => each.quantity === item.quantity)
      expect(value, `${item.quantity} is in the reading`).toBeDefined()
      if (GAUGE_OF_THE_INSTANT.test(item.quantity)) expect(shown, `${item.quantity} has a truth`).toBeDefined()
      if (!shown || !value) continue
      // Some meters cannot say zero: SunSpec's accumulators use it for "not implemented".
      if ('absent' in value && value.absent === 'not_available' && shown.n === 0) continue
      const wanted = expected(shown, item, profile)
      const text = 'value' in value ? formatAmount(value.value) : value.absent
      expect(
        'value' in value && compare(value.value, wanted),
        `${item.quantity}: ${text}, is ${formatAmount(wanted)}`,
      ).toBe(0)
      agreed += 1
    }
    expect(agreed).toBeGreaterThan(0)
  })

  it('says so when a SunSpec meter has another model', async () => {
    const [integers, floats] = ['sunspec-201', 'sunspec-211'].map((id) => profiles.find((each) => each.id === id))
    if (!integers || !floats) throw new Error('no SunSpec profiles')
    const { values, fault } = await readAll(floats, plantOf(integers))
    expect(fault).toMatchObject({ kind: 'bad_frame', why: expect.stringContaining('no SunSpec model 211') })
    expect(values.every((value) => 'absent' in value)).toBe(true)
  })

  it('would notice a ratio left out', async () => {
    const profile = profiles.find(({ id }) => id === 'chint-dtsu666')
    if (!profile) throw new Error('no chint-dtsu666')
    const { values, line } = await readAll({ ...profile, values_are: 'primary' }, plantOf(profile))
    const current = values.find(({ quantity }) => quantity === 'current_l1')
    const shown = line.meter(ID)?.registerAmount('current_l1', AT)
    if (!shown || !current || !('value' in current)) throw new Error('no current')
    expect(compare(current.value, multiply(shown, { n: CT, exp: 0 }))).not.toBe(0)
  })
})
