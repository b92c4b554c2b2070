import {
  type Amount,
  amount,
  compare,
  type EpochMs,
  epochMs,
  type MeterId,
  meterIdSchema,
  type QuantityName,
  type ReadingRecord,
  type Stamp,
  subtract,
} from '@metergate/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import type { EnergyReport } from '../control/calls.js'
import { EnergyDesk, type EnergyDraft } from '../energy/energy-desk.js'
import { PlantZone } from '../energy/plant-time.js'
import { VEE_CHECK_IDS, type VeeCheckId } from '../energy/vee-table.js'
import { MemoryRecordStore } from '../store/memory-record-store.js'
import { SEALER, SeededRandom, stampOf } from '../store/testing/make.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { checkRates } from './energy-rates.js'
import { energyReport } from './energy-report.js'
import type { ReportParts } from './report-parts.js'

/**
 * February of three meters, read every quarter hour, through the daemon's own path: readings into the desk, what it makes into
 * the store, the report from there. Each check is provoked in the readings themselves where a meter can cause it.
 */
const QUARTER = 900_000
const DAY_MS = 96 * QUARTER
/** On the 21st, at ten. */
const EXCHANGED = 20 * 96 + 40
const zone = new PlantZone('Asia/Shanghai')
const month = zone.month(epochMs(Date.UTC(2026, 1, 10)))
const MAIN = meterIdSchema.parse('main')
const PRESS = meterIdSchema.parse('press')
const IDLE = meterIdSchema.parse('idle')
const kwh = (hundredths: number): Amount => amount(Math.round(hundredths), -2)

/** Hundredths of a kWh the press takes in a quarter hour. */
function pressUse(day: number, quarter: number): number {
  if (day === 3 && quarter === 40) return 2_500 // spike
  if (day === 5) return 900 // a day of three times the usual use
  if (day === 7 && quarter >= 20 && quarter < 30) return 0 // idle while alive
  return 300 + (quarter % 4)
}

interface Made {
  readonly at: EpochMs
  readonly meter: MeterId
  readonly values: readonly [QuantityName, Amount][]
}

function* readings(): Generator<Made> {
  let [main, press, reactive] = [0, 0, 0]
  for (let step = 0; step <= 28 * 96; step += 1) {
    const at = epochMs(month.start + step * QUARTER)
    const [day, quarter] = [Math.floor(step / 96), step % 96]
    // On the 13th the press' register starts again at 10 kWh.
    if (day === 12 && quarter === 50) press = 1_000
    yield { at, meter: MAIN, values: [['energy_active_import_total', kwh(main)]] }
    // The press comes on the 2nd, and nobody hears it on the 16th.
    if (day !== 0 && day !== 15) yield { at, meter: PRESS, values: pressValues(press, reactive, day) }
    yield { at, meter: IDLE, values: [['energy_active_import_total', kwh(step < EXCHANGED ? step : step - EXCHANGED)]] }
    main += day === 27 && quarter === 10 ? 420 : 400
    press += pressUse(day, quarter)
    reactive += day === 9 ? 3_000 : 50
  }
}

function pressValues(press: number, reactive: number, day: number): [QuantityName, Amount][] {
  // On the 19th one of the rate registers lags behind by 0.5 kWh.
  const peak = Math.floor(press / 3)
  const lag = day === 18 ? 50 : 0
  return [
    ['energy_active_import_total', kwh(press)],
    ['energy_active_import_t1', kwh(peak)],
    ['energy_active_import_t2', kwh(press - peak - lag)],
    ['energy_reactive_import_total', kwh(reactive)],
    ['power_active_total', kwh(1_000)],
  ]
}

/** The idle meter is exchanged shortly before `at`; ten minutes of it nobody metered. */
function exchange(at: EpochMs): readonly EnergyDraft[] {
  const poll = (ago: number, hundredths: number) => ({
    at: epochMs(at - ago),
    values: [{ quantity: 'energy_active_import_total' as const, value: kwh(hundredths) }],
  })
  const change = { cause: 'meter_exchange' as const, at: epochMs(at - 720_000) }
  return desk.change(IDLE, { ...change, oldEnd: poll(720_000, EXCHANGED), newStart: poll(120_000, 0) })?.drafts ?? []
}

/** What no reading can cause, since intervals are differences of registers: a record given twice, and one that was altered. */
function altered(drafts: readonly EnergyDraft[]): EnergyDraft[] {
  return drafts.flatMap((draft): EnergyDraft[] => {
    if (draft.kind !== 'interval' || draft.meter !== MAIN) return []
    const [day, rest] = [Math.floor((draft.start - month.start) / DAY_MS), (draft.start - month.start) % DAY_MS]
    if (rest !== 0) return []
    const deltas = draft.deltas.map((delta) => ({ ...delta, delta: kwh(9_000) }))
    if (day === 24) return [{ ...draft, coverage: 999 }]
    return day === 25 ? [{ ...draft, revision: 1, deltas }] : []
  })
}

const counter = (quantity: QuantityName) => ({ quantity })
const desk = EnergyDesk.fresh({
  zone,
  minutes: 15,
  meters: [MAIN, PRESS, IDLE].map((id) => ({
    id,
    periodMs: QUARTER,
    counters: [counter('energy_active_import_total'), counter('energy_reactive_import_total')],
  })),
  products: [],
  shifts: [],
})

const parts: ReportParts = {
  zone,
  minutes: 15,
  meters: [MAIN, PRESS, IDLE].map((id) => ({
    id,
    label: id,
    hasEnergy: true,
    rates:
      id === PRESS
        ? {
            total: 'energy_active_import_total',
            rates: ['energy_active_import_t1', 'energy_active_import_t2'],
            step: kwh(1),
            withinMs: 7_200_000,
          }
        : undefined,
  })),
  products: [],
  groups: [{ id: 'hall', kind: 'main_and_sub', main: MAIN, meters: [PRESS] }],
  contractKw: amount(15, 0),
  limits: { demand_step: amount(5, 0), energy_balance: amount(3, -1) },
}

function readingOf(meter: MeterId, stamp: Stamp, values: readonly (readonly [QuantityName, Amount])[]): ReadingRecord {
  return {
    kind: 'reading',
    stamp,
    meter,
    group: 'energy',
    blocks: [0],
    values: values.map(([quantity, value]) => ({ quantity, block: 0, value })),
  }
}

let report: EnergyReport

beforeAll(async () => {
  const clock = new VirtualClock({ wall: month.end })
  const store = new MemoryRecordStore({ clock, random: new SeededRandom(1), sealer: () => SEALER })
  const keep = async (drafts: readonly EnergyDraft[]): Promise<void> => {
    if (drafts.length > 0) await store.append(drafts.map((draft) => ({ ...draft, stamp: stampOf(clock) })))
  }
  for (const { at, meter, values } of readings()) {
    const reading = readingOf(meter, { ...stampOf(clock), wall: at }, values)
    await store.append([reading])
    if (meter === IDLE && at === month.start + EXCHANGED * QUARTER) await keep(exchange(at))
    const drafts = desk.take(reading, at)
    await keep([...drafts, ...altered(drafts)])
  }
  report = energyReport(store, parts, month)
})

const found = (check: VeeCheckId) =>
  report.checks
    .filter((one) => one.check === check)
    .map(
      ({ meter, start, value, limit }) =>
        `${meter} ${Math.floor((start - month.start) / DAY_MS) + 1}: ${value} (${limit})`,
    )

describe('the checks of a month', () => {
  it('are all asked: each finds what was provoked', () => {
    const silent = VEE_CHECK_IDS.filter((id) => found(id).length === 0)
    expect(silent).toEqual([])
  })

  it.each<[VeeCheckId, readonly string[]]>([
    ['spike', ['main 26: 21.500000 (1.8)', 'press 4: 7.250825 (1.8)']],
    ['sum', ['main 26: 86.00 (1.92000)']],
    ['demand_limit', ['main 26: 360.000 (16.5)', 'main 28: 16.800 (16.5)']],
    ['demand_step', ['press 4: 7.250825 (5)']],
    // Twice the mean of the four days before, one of them with the spike: 2 × (4 × 289.44 + 22) ÷ 4.
    ['high_low', ['press 6: 864.00 (589.880000)']],
    ['zero_run', ['press 8: 10 (8)']],
    ['reactive', ['press 10: 0.10 (0.3)']],
    ['negative', ['press 13: fell (never)']],
    ['interval_size', ['idle 21: 300.000 (900.000)']],
    ['tou_sum', ['press 19: 0.50 (0.02)']],
    ['energy_balance', ['hall 6: -1.250000 (0.3)', 'hall 8: 0.324714 (0.3)', 'hall 26: 0.384170 (0.3)']],
    ['duplicate', ['main 25: different contents (once)']],
    ['load_factor', ['main 1: 0.044801 (0.05)', 'idle 1: 1.000000 (0.95)']],
  ])('%s: nothing but what was provoked', (check, expected) => {
    expect(found(check)).toEqual(expected)
  })

  it('missing: the first day of a meter that came later, and the quarter hour of which only a part was metered', () => {
    const first = Array.from({ length: 96 }, () => 'press 1: none (a value)')
    expect(found('missing')).toEqual([...first, 'idle 21: none (a value)'])
  })

  it('say of a spike whether the register bears it out', () => {
    const verdicts = report.checks.flatMap(({ meter, verdict }) => (verdict ? [`${meter} ${verdict}`] : []))
    expect(verdicts).toEqual(['main corrupt', 'press real_use'])
  })

  it('change no figure: less what was bridged, the total is what the registers say', () => {
    const press = report.meters.find(({ meter }) => meter === PRESS)
    const used = Array.from({ length: 27 * 96 }, (_, step) => pressUse(Math.floor(step / 96) + 1, step % 96))
    // In the quarter hour of the reset no register saw what was used.
    const seen = used.reduce((sum, one) => sum + one, 0) - pressUse(12, 49)
    expect(press?.energy && press.bridged && compare(subtract(press.energy, press.bridged), kwh(seen))).toBe(0)
  })
})

/** `rates` of one reading against the totals of the readings around it, hundredths of a kWh. */
async function touSum(...list: { total?: number; rates?: readonly [number, number] }[]) {
  const clock = new VirtualClock({ wall: month.start })
  const store = new MemoryRecordStore({ clock, random: new SeededRandom(1), sealer: () => SEALER })
  for (const [index, { total, rates }] of list.entries()) {
    const values: [QuantityName, number][] = [
      ...(total === undefined ? [] : [['energy_active_import_total', total] satisfies [QuantityName, number]]),
      ...(rates ?? []).map((value, at): [QuantityName, number] => [
        at === 0 ? 'energy_active_import_t1' : 'energy_active_import_t2',
        value,
      ]),
    ]
    const wall = epochMs(month.start + DAY_MS - (list.length - index) * 60_000)
    await store.append([
      readingOf(
        PRESS,
        { ...stampOf(clock), wall },
        values.map(([name, value]) => [name, kwh(value)]),
      ),
    ])
  }
  const plan = parts.meters.find(({ id }) => id === PRESS)?.rates
  if (!plan) throw new Error('the press has rates')
  return checkRates(store, { meter: PRESS, plan }, [zone.day(month.start)]).map(({ value }) => value)
}

describe('rates against the total, read at different times', () => {
  it('agree where their sum lies between the totals before and after', async () => {
    expect(await touSum({ total: 1_000 }, { rates: [600, 450] }, { total: 1_100 })).toEqual([])
  })

  it('differ by what the sum lacks of the total before, or has beyond the total after', async () => {
    expect(await touSum({ total: 1_000 }, { rates: [600, 350] }, { total: 1_100 })).toEqual(['0.50'])
    expect(await touSum({ total: 1_000 }, { rates: [600, 550] }, { total: 1_100 })).toEqual(['0.50'])
  })

  it('are not judged with a rate or a total missing', async () => {
    expect(await touSum({ rates: [600, 350] }, { total: 1_100 })).toEqual([])
    expect(await touSum({ total: 1_000 }, { rates: [600, 350] })).toEqual([])
    expect(await touSum({ total: 1_000 }, {}, { total: 1_100 })).toEqual([])
  })
})
