import { type Amount, amount, epochMs, toNumber } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import {
  baseLoad,
  type IntervalPower,
  meanKw,
  nearestRank,
  nightShare,
  restDayLoad,
  runMinutes,
  runThreshold,
} from './loads.js'
import { PlantZone } from './plant-time.js'

const QUARTER = 900_000
const zone = new PlantZone('Asia/Shanghai')
const midnight = zone.midnight(2026, 3, 9)
const kw = (value: number): Amount => amount(Math.round(value * 10), -1)
const at = (index: number, value: number | null, measured = true): IntervalPower => ({
  start: epochMs(midnight + index * QUARTER),
  end: epochMs(midnight + (index + 1) * QUARTER),
  kw: value === null ? null : kw(value),
  measured,
})

describe('loads', () => {
  it('turns a quarter hour of energy into mean power', () => {
    expect(meanKw(amount(1251, -2), 0, QUARTER)).toEqual(amount(50_040_000, -6))
  })

  it('takes the nearest rank: ⌈p·n⌉-th smallest', () => {
    const values = [5, 1, 4, 2, 3, 9, 8, 7, 6, 10, 11].map(kw)
    expect(nearestRank(values, 10)).toEqual(kw(2))
    expect(nearestRank(values.slice(0, 10), 10)).toEqual(kw(1))
    expect(nearestRank([], 10)).toBeUndefined()
  })

  it('gives a base load from measured intervals only, and only when 90 % are measured', () => {
    const week = Array.from({ length: 100 }, (_, index) => at(index, index < 10 ? 0.1 : 10 + index, index >= 10))
    expect(baseLoad(week)).toEqual({ value: kw(28), reason: null })
    expect(baseLoad([...week, at(100, 5, false)])).toEqual({ value: null, reason: 'insufficient_data' })
  })

  it('gives the load of rest days from the calendar, or says there is none', () => {
    const days = Array.from({ length: 192 }, (_, index) => at(index, index < 96 ? 50 : 4))
    expect(restDayLoad(days, ({ date }) => date === '2026-03-10', zone)).toEqual({
      value: amount(4_000_000, -6),
      reason: null,
    })
    expect(restDayLoad(days, ({ weekday }) => weekday === 2, zone).value).toEqual(amount(4_000_000, -6))
    expect(restDayLoad(days, undefined, zone)).toEqual({ value: null, reason: 'not_configured' })
  })

  it('counts the night from 22 to 6 on the plant clock', () => {
    const day = Array.from({ length: 96 }, (_, index) => ({ start: at(index, 1).start, energy: kw(1) }))
    expect(nightShare(day, zone)).toEqual({ value: amount(333_333, -6), reason: null })
    expect(nightShare([], zone)).toEqual({ value: null, reason: 'no_activity' })
  })

  it('finds the power between idling and running, and none for a machine with one mode', () => {
    const modes = [...Array(30).fill(3), ...Array(60).fill(41), ...Array(6).fill(39)].map(kw)
    const threshold = runThreshold(modes)
    // Means 3 and (60 × 41 + 6 × 39) / 66 = 40.818182.
    expect(threshold.value && toNumber(threshold.value)).toBeCloseTo(21.909091, 6)
    expect(runThreshold([40, 41, 42, 43].map(kw))).toEqual({ value: null, reason: 'one_mode' })
    expect(runThreshold([])).toEqual({ value: null, reason: 'one_mode' })
  })

  it('counts idle, run and unknown minutes', () => {
    expect(runMinutes([at(0, 3), at(1, 22), at(2, 40), at(3, null)], kw(22))).toEqual({
      idle: 15,
      run: 30,
      unknown: 15,
    })
  })
})
