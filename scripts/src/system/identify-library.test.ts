import { type Identification, identifyModbus, type Probe, type ProbeOutcome } from '@metergate/agent'
import { decodeRaw, type ModbusProfile } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { buildMeter, type MeterTruth, ModbusMeter, Plant, plantSpecSchema, SeededRandom } from '@metergate/simulator'
import { describe, expect, it } from 'vitest'

const profiles = loadBuiltinProfiles()
const AT = Date.UTC(2026, 5, 10, 3)

/** A single-phase meter hangs on one phase: what it calls the total is that phase. */
class SinglePhasePlant extends Plant {
  override truthAt(meterId: string, epochMs: number): MeterTruth {
    const truth = super.truthAt(meterId, epochMs)
    const first = ([a]: readonly [number, number, number]): [number, number, number] => [a, 0, 0]
    const { electrical: e } = truth
    const electrical = {
      ...e,
      current: first(e.current),
      activeW: first(e.activeW),
      reactiveVar: first(e.reactiveVar),
      apparentVa: first(e.apparentVa),
    }
    return { ...truth, electrical }
  }
}

/** A meter of this model on a loaded feeder, without a wire. */
function meterOf(profile: ModbusProfile, isIdle = false): ModbusMeter {
  const spec = plantSpecSchema.parse({
    since: AT - 5 * 86_400_000,
    loads: [{ id: 'motor', kind: 'constant', ratedW: isIdle ? 1 : 42_000, powerFactor: 0.85 }],
    meters: [
      {
        id: 'm',
        profile: profile.id,
        unit: 1,
        loads: ['motor'],
        startReading: '1234.5',
        ct: profile.values_are === 'secondary' ? 20 : 1,
      },
    ],
  })
  const [meter] = spec.meters
  const single = !profile.items.some(({ quantity }) => quantity === 'voltage_l2_n')
  const plant = single ? new SinglePhasePlant(spec, { holdAtMs: AT }) : new Plant(spec, { holdAtMs: AT })
  const built = meter && buildMeter(meter, plant, profiles)
  if (!(built instanceof ModbusMeter)) throw new Error(`${profile.id} is no Modbus meter`)
  return built
}

const askOf =
  (read: (probe: Probe) => Uint8Array | number | undefined) =>
  async (probe: Probe): Promise<ProbeOutcome> => {
    const answer = read(probe)
    if (answer === undefined) return { kind: 'silent' }
    return typeof answer === 'number' ? { kind: 'refused', code: answer } : { kind: 'data', data: answer }
  }

function askMeter(meter: ModbusMeter) {
  return askOf(({ function: fn, address, count }) => {
    const outcome = meter.read(fn, address, count, AT)
    return 'data' in outcome ? outcome.data : outcome.exception
  })
}

const CIRCUMSTANCES = { settings: { baud: 9600, format: '8N1' }, unit: 1, turnaroundMs: 40 } as const
const identify = (ask: (probe: Probe) => Promise<ProbeOutcome>): Promise<Identification> =>
  identifyModbus(ask, profiles, CIRCUMSTANCES)

/** What must be named for certain; others may be "one of these". */
const CERTAIN = [
  'chint-dtsu666',
  'eastron-sdm630',
  'chint-ddsu666',
  'acrel-dtsd1352',
  'huawei-dtsu666-h',
  'abb-b23',
] as const

describe('naming a meter by what it answers', () => {
  const modbus = profiles.filter((profile) => profile.protocol === 'modbus')
  it.each(modbus.map((profile) => [profile.id, profile] as const))('never names %s wrongly', async (id, profile) => {
    const found = await identify(askMeter(meterOf(profile)))
    const names = found.candidates.map((candidate) => candidate.profile)
    if (found.verdict === 'sure') expect(names[0]).toBe(id)
    if (found.verdict === 'unsure') expect(names).toContain(id)
    expect(found.reads).toBeLessThan(45)
  })

  it.each(CERTAIN)('is certain of %s and says why', async (id) => {
    const profile = modbus.find((each) => each.id === id)
    if (!profile) throw new Error(`no profile ${id}`)
    const found = await identify(askMeter(meterOf(profile)))
    expect([found.verdict, found.candidates[0]?.profile]).toEqual(['sure', id])
    expect(found.candidates[0]?.evidence.length).toBeGreaterThan(1)
  })

  it('names most of the library', async () => {
    const verdicts = await Promise.all(
      modbus.map(async (profile) => (await identify(askMeter(meterOf(profile)))).verdict),
    )
    expect(verdicts.filter((verdict) => verdict === 'sure').length).toBeGreaterThanOrEqual(28)
  })

  it.each(modbus.map((profile) => [profile.id, profile] as const))(
    'never names %s wrongly on a line without load',
    async (id, profile) => {
      const found = await identify(askMeter(meterOf(profile, true)))
      if (found.verdict === 'sure') expect(found.candidates[0]?.profile).toBe(id)
    },
  )

  it('has meters in it that a scan by the first plausible voltage takes for others', async () => {
    const byVoltage = async (ask: (probe: Probe) => Promise<ProbeOutcome>): Promise<string | undefined> => {
      for (const { id, signature, word_order } of modbus) {
        const voltage = signature.find(({ what }) => what === 'voltage_l1_n')
        if (!voltage || !('type' in voltage.expect)) continue
        const outcome = await ask({ function: voltage.function, address: voltage.address, count: voltage.count })
        const raw = outcome.kind === 'data' ? decodeRaw(voltage.expect.type, outcome.data, word_order) : undefined
        const value = raw?.ok ? Number(raw.value.kind === 'integer' ? raw.value.n : raw.value.value) : Number.NaN
        if (value >= voltage.expect.min && value <= voltage.expect.max) return id
      }
      return undefined
    }
    const names = await Promise.all(modbus.map((profile) => byVoltage(askMeter(meterOf(profile)))))
    const wrong = modbus.filter(({ id }, i) => names[i] !== undefined && names[i] !== id)
    expect(wrong.length).toBeGreaterThan(8)
  })

  it('says "one of these" for two names of one meter', async () => {
    const profile = modbus.find(({ id }) => id === 'wago-879-3000')
    if (!profile) throw new Error('no profile')
    const found = await identify(askMeter(meterOf(profile)))
    expect(found.verdict).toBe('unsure')
    expect(found.candidates.map((candidate) => candidate.profile).sort()).toEqual(['inepro-pro380', 'wago-879-3000'])
  })
})

describe('a unit that is no meter of the library', () => {
  const random = new SeededRandom(7)
  const units: readonly (readonly [string, (probe: Probe) => Uint8Array | number | undefined])[] = [
    ['answers zeros everywhere', ({ count }) => new Uint8Array(2 * count)],
    ['answers FF everywhere', ({ count }) => new Uint8Array(2 * count).fill(0xff)],
    ['answers chance everywhere', ({ count }) => random.bytes(2 * count)],
    [
      'answers 230 everywhere',
      ({ count }) => Uint8Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 0 : 230)),
    ],
    [
      'answers 2300 everywhere',
      ({ count }) => Uint8Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 8 : 252)),
    ],
    ['refuses everything', () => 2],
    ['has fallen silent', () => undefined],
  ]
  it.each(units)('%s: it is not named', async (_, read) => {
    expect((await identify(askOf(read))).verdict).not.toBe('sure')
  })
})
