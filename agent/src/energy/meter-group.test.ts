import { type Amount, amount, epochMs, formatAmount, meterIdSchema } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import type { IntervalDraft } from './interval.js'
import { balanceGap, groupEnergy, meterGroupSchema } from './meter-group.js'
import type { SlotEnergy } from './spans.js'

const QUARTER = 900_000
const slots = [0, 1, 2].map((index) => ({ start: epochMs(index * QUARTER), end: epochMs((index + 1) * QUARTER) }))
const text = (value: Amount | null) => (value ? formatAmount(value) : null)

function meterLine(name: string, values: readonly (number | null)[]): IntervalDraft[] {
  return values.map((value, index) => ({
    kind: 'interval' as const,
    meter: meterIdSchema.parse(name),
    start: epochMs(index * QUARTER),
    end: epochMs((index + 1) * QUARTER),
    revision: 0,
    segment: 0,
    multiplier: amount(1, 0),
    deltas: [
      {
        quantity: 'energy_active_import_total' as const,
        from: null,
        to: null,
        delta: value === null ? null : amount(value, -2),
        flag: value === null ? ('missing' as const) : ('measured' as const),
      },
    ],
    coverage: 1000,
    formula: 'interval/1',
  }))
}

const intervals = [
  ...meterLine('main', [1000, 1000, 1000]),
  ...meterLine('tenant-a', [400, 300, null]),
  ...meterLine('tenant-b', [333, 333, 333]),
]
const energyOf = (group: unknown) =>
  groupEnergy(meterGroupSchema.parse(group), slots, intervals).map(({ energy }) => text(energy))

describe('groups of meters', () => {
  it('adds and subtracts meters, and does not know what one of them does not', () => {
    expect(energyOf({ id: 'both', add: ['tenant-a', 'tenant-b'] })).toEqual(['7.33', '6.33', null])
    expect(energyOf({ id: 'rest', add: ['main'], subtract: ['tenant-a', 'tenant-b'] })).toEqual(['2.67', '3.67', null])
  })

  it('gives a tenant its share of a shared meter, rounded to Wh', () => {
    expect(energyOf({ id: 'third', add: ['tenant-b'], share: amount(3333, -4) })).toEqual(['1.110', '1.110', '1.110'])
  })

  it('sets the main meter against the sub meters only where all are known', () => {
    const line = (name: string): SlotEnergy[] =>
      groupEnergy(meterGroupSchema.parse({ id: 'g', add: [name] }), slots, intervals)
    const seen = balanceGap(line('main'), [line('tenant-a'), line('tenant-b')])
    expect([text(seen.main), text(seen.subs), text(seen.gap), text(seen.share)]).toEqual([
      '20.00',
      '13.66',
      '6.34',
      '0.317000',
    ])
    expect(seen).toMatchObject({ matched: 2, expected: 3, isBeyond: true })
  })

  it('has no share of a main meter that saw nothing', () => {
    expect(balanceGap([{ energy: amount(0, 0), estimated: false }], [])).toMatchObject({ share: null, isBeyond: false })
  })
})
