import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../kernel/seeded-random.js'
import { dayNumber, dayStartMs, isSpringFestival, weekday, workingSpans } from './calendar.js'
import { demoPlant } from './demo-plant.js'
import { Load } from './load.js'
import { shapeDay } from './load-shapes.js'
import { MWS_PER_KWH, Plant } from './plant.js'
import { plantSpecSchema } from './schema.js'

const MONDAY = Date.UTC(2026, 10, 23) - 8 * 3_600_000
const press = demoPlant(7).loads[0]
const newPlant = (): Plant => new Plant(demoPlant(7, { sinceMs: MONDAY - 9 * 86_400_000 + 12_345_678 }))

describe('the plant calendar', () => {
  it('knows weekdays and the Spring Festival in plant time', () => {
    expect(weekday(dayNumber(MONDAY))).toBe(0)
    expect(dayStartMs(dayNumber(MONDAY))).toBe(MONDAY)
    expect(isSpringFestival(dayNumber(Date.UTC(2026, 1, 17)))).toBe(true)
    expect(workingSpans(dayNumber(Date.UTC(2026, 1, 17)), 'double')).toEqual([])
    expect(workingSpans(dayNumber(MONDAY) + 6, 'day')).toEqual([])
  })
})

describe('one truth', () => {
  it('is the exact sum of power over time: second by second over an hour and a half', () => {
    const load = new Load(demoLoad(), 7, MONDAY)
    const from = MONDAY + 9 * 3_600_000
    let sum = load.at(from).energyMws
    for (let second = 0; second < 5400; second += 1) {
      // Power is constant within a whole second of the day.
      sum += BigInt(load.at(from + second * 1000).watts) * 1000n
    }
    expect(load.at(from + 5_400_000).energyMws).toBe(sum)
  })

  it('is the same asked in any order', () => {
    const random = new SeededRandom(3)
    const instants = Array.from({ length: 60 }, () => MONDAY + Math.floor(random.next() * 7 * 86_400_000))
    const straight = newPlant()
    const inOrder = new Map([...instants].sort((a, b) => a - b).map((at) => [at, straight.truthAt('main', at)]))
    const jumping = newPlant()
    for (const at of instants) expect(jumping.truthAt('main', at)).toEqual(inOrder.get(at))
  })

  it('never lets a counter fall, also over midnight and with a start inside a day', () => {
    const plant = newPlant()
    let before = plant.truthAt('main', plant.spec.since)
    expect(before.energyMws).toBe((821_137n * MWS_PER_KWH) / 100n)
    for (let at = plant.spec.since; at < plant.spec.since + 2 * 86_400_000; at += 61_001) {
      const now = plant.truthAt('main', at)
      expect(now.energyMws >= before.energyMws && now.pieces >= before.pieces).toBe(true)
      before = now
    }
  })

  it('makes the main meter the sum of the others', () => {
    const spec = demoPlant(7)
    const parts = spec.loads.map((load) => ({ id: `of-${load.id}`, profile: 'x', unit: 1, loads: [load.id] }))
    const plant = new Plant(plantSpecSchema.parse({ ...spec, meters: [...spec.meters, ...parts] }))
    const [from, to] = [MONDAY, MONDAY + 3 * 86_400_000 + 12_345]
    const drawn = (id: string): bigint => plant.truthAt(id, to).energyMws - plant.truthAt(id, from).energyMws
    const sum = parts.reduce((total, { id }) => total + drawn(id), 0n)
    expect(drawn('main')).toBe(sum)
    expect(sum > 0n).toBe(true)
  })

  it('adds phases up to the total and keeps P² + Q² = S², P = U·I·cosφ', () => {
    const { energyMws, phaseEnergyMws, electrical: e } = newPlant().truthAt('press-1', MONDAY + 10 * 3_600_000)
    expect(phaseEnergyMws[0] + phaseEnergyMws[1] + phaseEnergyMws[2]).toBe(energyMws)
    for (const phase of [0, 1, 2] as const) {
      const apparent = e.voltage[phase] * e.current[phase]
      expect(apparent).toBeCloseTo(Math.hypot(e.activeW[phase], e.reactiveVar[phase]), 6)
      expect(Math.abs(e.voltage[phase] - 230)).toBeLessThan(12)
    }
  })

  it('counts cavities per finished cycle, only while presses run', () => {
    const plant = newPlant()
    const pieces = (hour: number): number => plant.truthAt('counter', MONDAY + hour * 3_600_000).pieces
    expect(pieces(12.4) - pieces(11.55)).toBe(0)
    const hour = pieces(10) - pieces(9)
    // Two presses: 3600/24 and 3600/18 cycles of two pieces, less a stop or two.
    expect(hour).toBeGreaterThan(500)
    expect(hour).toBeLessThanOrEqual(720)
    expect(hour % 2).toBe(0)
  })

  it('stands still on hold', () => {
    const plant = new Plant(demoPlant(7), { holdAtMs: MONDAY })
    expect(plant.truthAt('main', MONDAY + 99_999)).toEqual(plant.truthAt('main', MONDAY))
  })

  it('differs from seed to seed', () => {
    const watts = (seed: number): number[] => [...shapeDay(demoLoad(), dayNumber(MONDAY), new SeededRandom(seed)).watts]
    expect(watts(1)).toEqual(watts(1))
    expect(watts(1)).not.toEqual(watts(2))
  })
})

describe('a plant file', () => {
  it('names the load that does not exist', () => {
    const spec = demoPlant()
    const wrong = { ...spec, meters: spec.meters.map((meter) => ({ ...meter, loads: ['nothing'] })) }
    expect(plantSpecSchema.safeParse(wrong).error?.issues[0]?.message).toContain('no load is called "nothing"')
  })
})

function demoLoad(): NonNullable<typeof press> {
  if (!press) throw new Error('the demo plant has no load')
  return press
}
