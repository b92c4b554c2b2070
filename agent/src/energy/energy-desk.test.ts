import {
  amount,
  bootId,
  epochMs,
  formatAmount,
  type MeterId,
  meterIdSchema,
  monoMs,
  productIdSchema,
  type ReadingRecord,
  toNumber,
} from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { type DeskOptions, EnergyDesk, type EnergyDraft } from './energy-desk.js'
import type { MeterChange } from './interval-cutter.js'
import { PlantZone } from './plant-time.js'
import { newestIntervals } from './spans.js'

const press = meterIdSchema.parse('press-1')
const counter = meterIdSchema.parse('counter-1')
const product = productIdSchema.parse('slipper')
/** 2026-03-10 00:00 in Shanghai. */
const MIDNIGHT = Date.UTC(2026, 2, 9, 16)
const MINUTE = 60_000

const options: DeskOptions = {
  zone: new PlantZone('Asia/Shanghai'),
  minutes: 15,
  shifts: [{ name: 'A', fromMinute: 480, untilMinute: 1200 }],
  meters: [
    { id: press, periodMs: MINUTE, counters: [{ quantity: 'energy_active_import_total' }] },
    { id: counter, periodMs: MINUTE, counters: [{ quantity: 'pulse_count_1' }] },
  ],
  products: [
    {
      id: product,
      unit: 'pair',
      meters: [press],
      counters: [
        { product, meter: counter, quantity: 'pulse_count_1', source: 'counter', unit: 'pair', perCount: amount(2, 0) },
      ],
    },
  ],
}

function reading(
  meter: MeterId,
  quantity: 'energy_active_import_total' | 'pulse_count_1',
  at: number,
  n: number,
  exp: number,
): ReadingRecord {
  return {
    kind: 'reading',
    stamp: { boot: bootId('b'), mono: monoMs(at - MIDNIGHT), wall: epochMs(at), quality: 'S' },
    meter,
    group: 'energy',
    blocks: [0],
    values: [{ quantity, block: 0, value: amount(n, exp) }],
  }
}

/** Twelve hours at 30 kW (0.5 kWh a minute) and five shots a minute, two pairs each. */
function day(): ReadingRecord[] {
  return Array.from({ length: 26 * 60 + 1 }, (_, minute) => {
    const at = MIDNIGHT + minute * MINUTE
    return [
      reading(press, 'energy_active_import_total', at, 100_000 + minute * 50, -2),
      reading(counter, 'pulse_count_1', at, 7 + minute * 5, 0),
    ]
  }).flat()
}

const feed = (desk: EnergyDesk, readings: readonly ReadingRecord[]): EnergyDraft[] =>
  readings.flatMap((one) => desk.take(one, one.stamp.wall))

describe('energy per product, from readings', () => {
  it('gives interval, hour, shift and day figures as they close', () => {
    const drafts = feed(EnergyDesk.fresh(options), day())
    const unit = drafts.flatMap((draft) => (draft.kind === 'unit_energy' ? [draft] : []))
    const count = (period: string): number => unit.filter((draft) => draft.period === period).length
    expect([count('interval'), count('hour'), count('shift'), count('day')]).toEqual([104, 26, 1, 1])
    for (const draft of unit) expect(draft.value && formatAmount(draft.value)).toBe('0.050000')
    const wholeDay = unit.find((draft) => draft.period === 'day')
    expect(wholeDay?.energy && toNumber(wholeDay.energy)).toBe(720)
    expect(wholeDay?.output && toNumber(wholeDay.output)).toBe(14_400)
    expect(wholeDay?.start).toBe(MIDNIGHT)
  })

  it('gives the same after a restart at any point', () => {
    const readings = day()
    const whole = feed(EnergyDesk.fresh(options), readings)
    for (const cut of [1, 31, 500, 1571, readings.length - 3]) {
      const first = EnergyDesk.fresh(options)
      const before = feed(first, readings.slice(0, cut))
      const restored = EnergyDesk.restore(options, first.checkpoint())
      if (!restored.ok) throw new Error(restored.fault.why)
      expect(restored.value.changed).toEqual([])
      restored.value.desk.recall(before.flatMap((draft) => (draft.kind === 'event' ? [] : [draft])))
      expect([...before, ...feed(restored.value.desk, readings.slice(cut))]).toEqual(whole)
    }
  })

  it('gives touched figures again when a declared entry comes later, with the next revision', () => {
    const readings = day().filter(({ meter }) => meter === press)
    const noCounter = { ...options, products: [{ id: product, unit: 'pair', meters: [press], counters: [] }] }
    const desk = EnergyDesk.fresh(noCounter)
    const before = feed(desk, readings)
    const dayFigure = (drafts: readonly EnergyDraft[]) =>
      drafts.flatMap((draft) => (draft.kind === 'unit_energy' && draft.period === 'day' ? [draft] : []))
    expect(dayFigure(before)).toMatchObject([{ revision: 0, value: null, no_value: 'missing_production' }])
    const after = desk.declare({
      kind: 'production',
      entry: 'entry:1',
      revision: 0,
      product,
      source: 'declared',
      start: epochMs(MIDNIGHT),
      end: epochMs(MIDNIGHT + 24 * 60 * MINUTE),
      count: amount(14_400, 0),
      unit: 'pair',
    })
    expect(dayFigure(after)).toMatchObject([{ revision: 1, reason: 'late_values', value: amount(50_000, -6) }])
  })

  it('names a month as due when it ends, and makes it from the ledger; a late correction makes it again', () => {
    // March 2026 from its first hour: 10 kWh an hour, 100 pieces a day declared for each day but the last.
    const hourly = { ...options, minutes: 60 as const, shifts: [], meters: options.meters.slice(0, 1) }
    const plan = { ...hourly, products: [{ id: product, unit: 'pair', meters: [press], counters: [] }] }
    const march = Date.UTC(2026, 1, 28, 16)
    const desk = EnergyDesk.fresh(plan)
    const ledger: EnergyDraft[] = []
    const declared = (day: number, revision = 0) => ({
      kind: 'production' as const,
      entry: `entry:${day}`,
      revision,
      product,
      source: 'declared' as const,
      start: epochMs(march + day * 1440 * MINUTE),
      end: epochMs(march + (day + 1) * 1440 * MINUTE),
      count: amount(revision > 0 ? 150 : 100, 0),
      unit: 'pair',
    })
    for (let half = 0; half <= 31 * 48 + 2; half++) {
      const at = march + half * 30 * MINUTE
      ledger.push(...feed(desk, [reading(press, 'energy_active_import_total', at, half * 500, -2)]))
      if (half % 48 === 0 && half > 0 && half < 31 * 48) ledger.push(...desk.declare(declared(half / 48 - 1)))
    }
    const due = desk.takeDue()
    const month = { start: epochMs(march), end: epochMs(Date.UTC(2026, 2, 31, 16)) }
    expect(due).toEqual([{ product, period: 'month', slot: month }])
    const drafts = () => ledger.flatMap((draft) => (draft.kind === 'event' ? [] : [draft]))
    const figures = due.flatMap((one) => desk.figure(one, drafts()) ?? [])
    // 30 days matched of 31: 7200 kWh ÷ 3000 pieces; all energy is 7440 kWh.
    expect(figures).toMatchObject([
      { period: 'month', revision: 0, value: amount(2_400_000, -6), matched: Math.floor(30000 / 31) },
    ])
    expect(figures[0]?.energy_total && toNumber(figures[0].energy_total)).toBe(7440)

    // The third day is corrected weeks later: its figures are no longer at hand, so they are due from the ledger too.
    ledger.push(...figures)
    const now = desk.declare(declared(2, 1))
    expect(now.filter(({ kind }) => kind === 'unit_energy')).toEqual([])
    ledger.push(...now)
    const again = desk.takeDue().flatMap((one) => desk.figure(one, drafts()) ?? [])
    const day = again.find((one) => one.period === 'day')
    // The day's figure had been given when its hours closed, and once more when its entry came.
    expect(day).toMatchObject({ start: march + 2 * 1440 * MINUTE, revision: 2, value: amount(1_600_000, -6) })
    const corrected = again.find((one) => one.period === 'month')
    expect(corrected).toMatchObject({ revision: 1, reason: 'late_values', output: amount(3050, 0) })
  })

  describe('when the configuration changed over a restart', () => {
    const withMeter = (more: object) => ({
      ...options,
      meters: [
        {
          ...options.meters[0],
          id: press,
          periodMs: MINUTE,
          counters: [{ quantity: 'energy_active_import_total' as const }],
          ...more,
        },
      ],
    })
    /** As cut; what is bridged beside it comes as a revision. */
    const energies = (drafts: readonly EnergyDraft[]) =>
      drafts
        .flatMap((draft) => (draft.kind === 'interval' && draft.revision === 0 ? [draft.deltas[0]?.delta] : []))
        .map((one) => one && toNumber(one))
    const codes = (drafts: readonly EnergyDraft[]) => drafts.flatMap((one) => (one.kind === 'event' ? [one.code] : []))
    /** 0.01 kWh a minute on the meter's own register. */
    const minutes = (from: number, to: number, ct: number): ReadingRecord[] =>
      Array.from({ length: to - from + 1 }, (_, index) =>
        reading(
          press,
          'energy_active_import_total',
          MIDNIGHT + (from + index) * MINUTE,
          (1000 + from + index) * ct,
          -2,
        ),
      )
    const restart = (desk: EnergyDesk, plan: DeskOptions): EnergyDesk => {
      const restored = EnergyDesk.restore(plan, desk.checkpoint())
      if (!restored.ok) throw new Error(restored.fault.why)
      expect(restored.value.changed).toEqual([])
      return restored.value.desk
    }
    const ct = (n: number) => withMeter({ ratio: amount(n, 0) })

    it('books no step of the CT ratio as energy, and says that it changed', () => {
      const desk = EnergyDesk.fresh(ct(40))
      const before = feed(desk, minutes(0, 60, 40))
      const after = feed(restart(desk, ct(60)), minutes(70, 120, 60))
      expect(energies([...before, ...after])).toEqual([6, 6, 6, 6, 3, 9, 9, 9])
      const [event] = after.flatMap((draft) => (draft.kind === 'event' && draft.code === 'ratio_change' ? [draft] : []))
      expect(event?.facts).toMatchObject({ ratio_before: '40', ratio: '60', old_end_at: MIDNIGHT + 60 * MINUTE })
    })

    it('books none either when the ratio was told before the restart, nor twice over two restarts', () => {
      const desk = EnergyDesk.fresh(ct(40))
      const drafts = feed(desk, minutes(0, 60, 40))
      drafts.push(...(desk.change(press, { cause: 'ratio_change', at: epochMs(MIDNIGHT + 60 * MINUTE) })?.drafts ?? []))
      drafts.push(...feed(desk, minutes(61, 63, 40)))
      const second = restart(desk, ct(60))
      drafts.push(...feed(second, minutes(66, 90, 60)), ...feed(restart(second, ct(60)), minutes(91, 105, 60)))
      expect(energies(drafts).slice(4)).toEqual([0.8 + 5.4, 9, 9])
      expect(codes(drafts).filter((code) => code === 'ratio_change')).toHaveLength(2)
    })

    it('only notes a ratio told after it was read with', () => {
      const desk = EnergyDesk.fresh(ct(40))
      feed(desk, minutes(0, 60, 40))
      const second = restart(desk, ct(60))
      feed(second, minutes(70, 80, 60))
      const told = second.change(press, { cause: 'ratio_change', at: epochMs(MIDNIGHT + 62 * MINUTE) })
      expect(told).toMatchObject({ isLate: true })
    })

    it('takes readings of before the restart with the ratio of before', () => {
      const desk = EnergyDesk.fresh(ct(40))
      const drafts = feed(desk, minutes(0, 50, 40))
      const second = restart(desk, ct(60))
      drafts.push(...minutes(51, 60, 40).flatMap((one) => second.take(one, one.stamp.wall, true)))
      drafts.push(...feed(second, minutes(61, 90, 60)))
      expect(energies(drafts)).toEqual([6, 6, 6, 6, 8.4, 9])
    })

    it('goes on through the interval when only the cadence changed, from a checkpoint that names the old one too', () => {
      const desk = EnergyDesk.fresh(withMeter({}))
      const before = feed(desk, minutes(0, 50, 1))
      const second = restart(desk, withMeter({ periodMs: MINUTE / 2 }))
      expect(energies([...before, ...feed(second, minutes(51, 75, 1))])).toEqual([0.15, 0.15, 0.15, 0.15, 0.15])
      const old = desk.checkpoint().replace('15min energy', '15min 60000ms energy')
      expect(old).not.toBe(desk.checkpoint())
      expect(EnergyDesk.restore(withMeter({}), old)).toMatchObject({ ok: true, value: { changed: [] } })
    })
  })

  describe('a change told only after readings of after it were counted', () => {
    const alone: DeskOptions = { ...options, products: [], meters: options.meters.slice(0, 1) }
    const at = (minute: number) => epochMs(MIDNIGHT + minute * MINUTE)
    const off = (minute: number, n: number) => ({
      at: at(minute),
      values: [{ quantity: 'energy_active_import_total' as const, value: amount(n, -2) }],
    })
    /** 30 kW: 0.50 kWh a minute. */
    const minutes = (from: number, to: number, start: number) =>
      Array.from({ length: to - from + 1 }, (_, index) =>
        reading(press, 'energy_active_import_total', at(from + index), start + index * 50, -2),
      )
    const intervalsOf = (drafts: readonly EnergyDraft[]) =>
      drafts.flatMap((draft) => (draft.kind === 'interval' ? [draft] : []))
    const seen = (drafts: readonly EnergyDraft[]) =>
      [...(newestIntervals(intervalsOf(drafts)).get(press)?.values() ?? [])]
        .filter(({ start }) => start >= at(45))
        .map(({ start, revision, deltas: [one] }) => {
          const minute = (start - MIDNIGHT) / MINUTE
          return `${minute} r${revision} ${one?.flag} ${one?.delta ? formatAmount(one.delta) : null}`
        })
    const tell = (drafts: EnergyDraft[], desk: EnergyDesk, change: MeterChange) => {
      expect(desk.isLate(press, change)).toBe(true)
      const told = desk.change(press, change, intervalsOf(drafts))
      drafts.push(...(told?.drafts ?? []))
      return told?.facts
    }
    const partsLieInside = (drafts: readonly EnergyDraft[]) =>
      intervalsOf(drafts).every(({ start, end, deltas }) =>
        deltas.every(({ parts = [] }) => parts.every((part) => part.start >= start && part.end <= end)),
      )

    it('counts nothing twice when a ratio is told with its register: only the interval it lies in is doubted', () => {
      const desk = EnergyDesk.fresh(alone)
      const drafts = feed(desk, minutes(0, 80, 1000))
      const facts = tell(drafts, desk, { cause: 'ratio_change', at: at(60), newStart: off(60, 4000) })
      drafts.push(...feed(desk, minutes(81, 120, 1000 + 81 * 50)))
      expect(seen(drafts)).toEqual([
        '45 r0 measured 7.50',
        '60 r1 suspect null',
        '75 r0 measured 7.50',
        '90 r0 measured 7.50',
        '105 r0 measured 7.50',
      ])
      expect(facts).toMatchObject({ suspect_intervals: 1, unmetered_s: 0 })
      expect(partsLieInside(drafts)).toBe(true)
    })

    it('takes the step to a higher register out of every interval it was spread over', () => {
      const desk = EnergyDesk.fresh(alone)
      const drafts = feed(desk, [...minutes(0, 60, 40_000), ...minutes(90, 180, 300_000)])
      expect(seen(drafts).slice(1, 3)).toEqual(['60 r0 estimated 1285.00', '75 r0 estimated 1285.00'])
      tell(drafts, desk, {
        cause: 'meter_exchange',
        at: at(61),
        oldEnd: off(61, 43_050),
        newStart: off(89, 299_950),
      })
      drafts.push(...feed(desk, minutes(181, 195, 300_000 + 91 * 50)))
      expect(seen(drafts)).toEqual([
        '45 r0 measured 7.50',
        '60 r1 suspect null',
        '75 r1 suspect null',
        ...[90, 105, 120, 135, 150, 165, 180].map((minute) => `${minute} r0 measured 7.50`),
      ])
    })

    it('doubts the silence before the time told too, and what is still open', () => {
      const desk = EnergyDesk.fresh(alone)
      // Silent from 00:50 to 01:20, told at 01:25 that the exchange was at 01:16.
      const drafts = feed(desk, [...minutes(0, 50, 40_000), ...minutes(80, 85, 300_000)])
      tell(drafts, desk, { cause: 'meter_exchange', at: at(76), newStart: off(79, 299_950) })
      drafts.push(...feed(desk, minutes(86, 105, 300_000 + 6 * 50)))
      const cut = intervalsOf(drafts).filter(({ reason }) => !reason?.startsWith('estimated'))
      expect(seen(cut)).toEqual([
        '45 r1 suspect null',
        '60 r1 suspect null',
        '75 r0 measured 5.50',
        '90 r0 measured 7.50',
      ])
      expect(partsLieInside(drafts)).toBe(true)
    })

    it('doubts all since when nothing says which meter the readings since are of', () => {
      const desk = EnergyDesk.fresh(alone)
      const drafts = feed(desk, minutes(0, 80, 1000))
      tell(drafts, desk, { cause: 'meter_exchange', at: at(50) })
      drafts.push(...feed(desk, minutes(81, 105, 70_000)))
      expect(seen(intervalsOf(drafts).filter(({ reason }) => !reason?.startsWith('estimated')))).toEqual([
        '45 r1 suspect null',
        '60 r1 suspect null',
        '75 r0 measured 4.50',
        '90 r0 measured 7.50',
      ])
    })

    it('doubts all since when readings were multiplied by the ratio of before', () => {
      const own = { ...alone, meters: alone.meters.map((meter) => ({ ...meter, ratio: amount(40, 0) })) }
      const desk = EnergyDesk.fresh(own)
      const drafts = feed(desk, minutes(0, 80, 1000))
      tell(drafts, desk, { cause: 'ratio_change', at: at(50), newStart: off(50, 3500) })
      expect(seen(drafts)).toEqual(['45 r1 suspect null', '60 r1 suspect null'])
    })

    it('goes beyond its own revision when a counter that lags comes', () => {
      const reactive = 'energy_reactive_import_total'
      const [meter] = alone.meters
      const both = {
        ...alone,
        meters: [
          { ...meter, id: press, periodMs: MINUTE, counters: [...(meter?.counters ?? []), { quantity: reactive }] },
        ],
      } as const
      const desk = EnergyDesk.fresh(both)
      const withReactive = (one: ReadingRecord): ReadingRecord => ({
        ...one,
        values: [...one.values, { quantity: reactive, block: 0, value: amount(one.stamp.wall - MIDNIGHT, -6) }],
      })
      const drafts = feed(desk, [...minutes(0, 50, 1000).map(withReactive), ...minutes(51, 120, 3550)])
      tell(drafts, desk, { cause: 'meter_exchange', at: at(61), newStart: off(62, 4100) })
      drafts.push(...feed(desk, minutes(121, 135, 7050).map(withReactive)))
      const revisions = intervalsOf(drafts)
        .filter(({ start }) => start === at(60))
        .map(({ revision, deltas: [one] }) => [revision, one?.flag])
      expect(revisions).toEqual([
        [0, 'measured'],
        [1, 'suspect'],
        [2, 'suspect'],
      ])
    })
  })

  it('refuses a checkpoint that is none', () => {
    expect(EnergyDesk.restore(options, '{"format":"other"}')).toMatchObject({ ok: false })
    expect(EnergyDesk.restore(options, 'not json')).toMatchObject({ ok: false })
  })
})
