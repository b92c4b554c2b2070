import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compareMonth, type MonthComparison } from './plant-month-compare.js'
import { type MonthRun, playMonth } from './plant-month-run.js'
import { MONTH, NO_NETWORK } from './plant-month-truth.js'
import { run as runProgram } from './program.js'

const DAY = 86_400_000
/** From 2 February, a Monday: the week of the day without network, of the power cut and of the exchange. */
const WEEK = { start: MONTH.start + DAY, end: MONTH.start + 8 * DAY }

/** One week of the month; the whole of it, with the Spring Festival, is `node scripts/dist/system/plant-month.js`. */
describe('a plant of six presses through the assembled gateway and the cloud', { timeout: 60_000 }, () => {
  let run: MonthRun | undefined
  let week: MonthComparison
  beforeAll(async () => {
    const played = await playMonth({ everyMinutes: 15, until: WEEK.end })
    run = played
    week = await compareMonth(played, WEEK.start, WEEK.end)
  }, 240_000)
  afterAll(async () => {
    await run?.cloud.close()
    if (run) rmSync(run.folder, { recursive: true, force: true })
  })

  it('has device figures that are the truth within one register step', () => {
    expect(week.meters).toHaveLength(8)
    for (const { meter, digits } of week.meters) expect(digits, meter).toBeLessThanOrEqual(1)
  })

  it('shows the same figures in the cloud, and there they follow from the raw registers again', () => {
    for (const { meter, device, cloud, recomputed } of week.meters) {
      const [agreeing, differing, notComparable] = recomputed
      expect([meter, cloud, differing]).toEqual([meter, device, 0])
      // Quarter hours about a rollover or an exchange cannot be judged from readings alone.
      expect(agreeing).toBeGreaterThan(660)
      expect(notComparable).toBeLessThanOrEqual(2)
    }
  })

  it('counts every pair, by counter and by word of mouth', () => {
    const { products } = week
    expect(products.map(({ devicePairs }) => Number(devicePairs))).toEqual(products.map(({ truthPairs }) => truthPairs))
  })

  it('estimates what no meter saw while press 3 was exchanged, apart from the measured', () => {
    const [estimated, truth] = week.bridged
    expect(Number(estimated)).toBeGreaterThan(truth * 0.9)
    expect(Number(estimated)).toBeLessThan(truth * 1.1)
  })

  it('was cut off from the cloud for a day, and says what it is not for', async () => {
    expect(NO_NETWORK.to - NO_NETWORK.from).toBe(DAY)
    expect(run?.refusedOffline).toBeGreaterThan(0)
    const printed = await runProgram('metergate', [
      'energy',
      '--month',
      '2026-02',
      '--config',
      run?.configFile ?? '',
      '--lang',
      'zh',
    ])
    expect(printed.out).toContain('不作贸易结算依据')
    expect(printed.out).toContain('press-3')
  })
})
