import {
  fail,
  type MeterProfile,
  type ModbusProfile,
  meterIdSchema,
  monoMs,
  ok,
  type Result,
  type Stamp,
} from '@metergate/protocol'
import { parseProfile } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import type { BusFault } from '../bus/bus-fault.js'
import type { BusAnswer, BusHealth, BusRead, ModbusRead, RegisterBus } from '../bus/register-bus.js'
import { SeededRandom } from '../testing/seeded-random.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { MeterSession, type PollGroup } from './meter-session.js'

const volts = (name: string, address: number) => ({ quantity: name, address, type: 'u16', scale: '0.1' })
const base = {
  id: 'two-volts',
  manufacturer: 'Test',
  models: ['T'],
  title: { zh: '测试', en: 'Test' },
  serial: { baud: 9600, format: '8N1' },
  sources: ['made up'],
  protocol: 'modbus',
  read_function: 3,
  max_registers: 100,
}
function profileWith(items: readonly ReturnType<typeof volts>[]): ModbusProfile {
  const parsed = parseProfile({ ...base, items })
  if (!parsed.ok || parsed.value.protocol !== 'modbus') throw new Error(JSON.stringify(parsed))
  return parsed.value
}
const profile = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 30)])

const ZERO = {
  ...{ requests: 0, good: 0, timeout: 0, crc: 0, bad_frame: 0, exception: 0, line_down: 0 },
  ...{ stray_bytes: 0, echoes: 0, late_answers: 0, resyncs: 0 },
}

/** A bus whose unit takes `turnaroundMs` and refuses what `refuses` says. */
function rig(
  turnaroundMs: number,
  refuses: (read: ModbusRead) => boolean = () => false,
  model: MeterProfile = profile,
) {
  const clock = new VirtualClock()
  const asked: ModbusRead[] = []
  const health: BusHealth = {
    open: true,
    line: ZERO,
    units: new Map([['modbus:1', { ...ZERO, timeoutMs: 500, turnaroundMs }]]),
  }
  const bus: RegisterBus = {
    read: async (read: BusRead): Promise<Result<BusAnswer, BusFault>> => {
      if (read.protocol !== 'modbus') throw new Error('not in this test')
      asked.push(read)
      if (refuses(read)) return fail({ kind: 'exception', code: 2 })
      const at = { mono: clock.mono(), wall: clock.wall() }
      return ok({ data: new Uint8Array(2 * read.count).fill(1), at, turnaroundMs, durationMs: 50 })
    },
    health: () => health,
    close: async () => undefined,
  }
  const stamp = (): Stamp => ({ boot: clock.bootId, mono: clock.mono(), wall: clock.wall(), quality: 'U' })
  const settings = { baud: 9600, format: '8N1', turnaroundMs: 15 } as const
  const id = meterIdSchema.parse('m')
  const setup = { id, profile: model, target: { unit: 1 }, ratio: undefined, limits: {}, settings }
  let now = 0
  const session = new MeterSession(setup, bus, stamp, () => monoMs(now))
  const poll = async (): Promise<{ reads: number; absent: number }> => {
    asked.length = 0
    const { record } = await session.poll(['power'])
    return { reads: asked.length, absent: record.values.filter((value) => 'absent' in value).length }
  }
  const readout = async (): Promise<{ reads: ModbusRead[]; absent: string[] }> => {
    asked.length = 0
    const { record } = (await session.readout()).outcome
    return { reads: [...asked], absent: record.values.flatMap((value) => ('absent' in value ? [value.absent] : [])) }
  }
  const later = (ms: number): void => {
    now += ms
  }
  return { poll, readout, later }
}

describe('a meter session', () => {
  it('reads through a gap where the measured turnaround makes that cheaper, and not where the maker alone says so', async () => {
    // 29 registers of gap take 60 ms; another request takes 13 characters, t3.5 and the turnaround.
    expect((await rig(15).poll()).reads).toBe(2)
    expect((await rig(120).poll()).reads).toBe(1)
  })

  it('asks again now and then for what was refused: a meter that was just starting refuses what it knows', async () => {
    let isStarting = true
    const { poll, later } = rig(15, (read) => isStarting && read.address >= 30)
    expect(await poll()).toMatchObject({ absent: 1 })
    expect(await poll()).toEqual({ reads: 1, absent: 1 })
    isStarting = false
    expect(await poll()).toEqual({ reads: 1, absent: 1 })
    later(600_000)
    expect(await poll()).toEqual({ reads: 2, absent: 0 })
  })

  it('reads everything in as few requests as at first, soon after a meter that refused everything has come to itself', async () => {
    const names = ['voltage_l1_n', 'voltage_l2_n', 'voltage_l3_n', 'voltage_l1_l2', 'voltage_l2_l3', 'voltage_l3_l1']
    let isStarting = true
    const { poll, later } = rig(15, () => isStarting, profileWith(names.map((name, index) => volts(name, index))))
    for (let i = 0; i < 10; i++) await poll()
    isStarting = false
    later(600_000)
    for (let i = 0; i < 30; i++) {
      later(1_000)
      await poll()
    }
    expect(await poll()).toEqual({ reads: 1, absent: 0 })
  })

  it('does not read in pieces for ever what was refused in one piece once', async () => {
    let isStarting = true
    const { poll, later } = rig(120, ({ count }) => isStarting && count > 1)
    expect(await poll()).toMatchObject({ absent: 0 })
    isStarting = false
    expect(await poll()).toMatchObject({ reads: 2 })
    later(600_000)
    expect(await poll()).toEqual({ reads: 1, absent: 0 })
  })

  it('asks a meter with real holes hardly more than its plan, and loses no value by putting what it learnt to the test', async () => {
    const names = ['voltage_l1_n', 'voltage_l2_n', 'voltage_l3_n', 'voltage_l1_l2', 'voltage_l2_l3', 'voltage_l3_l1']
    const more = ['current_l1', 'current_l2', 'current_l3', 'frequency', 'power_factor_total', 'power_active_total']
    const model = profileWith([...names, ...more].map((name, index) => volts(name, index)))
    const { poll, later } = rig(15, ({ address, count }) => address <= 5 && 5 < address + count, model)
    for (let i = 0; i < 20; i++) await poll()
    let reads = 0
    for (let second = 0; second < 7200; second += 10) {
      later(10_000)
      const outcome = await poll()
      if (second >= 3600) reads += outcome.reads
      expect(outcome.absent).toBe(1)
    }
    expect(await poll()).toEqual({ reads: 2, absent: 1 })
    expect(reads).toBeLessThan(2 * 360 + 20)
  })

  it('leaves out again what is still refused', async () => {
    const { poll, later } = rig(15, (read) => read.address >= 30)
    await poll()
    later(600_000)
    expect(await poll()).toMatchObject({ absent: 1 })
    expect(await poll()).toEqual({ reads: 1, absent: 1 })
  })

  it('settles a single look: what is refused is told apart from what the meter has, and nothing is asked twice', async () => {
    const names = ['voltage_l1_n', 'voltage_l2_n', 'voltage_l3_n', 'voltage_l1_l2', 'voltage_l2_l3', 'voltage_l3_l1']
    const more = ['current_l1', 'current_l2', 'current_l3', 'frequency', 'power_factor_total', 'power_active_total']
    const model = profileWith([...names, ...more].map((name, index) => volts(name, index)))
    // Every other register is a hole.
    const { readout } = rig(
      15,
      ({ address, count }) => Array.from({ length: count }, (_, i) => address + i).some((at) => at % 2 === 1),
      model,
    )
    const { reads, absent } = await readout()
    expect(absent).toEqual(Array(6).fill('exception'))
    const good = reads.filter(({ address, count }) => count === 1 && address % 2 === 0).map(({ address }) => address)
    expect(good).toEqual([0, 2, 4, 6, 8, 10])
  })

  it('looks for a SunSpec model anew after a silence: what answers next may be another meter, or other firmware', async () => {
    let common = 65
    let isSilent = false
    const registers = () =>
      new Map([
        ...[40000, 40001].map((at, i): [number, number] => [at, i === 0 ? 0x5375 : 0x6e53]),
        ...[1, common].map((word, i): [number, number] => [40002 + i, word]),
        ...[201, 105, 230].map((word, i): [number, number] => [40004 + common + i, word]),
      ])
    const words = ({ address, count }: ModbusRead) =>
      isSilent ? undefined : Array.from({ length: count }, (_, i) => registers().get(address + i) ?? 0xffff)
    const { volt } = scriptedRig(sunSpecProfile([40000]), words)
    expect(await volt()).toEqual({ n: 230, exp: 0 })
    isSilent = true
    expect(await volt()).toBe('timeout')
    isSilent = false
    common = 66
    expect(await volt()).toEqual({ n: 230, exp: 0 })
  })

  it('asks a SunSpec meter for no value before it knows where the model lies, whatever keeps that from being known', async () => {
    const { volt, asked } = scriptedRig(
      sunSpecProfile([40000]),
      ({ address, count }) => (address === 40002 ? undefined : Array<number>(count).fill(0x5375).fill(0x6e53, 1)),
      () => ({ kind: 'exception', code: 6 }),
    )
    expect(await volt()).toBe('exception')
    expect(asked.map(({ address }) => address)).toEqual([40000, 40002])
  })

  it('looks at no other register because a poll meanwhile had to give up the place of the SunSpec model', async () => {
    const map = [0x5375, 0x6e53, 201, 105]
    const energies = ['energy_active_import_total', 'energy_active_import_l1', 'energy_active_import_l2']
    const model = sunSpecProfile(
      [40000],
      energies.map((name, index) => ({ ...volts(name, 3 + 2 * index), type: 'u32' })),
    )
    let isFirst = true
    const { look, pollOf, asked } = scriptedRig(
      model,
      ({ address, count }) => {
        if (address < 40004 || count === 2)
          return Array.from({ length: count }, (_, i) => map[address - 40000 + i] ?? 1)
        if (isFirst) void pollOf('power')
        isFirst = false
        return undefined
      },
      () => (asked.at(-1)?.count === 1 ? { kind: 'timeout', waitedMs: 500 } : { kind: 'exception', code: 2 }),
    )
    await look()
    expect(asked.filter(({ address }) => address < 40000)).toEqual([])
  })

  it('costs a dead SunSpec meter no more than one request a poll', async () => {
    const { volt, asked } = scriptedRig(sunSpecProfile([40000, 50000, 0]), () => undefined)
    for (let i = 1; i <= 20; i++) {
      await volt()
      expect(asked).toHaveLength(i)
    }
  })

  it('asks on behind a read that is answered by an exception, which no dead meter gives', async () => {
    let isBusy = false
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 200), volts('voltage_l3_n', 400)])
    const { absent } = scriptedRig(
      model,
      ({ address, count }) => {
        isBusy = address === 0
        return address < 400 ? undefined : Array<number>(count).fill(2300)
      },
      () => (isBusy ? { kind: 'exception', code: 4 } : { kind: 'timeout', waitedMs: 500 }),
    )
    expect((await absent()).sort()).toEqual(['exception', 'timeout'])
  })

  it('gives a meter that falls silent in the middle of a poll one second chance, not one for each read still to come', async () => {
    const names = ['voltage_l1_n', 'voltage_l2_n', 'voltage_l3_n', 'current_l1', 'current_l2', 'current_l3']
    let asked = 0
    const { volt } = scriptedRig(profileWith(names.map((name, index) => volts(name, 200 * index))), ({ count }) => {
      asked += 1
      return asked === 1 ? Array<number>(count).fill(2300) : undefined
    })
    expect(await volt()).toEqual({ n: 2300, exp: -1 })
    expect(asked).toBe(1 + 2 + 4)
  })

  it('puts a refused DL/T 645 block to the test as a whole, however many values it holds', async () => {
    let isStarting = true
    const { poll, later } = dlt645Rig((di) =>
      isStarting && di === '0201ff00' ? { kind: 'exception', code: 2 } : undefined,
    )
    await poll()
    isStarting = false
    later(600_000)
    const { record } = await poll()
    expect(record.values.filter((value) => 'absent' in value)).toEqual([])
  })
})

describe('a meter that keeps silent about what it does not have', () => {
  /** Silent about every read that covers one of `holes`. */
  const around =
    (...holes: readonly number[]) =>
    ({ address, count }: ModbusRead): number[] | undefined =>
      holes.some((hole) => address <= hole && hole < address + count) ? undefined : Array<number>(count).fill(2300)

  it('is read around the hole, although its only read drew nothing but silence', async () => {
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 3)])
    const { absent, asked } = scriptedRig(model, around(2))
    for (let i = 0; i < 3; i++) expect(await absent()).toEqual(['timeout', 'timeout'])
    expect(asked).toHaveLength(3)
    expect(await absent()).toEqual([])
    expect(await absent()).toEqual([])
  })

  it('costs a dead meter no more than one request a poll', async () => {
    const names = ['voltage_l1_n', 'voltage_l2_n', 'voltage_l3_n', 'frequency']
    const { absent, asked } = scriptedRig(
      profileWith(names.map((name, index) => volts(name, 70 * index))),
      () => undefined,
    )
    for (let i = 1; i <= 20; i++) {
      await absent()
      expect(asked).toHaveLength(i)
    }
  })

  it('loses a read for three polls and no longer, and the others never', async () => {
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 200), volts('voltage_l3_n', 203)])
    const { absent, asked } = scriptedRig(model, around(201))
    for (let i = 0; i < 3; i++) expect(await absent()).toEqual(['timeout', 'timeout'])
    expect(await absent()).toEqual([])
    asked.length = 0
    expect(await absent()).toEqual([])
    expect(asked.map(({ address }) => address)).toEqual([0, 200, 203])
  })

  it('is not given up for silences of a noisy line that do not come in a row', async () => {
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 200), volts('voltage_l3_n', 203)])
    let poll = 0
    const { absent, asked } = scriptedRig(model, ({ address, count }) =>
      address === 200 && poll % 3 !== 0 ? undefined : Array<number>(count).fill(2300),
    )
    for (poll = 1; poll < 30; poll++) await absent()
    asked.length = 0
    expect(await absent()).toEqual([])
    expect(asked.map(({ address }) => address)).toEqual([0, 200])
  })

  it('loses nothing when what it taught is put to the test, and is read in one piece when the hole is gone', async () => {
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 200), volts('voltage_l3_n', 203)])
    const holes = [201]
    const { absent, asked, later } = scriptedRig(model, (read) => around(...holes)(read))
    for (let i = 0; i < 4; i++) await absent()
    for (let second = 0; second < 3600; second += 10) {
      later(10_000)
      expect(await absent()).toEqual([])
    }
    holes.length = 0
    for (let second = 0; second < 1200; second += 10) {
      later(10_000)
      await absent()
    }
    asked.length = 0
    expect(await absent()).toEqual([])
    expect(asked.map(({ address }) => address)).toEqual([0, 200])
  })

  it('loses nothing either when all that is read of it is one piece', async () => {
    const { absent, asked, later } = scriptedRig(
      profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 3)]),
      around(2),
    )
    for (let i = 0; i < 4; i++) await absent()
    asked.length = 0
    for (let second = 0; second < 3600; second += 10) {
      later(10_000)
      expect(await absent()).toEqual([])
    }
    expect(asked.length).toBeLessThan(2 * 360 + 40)
  })

  it('is not taken for awake by noise', async () => {
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 3)])
    let polls = 0
    const { outcome } = scriptedRig(
      model,
      () => undefined,
      () => (polls <= 3 ? { kind: 'timeout', waitedMs: 500 } : { kind: 'bad_frame', received: '55', why: 'noise' }),
    )
    for (polls = 1; polls <= 12; polls++) expect((await outcome()).answered).toBe(0)
  })

  it('is asked no more for a single value it has never told, which stays absent with that reason', async () => {
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 200)])
    const { absent, asked } = scriptedRig(model, around(0))
    for (let i = 0; i < 12; i++) await absent()
    asked.length = 0
    expect(await absent()).toEqual(['timeout'])
    expect(asked.map(({ address }) => address)).toEqual([200])
  })

  it('shows everything else in a single look', async () => {
    const names = ['voltage_l1_n', 'voltage_l2_n', 'voltage_l3_n'] as const
    const { look } = scriptedRig(profileWith(names.map((name, index) => volts(name, 3 * index))), around(1, 6))
    const { values } = await look()
    expect(values.map((value) => [value.quantity, 'absent' in value ? value.absent : 'there']).sort()).toEqual([
      ['voltage_l1_n', 'there'],
      ['voltage_l2_n', 'there'],
      ['voltage_l3_n', 'timeout'],
    ])
  })

  it('shows in a single look what the line lost at the first request', async () => {
    let requests = 0
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 200)])
    const { look } = scriptedRig(model, ({ count }) => (requests++ === 0 ? undefined : Array<number>(count).fill(2300)))
    expect((await look()).values.filter((value) => 'absent' in value)).toEqual([])
  })

  it('shows what it has in a single look although it refuses the first thing it is asked beside the plan', async () => {
    const names = ['voltage_l1_n', 'voltage_l2_n', 'voltage_l3_n', 'frequency']
    let isRefused = false
    const { look } = scriptedRig(
      profileWith(names.map((name, index) => volts(name, 200 * index))),
      ({ address, count }) => {
        isRefused = address === 600
        return address === 200 ? Array<number>(count).fill(2300) : undefined
      },
      () => (isRefused ? { kind: 'exception', code: 4 } : { kind: 'timeout', waitedMs: 500 }),
    )
    expect((await look()).values.filter((value) => 'value' in value)).toHaveLength(1)
  })

  it('is back although its first answer after the silence is garbled', async () => {
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 3)])
    let requests = 0
    const { absent } = scriptedRig(
      model,
      ({ count }) => (requests++ < 4 ? undefined : Array<number>(count).fill(2300)),
      () => (requests < 4 ? { kind: 'timeout', waitedMs: 500 } : { kind: 'crc', received: '0103' }),
    )
    for (let i = 0; i < 3; i++) await absent()
    expect(await absent()).toEqual([])
  })

  it('is not taken for dead when one of its groups is asked for alone, of which it has nothing', async () => {
    const energy = { ...volts('energy_active_import_total', 100), type: 'u32' }
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 1), energy])
    const { pollOf, later } = scriptedRig(model, ({ address, count }) =>
      address < 100 ? undefined : Array<number>(count).fill(1),
    )
    let answers = 0
    for (let polls = 0; polls < 20 && answers === 0; polls++) {
      later(1_000)
      answers = (await pollOf('power', 'energy')).answered
    }
    expect(answers).toBeGreaterThan(0)
    for (let second = 1; second < 3600; second++) {
      later(1_000)
      const { answered, fault } = second % 60 === 0 ? await pollOf('power', 'energy') : await pollOf('power')
      expect({ second, isSilent: answered === 0 && fault !== undefined }).toEqual({ second, isSilent: false })
    }
  })

  it('is not seen in a meter behind a line that loses every other request', async () => {
    const random = new SeededRandom(7)
    let isNoisy = false
    const names = [
      'voltage_l1_n',
      'voltage_l2_n',
      'voltage_l3_n',
      'current_l1',
      'current_l2',
      'current_l3',
      'frequency',
    ]
    const model = profileWith(names.map((name, index) => volts(name, 200 * Math.floor(index / 2) + (index % 2))))
    const { absent, asked, later } = scriptedRig(model, ({ count }) =>
      isNoisy && random.next() < 0.5 ? undefined : Array<number>(count).fill(2300),
    )
    await absent()
    isNoisy = true
    for (let second = 0; second < 7200; second++) {
      later(1_000)
      await absent()
    }
    isNoisy = false
    asked.length = 0
    expect(await absent()).toEqual([])
    expect(asked).toHaveLength(4)
  })

  it('is read around a hole that it has only since other firmware was put into it', async () => {
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 3)])
    const holes: number[] = []
    const { absent, later } = scriptedRig(model, (read) => around(...holes)(read))
    expect(await absent()).toEqual([])
    holes.push(2)
    for (let second = 0; second < 60; second++) {
      later(1_000)
      await absent()
    }
    expect(await absent()).toEqual([])
  })

  it('is found by its SunSpec model where it is silent at the first base', async () => {
    let isLost = false
    const map = [0x5375, 0x6e53, 201, 105, 230]
    const { volt } = scriptedRig(sunSpecProfile([40000, 50000]), ({ address, count }) =>
      isLost || address < 50_000
        ? undefined
        : Array.from({ length: count }, (_, i) => map[address - 50_000 + i] ?? 0xffff),
    )
    for (let i = 0; i < 3; i++) expect(await volt()).toBe('timeout')
    expect(await volt()).toEqual({ n: 230, exp: 0 })
    isLost = true
    expect(await volt()).toBe('timeout')
    isLost = false
    expect(await volt()).toEqual({ n: 230, exp: 0 })
  })

  it('is absent with the reason it gives now, when it has come to refuse by exceptions', async () => {
    let isSilent = true
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 200)])
    const { absent, later } = scriptedRig(model, around(200), () =>
      isSilent ? { kind: 'timeout', waitedMs: 500 } : { kind: 'exception', code: 2 },
    )
    for (let i = 0; i < 12; i++) await absent()
    isSilent = false
    later(600_000)
    await absent()
    expect(await absent()).toEqual(['exception'])
  })

  it('is taken for dead once at most because it no longer refuses by exceptions', async () => {
    let isSilent = false
    const model = profileWith([volts('voltage_l1_n', 0), volts('voltage_l2_n', 3)])
    const { absent, later } = scriptedRig(model, around(2), () =>
      isSilent ? { kind: 'timeout', waitedMs: 500 } : { kind: 'exception', code: 2 },
    )
    expect(await absent()).toEqual([])
    isSilent = true
    later(600_000)
    for (let i = 0; i < 3; i++) expect(await absent()).toEqual(['timeout', 'timeout'])
    for (let i = 0; i < 5; i++) {
      expect(await absent()).toEqual([])
      later(600_000)
    }
  })

  it('is read without a DL/T 645 identifier it never answers, be it the first', async () => {
    const { poll, asked } = dlt645Rig((di) => (di === '0201ff00' ? { kind: 'timeout', waitedMs: 600 } : undefined))
    const absent = async () => (await poll()).record.values.filter((value) => 'absent' in value).length
    for (let i = 0; i < 3; i++) expect(await absent()).toBe(6)
    for (let i = 0; i < 6; i++) expect(await absent()).toBe(3)
    asked.length = 0
    expect(await absent()).toBe(3)
    expect(asked).toEqual(['0202ff00'])
  })
})

function sunSpecProfile(bases: readonly number[], more: readonly ReturnType<typeof volts>[] = []): MeterProfile {
  const items = [{ ...volts('voltage_l1_n', 2), scale: '1' }, ...more]
  const parsed = parseProfile({ ...base, sunspec: { models: [201], bases }, items })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed))
  return parsed.value
}

/** A DL/T 645 meter with a block of three voltages and one of three currents. */
function dlt645Rig(fault: (di: string) => BusFault | undefined) {
  const blocks = [
    { name: 'voltage_l?_n', di: '0201ff00', bytes: 2, scale: '0.1' },
    { name: 'current_l?', di: '0202ff00', bytes: 3, scale: '0.001' },
  ]
  const items = blocks.flatMap(({ name, ...block }) =>
    [1, 2, 3].map((phase, index) => ({
      ...block,
      quantity: name.replace('?', `${phase}`),
      offset: block.bytes * index,
    })),
  )
  const { read_function: _, max_registers: __, ...rest } = base
  const parsed = parseProfile({ ...rest, protocol: 'dlt645', items })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed))
  const clock = new VirtualClock()
  const asked: string[] = []
  const bus: RegisterBus = {
    read: async (read) => {
      if (read.protocol !== 'dlt645') throw new Error('not in this test')
      asked.push(read.di)
      const why = fault(read.di)
      if (why) return fail(why)
      const at = { mono: clock.mono(), wall: clock.wall() }
      return ok({
        data: new Uint8Array(read.di === '0201ff00' ? 6 : 9).fill(0x12),
        at,
        turnaroundMs: 100,
        durationMs: 300,
      })
    },
    health: () => ({ open: true, line: ZERO, units: new Map() }),
    close: async () => undefined,
  }
  let now = 0
  const session = new MeterSession(
    {
      id: meterIdSchema.parse('m'),
      profile: parsed.value,
      target: { address: '000000000161' },
      ratio: undefined,
      limits: {},
      settings: { baud: 2400, format: '8E1', turnaroundMs: 100 },
    },
    bus,
    () => ({ boot: clock.bootId, mono: clock.mono(), wall: clock.wall(), quality: 'U' }),
    () => monoMs(now),
  )
  return {
    poll: () => session.poll(['power']),
    asked,
    later: (ms: number) => {
      now += ms
    },
  }
}

/** A meter whose registers are `words`; undefined where it says nothing. */
function scriptedRig(
  model: MeterProfile,
  words: (read: ModbusRead) => readonly number[] | undefined,
  fault: () => BusFault = () => ({ kind: 'timeout', waitedMs: 500 }),
) {
  const clock = new VirtualClock()
  const asked: ModbusRead[] = []
  const bus: RegisterBus = {
    read: async (read) => {
      if (read.protocol !== 'modbus') throw new Error('not in this test')
      asked.push(read)
      const found = words(read)
      if (!found) return fail(fault())
      const at = { mono: clock.mono(), wall: clock.wall() }
      return ok({
        data: Uint8Array.from(found.flatMap((word) => [word >> 8, word & 0xff])),
        ...{ at, turnaroundMs: 15, durationMs: 50 },
      })
    },
    health: () => ({ open: true, line: ZERO, units: new Map() }),
    close: async () => undefined,
  }
  const settings = { baud: 9600, format: '8N1', turnaroundMs: 15 } as const
  const setup = {
    id: meterIdSchema.parse('m'),
    profile: model,
    target: { unit: 1 },
    ratio: undefined,
    limits: {},
    settings,
  }
  const stamp = (): Stamp => ({ boot: clock.bootId, mono: clock.mono(), wall: clock.wall(), quality: 'U' })
  let now = 0
  const session = new MeterSession(setup, bus, stamp, () => monoMs(now))
  const volt = async () => {
    const [value] = (await session.poll(['power'])).record.values
    return value && ('value' in value ? value.value : value.absent)
  }
  const outcome = () => session.poll(['power'])
  const pollOf = (...groups: readonly PollGroup[]) => session.poll(groups)
  const absent = async () =>
    (await outcome()).record.values.flatMap((value) => ('absent' in value ? [value.absent] : []))
  const look = async () => (await session.readout()).outcome.record
  const later = (ms: number): void => {
    now += ms
  }
  return { volt, absent, outcome, pollOf, look, asked, later }
}
