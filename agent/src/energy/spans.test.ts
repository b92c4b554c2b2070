import {
  type Amount,
  amount,
  bootId,
  epochMs,
  formatAmount,
  type IntervalDelta,
  type MeterId,
  meterIdSchema,
  monoMs,
  productIdSchema,
  type QuantityName,
} from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { EnergyDesk, type EnergyDraft } from './energy-desk.js'
import type { IntervalDraft } from './interval.js'
import { knownEnergies, meterFigures } from './meter-figures.js'
import { balanceGap } from './meter-group.js'
import { PlantZone, type Slot } from './plant-time.js'
import { newestIntervals, slotEnergy, slotsOf, sum } from './spans.js'
import { windowTotal } from './window.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const E: QuantityName = 'energy_active_import_total'
const zone = new PlantZone('Asia/Shanghai')
const T0 = Date.parse('2026-03-10T08:00:00+08:00')
const press = meterIdSchema.parse('press-1')
const main = meterIdSchema.parse('main')
const pulses = meterIdSchema.parse('counter-1')
const product = productIdSchema.parse('slipper')
const text = (value: Amount | null | undefined) => (value ? formatAmount(value) : null)
const period: Slot = { start: epochMs(T0), end: epochMs(T0 + 8 * HOUR) }

/** 30 kW and ten pairs a minute; the press is exchanged and unmetered from 10:05 to 13:55, longer than is bridged. */
function exchangedForHours(): EnergyDraft[] {
  const counter = { product, meter: pulses, quantity: 'pulse_count_1', source: 'counter', unit: 'pair' } as const
  const desk = EnergyDesk.fresh({
    zone,
    minutes: 60,
    shifts: [],
    meters: [press, main, pulses].map((id) => ({
      id,
      periodMs: MINUTE,
      counters: [{ quantity: id === pulses ? 'pulse_count_1' : E }],
    })),
    products: [{ id: product, unit: 'pair', meters: [press], counters: [{ ...counter, perCount: amount(1, 0) }] }],
  })
  const read = (meter: MeterId, quantity: QuantityName, minute: number, value: Amount) => {
    const wall = epochMs(T0 + minute * MINUTE)
    const stamp = { boot: bootId('b'), mono: monoMs(minute), wall, quality: 'S' } as const
    const values = [{ quantity, block: 0, value }]
    return desk.take({ kind: 'reading', stamp, meter, group: 'energy', blocks: [0], values }, wall)
  }
  const drafts: EnergyDraft[] = []
  for (let minute = 0; minute <= 480; minute += 1) {
    drafts.push(...read(pulses, 'pulse_count_1', minute, amount(minute * 10, 0)))
    drafts.push(...read(main, E, minute, amount(minute * 50, -2)))
    if (minute > 125 && minute < 355) continue
    if (minute === 355)
      drafts.push(...(desk.change(press, { cause: 'meter_exchange', at: epochMs(T0 + 125 * MINUTE) })?.drafts ?? []))
    drafts.push(...read(press, E, minute, amount((minute < 355 ? minute : minute - 355) * 50, -2)))
  }
  return drafts
}

describe('an interval of which the registers saw a part', () => {
  const drafts = exchangedForHours()
  const intervals = drafts.flatMap((draft) => (draft.kind === 'interval' ? [draft] : []))
  const byMeter = newestIntervals(intervals)
  const lineOf = (meter: MeterId) =>
    slotsOf(period, zone, 60).map(({ start }) => slotEnergy(byMeter.get(meter)?.get(start), E))

  it('has no energy of its own: 2.5 kWh of five minutes are not the hour’s', () => {
    expect(lineOf(press).map(({ energy }) => text(energy))).toEqual([
      ...['30.00', '30.00', null, null, null],
      ...[null, '30.00', '30.00'],
    ])
  })

  it('makes no ratio with the whole hour’s output', () => {
    const hours = drafts.flatMap((draft) => (draft.kind === 'unit_energy' && draft.period === 'hour' ? [draft] : []))
    expect(new Set(hours.map(({ value }) => text(value)))).toEqual(new Set(['0.050000', null]))
    const late = hours.find(({ start }) => start === T0 + 5 * HOUR)
    expect([text(late?.value), late?.no_value, late?.matched]).toEqual([null, 'insufficient_data', 0])
  })

  it('opens no gap of a balance, and is no low power', () => {
    const gap = balanceGap(lineOf(main), [lineOf(press)])
    expect([text(gap.gap), gap.isBeyond, gap.matched]).toEqual(['0.00', false, 4])
    const figures = meterFigures(period, zone, 60, byMeter.get(press) ?? new Map())
    // Four hours of eight known: too few for a base load, and none of 2.5 kW.
    expect(text(figures.baseLoad.value)).not.toBe('2.500')
  })

  it('stays in the total of a window and in the split over a tariff', () => {
    const own = byMeter.get(press) ?? new Map<number, IntervalDraft>()
    const { total } = windowTotal({ period, zone, minutes: 60, intervals: own.values() })
    expect(text(total)).toBe('125.00')
    expect(text(sum(knownEnergies(own.values()).map(({ energy }) => energy)))).toBe('125.00')
  })
})

describe('parts', () => {
  const part = { segment: 0, start: epochMs(T0), end: epochMs(T0 + 40 * MINUTE), from: amount(0, 0), to: amount(4, 0) }
  const rest = { ...part, segment: 1, start: part.end, end: epochMs(T0 + HOUR) }
  const energyOf = (change: Partial<IntervalDelta>) => {
    const delta: IntervalDelta = { quantity: E, from: null, to: null, delta: amount(4, 0), flag: 'measured', ...change }
    const { start, end } = { start: epochMs(T0), end: epochMs(T0 + HOUR) }
    const shared = { revision: 0, segment: 0, multiplier: amount(1, 0), coverage: 1000, formula: 'interval/2' }
    return text(slotEnergy({ kind: 'interval', meter: press, start, end, ...shared, deltas: [delta] }, E).energy)
  }

  it.each<[string, Partial<IntervalDelta>, string | null]>([
    ['fill the interval together', { parts: [part, rest] }, '4'],
    ['leave a third of it out', { parts: [part] }, null],
    ['leave it out where the shape is drawn', { parts: [part], flag: 'estimated', method: 'register_prorate' }, null],
    ['leave out what was bridged', { parts: [part], flag: 'mixed', method: 'bridge_mean' }, '4'],
    [
      'leave out what was estimated by like days',
      { parts: [part], flag: 'estimated', method: 'average_like_day' },
      '4',
    ],
  ])('that %s', (_what, change, expected) => {
    expect(energyOf(change)).toBe(expected)
  })
})
