import { amount, epochMs, formatAmount, meterIdSchema } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { GapEstimator, gapStateSchema } from './gap-estimator.js'
import { type CutterOutput, IntervalCutter } from './interval-cutter.js'
import { PlantZone } from './plant-time.js'
import { windowTotal } from './window.js'

const meter = meterIdSchema.parse('press-3')
const quantity = 'energy_active_import_total'
const zone = new PlantZone('Asia/Shanghai')
const START = Date.parse('2026-03-10T08:00:00+08:00')
const MINUTE = 60_000
const at = (minute: number) => epochMs(START + minute * MINUTE)
const poll = (minute: number, kwh: number) => ({
  at: at(minute),
  values: [{ quantity, value: amount(Math.round(kwh * 100), -2) } as const],
})

/** 60 kW until the exchange at minute 22, 90 kW after it; `unmetered` minutes nobody counts. */
function exchange(unmetered: number) {
  const cutter = new IntervalCutter({
    meter,
    zone,
    minutes: 15,
    periodMs: MINUTE,
    counters: [{ quantity, modulus: amount(1_000_000, 0), maxPerHour: amount(400, 0) }],
  })
  const outputs: CutterOutput[] = []
  for (let minute = 0; minute < 22; minute++) outputs.push(cutter.read(poll(minute, 100 + minute)))
  outputs.push(cutter.change({ cause: 'meter_exchange', at: at(22), oldEnd: poll(22, 122) }))
  for (let minute = 0; minute <= 90; minute++)
    outputs.push(cutter.read(poll(22 + unmetered + minute, 7 + 1.5 * minute)))
  return outputs.flatMap(({ intervals }) => intervals)
}

describe('a meter exchange with twelve unmetered minutes (the rule of case C2)', () => {
  const cut = exchange(12)
  const all = new GapEstimator().take(cut)
  const estimates = all.filter(({ revision }) => revision > 0)

  it('gives the estimate as the next revision with its method, and leaves what was cut as it is', () => {
    expect(all.filter(({ revision }) => revision === 0)).toEqual(cut)
    expect(estimates.map(({ start, reason }) => [start, reason])).toEqual([
      [at(15), 'estimated: bridge_mean'],
      [at(30), 'estimated: bridge_mean'],
    ])
    for (const { deltas } of estimates) expect(deltas[0]).toMatchObject({ flag: 'mixed', method: 'bridge_mean' })
  })

  it('bridges with the mean of both mean powers × the time, apart from what the registers say', () => {
    const period = { start: at(0), end: at(105) }
    const total = windowTotal({ period, zone, minutes: 15, intervals: all })
    const plain = windowTotal({ period, zone, minutes: 15, intervals: cut })
    // (60 kW + 90 kW) ÷ 2 × 12 min, worked out by hand.
    expect(Number(formatAmount(total.bridged))).toBeCloseTo(15, 6)
    expect(formatAmount(total.estimated)).toBe(formatAmount(total.bridged))
    expect(Number(formatAmount(plain.total))).toBe(22 + 1.5 * 71)
    expect(Number(formatAmount(total.total))).toBeCloseTo(22 + 1.5 * 71 + 15, 6)
    expect(total.timeCoverage).toEqual(plain.timeCoverage)
    expect(total.totalQuality).toBe('mixed')
  })

  it('comes to the same whether taken in one run or with a restart after every interval', () => {
    let state: unknown = JSON.parse(JSON.stringify(new GapEstimator().state()))
    const piecewise = cut.flatMap((interval) => {
      const estimator = new GapEstimator(gapStateSchema.parse(state))
      const taken = estimator.take([interval])
      state = JSON.parse(JSON.stringify(estimator.state()))
      return taken
    })
    expect(piecewise).toEqual(all)
  })

  it('goes beyond the estimate when the interval itself is revised later', () => {
    const estimator = new GapEstimator()
    estimator.take(cut)
    const [first] = estimates
    if (!first) throw new Error('an estimate')
    const late = cut.find(({ start }) => start === first.start)
    if (!late) throw new Error('its interval')
    expect(estimator.take([{ ...late, revision: 1, reason: 'late_values' }])[0]?.revision).toBe(2)
  })
})

it('leaves a gap of more than two hours open', () => {
  const all = new GapEstimator().take(exchange(150))
  expect(all.every(({ revision }) => revision === 0)).toBe(true)
})
