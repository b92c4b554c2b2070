import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compareMonth, type MonthComparison } from './plant-month-compare.js'
import { type MonthRun, playMonth } from './plant-month-run.js'
import { MONTH, NO_NETWORK } from './plant-month-truth.js'
import { run as runProgram } from './program.js'

const DAY = 86_400_000
/** 2 and 9 February, Mondays: the weeks of the exchange, and of the day without network, the power cut and the festival. */
const WEEKS = [MONTH.start + DAY, MONTH.start + 8 * DAY] as const

/** The first half of the month; the whole of it is `node scripts/dist/system/plant-month.js`. */
describe('a plant of six presses through the assembled gateway and the cloud', { timeout: 120_000 }, () => {
  let run: MonthRun
  const weeks: MonthComparison[] = []
  beforeAll(async () => {
    run = await playMonth({ everyMinutes: 15, until: MONTH.start + 15 * DAY })
    for (const start of WEEKS) weeks.push(await compareMonth(run, start, start + 7 * DAY))
  }, 120_000)
  afterAll(async () => {
    await run.cloud.close()
    rmSync(run.folder, { recursive: true, force: true })
  })

  it('has device figures that are the truth within one register step', () => {
    for (const { meters } of weeks) {
      expect(meters).toHaveLength(8)
      for (const { meter, digits } of meters) expect(digits, meter).toBeLessThanOrEqual(1)
    }
  })

  it('shows the same figures in the cloud, and there they follow from the raw registers again', () => {
    for (const { meters } of weeks) {
      for (const { meter, device, cloud, recomputed } of meters) {
        const [agreeing, differing, notComparable] = recomputed
        expect([meter, cloud, differing]).toEqual([meter, device, 0])
        // At most the quarter hour of a rollover cannot be judged from readings alone.
        expect(agreeing).toBeGreaterThan(660)
        expect(notComparable).toBeLessThanOrEqual(1)
      }
    }
  })

  it('counts every pair, by counter and by word of mouth', () => {
    for (const { products } of weeks) {
      expect(products.map(({ devicePairs }) => Number(devicePairs))).toEqual(
        products.map(({ truthPairs }) => truthPairs),
      )
    }
  })

  it('estimates what no meter saw while press 3 was exchanged, apart from the measured', () => {
    const [estimated, truth] = weeks[0]?.bridged ?? ['–', 0]
    expect(Number(estimated)).toBeGreaterThan(truth * 0.5)
    expect(Number(estimated)).toBeLessThan(truth * 1.5)
    expect(weeks[1]?.bridged[0]).toBe('0')
  })

  it('was cut off from the cloud for a day, and says what it is not for', async () => {
    expect(NO_NETWORK.to - NO_NETWORK.from).toBe(DAY)
    expect(run.refusedOffline).toBeGreaterThan(0)
    const printed = await runProgram('metergate', [
      'energy',
      '--month',
      '2026-02',
      '--config',
      run.configFile,
      '--lang',
      'zh',
    ])
    expect(printed.out).toContain('不作贸易结算依据')
    expect(printed.out).toContain('press-3')
  })
})
