import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compareMonth, type MonthComparison } from './plant-month-compare.js'
import { truthBetween } from './plant-month-ends.js'
import { type MonthRun, playMonth } from './plant-month-run.js'
import { EXCHANGE, MONTH, NO_NETWORK } from './plant-month-truth.js'
import { run as runProgram } from './program.js'

const DAY = 86_400_000
/** 2 and 3 February: the day of a rollover and without network, the day of the exchange and of a power cut. */
const DAYS = [1, 2].map((day) => MONTH.start + day * DAY)

/** Two days of the month; the whole of it, with the Spring Festival, is `node scripts/dist/system/plant-month.js`. */
describe('a plant of six presses through the assembled gateway and the cloud', { timeout: 60_000 }, () => {
  let run: MonthRun | undefined
  const days: MonthComparison[] = []
  beforeAll(async () => {
    const played = await playMonth({ everyMinutes: 15, from: MONTH.start + DAY, until: MONTH.start + 3 * DAY })
    run = played
    for (const day of DAYS) days.push(await compareMonth(played, day, day + DAY))
  }, 240_000)
  afterAll(async () => {
    await run?.cloud.close()
    if (run) rmSync(run.folder, { recursive: true, force: true })
  })

  it('has device figures that are the truth within one register digit a segment', () => {
    expect(days.map(({ meters }) => meters.length)).toEqual([8, 8])
    for (const { meters } of days)
      for (const { meter, digits, segments } of meters) expect(digits, meter).toBeLessThanOrEqual(segments)
  })

  it('would notice a device that is three digits off', async () => {
    if (!run) throw new Error('played')
    const [day = MONTH.start] = DAYS
    const { meters } = await compareMonth(run, day, day + DAY, (meter, first, last) => {
      const truth = truthBetween(meter, first, last)
      const { n, exp } = truth.drawn
      return meter === 'press-2' ? { ...truth, drawn: { n: n + 3, exp } } : truth
    })
    expect(meters.flatMap(({ meter, digits, segments }) => (digits > segments ? [meter] : []))).toEqual(['press-2'])
  })

  it('shows the same figures in the cloud, and there they follow from the raw registers again', () => {
    for (const { meter, device, cloud, recomputed } of days.flatMap(({ meters }) => meters)) {
      const [agreeing, differing, notComparable] = recomputed
      expect([meter, cloud, differing]).toEqual([meter, device, 0])
      // Quarter hours about a rollover or an exchange cannot be judged from readings alone.
      expect(agreeing).toBeGreaterThanOrEqual(93)
      expect(notComparable).toBeLessThanOrEqual(2)
    }
  })

  it('counts every pair, by counter and by word of mouth', () => {
    const products = days.flatMap((day) => day.products)
    expect(products.map(({ devicePairs }) => Number(devicePairs))).toEqual(products.map(({ truthPairs }) => truthPairs))
  })

  it('estimates what no meter saw while press 3 was exchanged, apart from the measured', () => {
    const [estimated, truth] = days[1]?.bridged ?? ['none', 0]
    expect(EXCHANGE.from).toBeGreaterThan(DAYS[1] ?? Number.NaN)
    expect(Number(estimated)).toBeGreaterThan(truth * 0.9)
    expect(Number(estimated)).toBeLessThan(truth * 1.1)
  })

  it('was cut off from the cloud for a day, and says what it is not for', async () => {
    expect(NO_NETWORK.to - NO_NETWORK.from).toBe(DAY)
    expect(run?.refusedOffline).toBeGreaterThan(0)
    const month = ['energy', '--month', '2026-02', '--config', run?.configFile ?? '', '--lang', 'zh']
    const printed = await runProgram('metergate', month)
    expect(printed.out).toContain('不作贸易结算依据')
    expect(printed.out).toContain('press-3')
  })
})
