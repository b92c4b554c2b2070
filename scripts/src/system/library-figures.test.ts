import { type LinePort, MeterSession, SerialBus, wireMs } from '@metergate/agent'
import { durationMs, formatAmount, type MeterProfile, meterIdSchema, ok, type ReadingValue } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { Timeline, VirtualClock } from '@metergate/simulator'
import { describe, expect, it } from 'vitest'
import { expectedText, type Figure, figuresOf, type WrittenItem, writtenProfile } from './hand-meter.js'
import { type Mistake, type Slave, slaveOf } from './hand-slave.js'

const profiles = loadBuiltinProfiles()
const [CT, PT] = [40n, 10n]

/** A line with one slave on it that answers after 20 ms and the time of the wire. */
function portTo(slave: Slave, timeline: Timeline, clock: VirtualClock): LinePort {
  let hear: Parameters<LinePort['open']>[1]['onData'] = () => {}
  let settings: Parameters<LinePort['open']>[0] = { baud: 9600, format: '8N1' }
  return {
    nature: 'serial',
    open: async (wanted, listener) => {
      settings = wanted
      hear = listener.onData
      return ok(undefined)
    },
    write: async (request) => {
      const answer = slave(request)
      if (answer)
        timeline.after(20 + wireMs(request.length + answer.length, settings), () =>
          hear(Uint8Array.from(answer), clock.mono()),
        )
      return ok(undefined)
    },
    look: async () => {},
    drain: async () => {},
    close: async () => {},
  }
}

/** Everything the model knows, read through session, plan, guard and master. */
async function readAll(profile: MeterProfile, slave: Slave): Promise<readonly ReadingValue[]> {
  const timeline = new Timeline()
  const clock = new VirtualClock(timeline)
  const { baud, format } = profile.serial
  const bus = new SerialBus(portTo(slave, timeline, clock), clock, { settings: { baud, format } })
  const session = new MeterSession(
    {
      id: meterIdSchema.parse('it'),
      profile,
      target: profile.protocol === 'modbus' ? { unit: 17 } : { address: '000000000161' },
      ratio:
        profile.values_are === 'secondary'
          ? { ct: { n: Number(CT), exp: 0 }, pt: { n: Number(PT), exp: 0 } }
          : undefined,
      limits: {},
      settings: { baud, format, turnaroundMs: 20 },
    },
    bus,
    (mono) => ({ boot: clock.bootId, mono: mono ?? clock.mono(), wall: clock.wall(), quality: 'S' }),
    () => clock.mono(),
  )
  const { outcome } = await timeline.settle(session.readout(), durationMs(600_000))
  return outcome.record.values
}

function timesOf(item: WrittenItem, profile: MeterProfile): bigint {
  if (profile.values_are !== 'secondary') return 1n
  return { none: 1n, ct: CT, pt: PT, ct_pt: CT * PT }[item.ratio]
}

const plain = (text: string): string => (text.includes('.') ? text.replace(/\.?0*$/, '') : text)

interface Compared {
  readonly items: number
  readonly agreed: number
  readonly differ: readonly string[]
}

async function compared(profile: MeterProfile, mistake: Mistake): Promise<Compared> {
  const written = writtenProfile(profile.id)
  const figures = figuresOf(written)
  const values = await readAll(profile, slaveOf(written, figures, mistake))
  const differ = figures.flatMap((figure) => difference(figure, profile, values))
  return { items: figures.length, agreed: figures.length - differ.length, differ }
}

function difference(figure: Figure, profile: MeterProfile, values: readonly ReadingValue[]): string[] {
  const { item } = figure
  const value = values.find(({ quantity }) => quantity === item.quantity)
  const got = value === undefined ? 'not read' : 'value' in value ? plain(formatAmount(value.value)) : value.absent
  const wanted = expectedText(figure, timesOf(item, profile))
  return got === wanted ? [] : [`${item.quantity}: ${got}, is ${wanted}`]
}

/** Models that have anything to turn round: values of more than one word or byte. */
const turnable = profiles.filter(({ items }) =>
  items.some((item) => ('type' in item ? !/16$|^bit$/.test(item.type) : item.bytes > 1)),
)

it('is the whole library', () => {
  expect(profiles.length).toBeGreaterThanOrEqual(56)
  expect(turnable.length).toBeGreaterThanOrEqual(53)
})

describe('every item of every model, read off a meter that was written from the profile by other hands', () => {
  it.each(profiles.map((profile) => [profile.id, profile] as const))('%s', async (_, profile) => {
    const { differ, items } = await compared(profile, 'none')
    expect(differ).toEqual([])
    expect(items).toBe(profile.items.length)
  })
})

describe('and it is noticed when the words or bytes of a value are the wrong way round', () => {
  it.each(turnable.map((profile) => [profile.id, profile] as const))('%s', async (_, profile) => {
    const { differ } = await compared(profile, 'order')
    expect(differ.length).toBeGreaterThan(0)
  })
})
