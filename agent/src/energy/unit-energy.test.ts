import { type Amount, amount, toNumber } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { workedCase } from './fixtures/worked-case.js'
import type { Span } from './spans.js'
import { byWeight, jointSpans, unitEnergy } from './unit-energy.js'

const HOUR = 3_600_000
const zero = amount(0, 0)
const kwh = (value: number): Amount => amount(Math.round(value * 100), -2)
const hour = (index: number, energy: number | null, output: number | null): Span => ({
  start: index * HOUR,
  end: (index + 1) * HOUR,
  energy: energy === null ? null : kwh(energy),
  output: output === null ? null : amount(output, 0),
  estimated: zero,
})
const number = (value: Amount | null) => (value ? toNumber(value) : null)

const figures = z.object({
  matched_coverage: z.number(),
  energy_kwh: z.number(),
  matched_energy_kwh: z.number(),
  matched_pairs: z.number(),
  unit_energy_kwh_per_pair: z.number().nullable(),
  reason: z.string().nullable(),
})
const { input, expected } = workedCase(
  'C3_unit_energy_day',
  z.object({
    hours: z.array(z.object({ h: z.number(), kwh: z.number(), good_pairs: z.number().nullable() })),
    sub_cases: z.array(
      z.object({ name: z.string(), kwh: z.array(z.number()), good_pairs: z.array(z.number().nullable()) }),
    ),
  }),
  figures.extend({
    process_unit_energy_kwh_per_pair: z.number(),
    non_productive_kwh: z.number(),
    non_productive_share: z.number(),
    sub_cases: z.array(figures.extend({ name: z.string() })),
  }),
)

function expectFigures(spans: readonly Span[], wanted: z.infer<typeof figures>) {
  const seen = unitEnergy(spans)
  expect(seen.matchedMs / seen.expectedMs).toBeCloseTo(wanted.matched_coverage, 6)
  expect(toNumber(seen.energyTotal)).toBe(wanted.energy_kwh)
  expect(toNumber(seen.matchedEnergy)).toBe(wanted.matched_energy_kwh)
  expect(toNumber(seen.matchedOutput)).toBe(wanted.matched_pairs)
  expect(seen.reason).toBe(wanted.reason)
  if (wanted.unit_energy_kwh_per_pair === null) expect(seen.value).toBeNull()
  else expect(Math.abs((number(seen.value) ?? Number.NaN) - wanted.unit_energy_kwh_per_pair)).toBeLessThanOrEqual(1e-6)
  return seen
}

describe('worked case C3: unit energy of one day', () => {
  it('gives the ratio of sums over matched hours, process energy and the non-productive share', () => {
    const seen = expectFigures(
      input.hours.map(({ h, kwh: energy, good_pairs }) => hour(h, energy, good_pairs)),
      expected,
    )
    expect(Math.abs((number(seen.processValue) ?? 0) - expected.process_unit_energy_kwh_per_pair)).toBeLessThanOrEqual(
      1e-6,
    )
    expect(toNumber(seen.idleEnergy)).toBe(expected.non_productive_kwh)
    expect(Math.abs((number(seen.idleShare) ?? 0) - expected.non_productive_share)).toBeLessThanOrEqual(1e-6)
  })

  it.each(input.sub_cases.map((one, index) => ({ ...one, wanted: expected.sub_cases[index] })))(
    'says $name instead of a number',
    ({ kwh: energies, good_pairs, wanted }) => {
      expectFigures(
        energies.map((energy, index) => hour(index, energy, good_pairs[index] ?? null)),
        figures.parse(wanted),
      )
    },
  )
})

describe('unit energy', () => {
  it('weights spans by their length, not by their number', () => {
    const long: Span = { ...hour(0, 80, 100), end: 8 * HOUR }
    const short: Span = { ...hour(8, 10, null) }
    expect(unitEnergy([long, short], 800)).toMatchObject({ reason: null, value: amount(800_000, -6) })
  })

  it('gives kWh/kg beside kWh/pair when the weight is known', () => {
    const spans = [hour(0, 60, 100)]
    expect(unitEnergy(byWeight(spans, amount(325, -3))).value).toEqual(amount(1_846_154, -6))
  })

  it('adds the weight of several products that share one meter', () => {
    const spans = jointSpans([
      { spans: [hour(0, 60, 100)], weight: amount(3, -1) },
      { spans: [hour(0, 60, 50)], weight: amount(6, -1) },
    ])
    expect(unitEnergy(spans).value).toEqual(amount(1_000_000, -6))
  })
})
