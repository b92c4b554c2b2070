import { amount, epochMs, meterIdSchema, productIdSchema } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { INTERVAL_FORMULA, type IntervalDraft } from '../energy/interval.js'
import { PlantZone } from '../energy/plant-time.js'
import type { ProductionDraft } from '../energy/production.js'
import { CloseBook } from './close-book.js'

const zone = new PlantZone('Asia/Shanghai')
const [press, main] = [meterIdSchema.parse('press-1'), meterIdSchema.parse('main')]
const QUARTER = 900_000

const interval = (meter: typeof press, end: number): IntervalDraft => ({
  kind: 'interval',
  meter,
  start: epochMs(end - QUARTER),
  end: epochMs(end),
  revision: 0,
  segment: 0,
  multiplier: amount(1, 0),
  deltas: [],
  coverage: 1000,
  formula: INTERVAL_FORMULA,
})
const declared = (start: number, end: number): ProductionDraft => ({
  kind: 'production',
  entry: 'entry:1',
  revision: 0,
  product: productIdSchema.parse('boot'),
  source: 'declared',
  start: epochMs(start),
  end: epochMs(end),
  count: amount(1, 0),
  unit: 'pair',
})
const midnight = (month: number, day: number) => zone.midnight(2026, month, day)
const named = (closes: ReturnType<CloseBook['take']>) =>
  closes.map(({ period, slot }) => `${period} ${zone.local(slot.start).date}`)

describe('closing days and months', () => {
  it('closes a day once every meter has passed its end, and the month with its last day', () => {
    const book = new CloseBook(zone, [press, main], midnight(2, 27))
    expect(named(book.take([interval(press, midnight(2, 28))]))).toEqual([])
    expect(named(book.take([interval(main, midnight(2, 28))]))).toEqual(['day 2026-02-27'])
    expect(named(book.take([interval(press, midnight(3, 1)), interval(main, midnight(3, 1))]))).toEqual([
      'day 2026-02-28',
      'month 2026-02-01',
    ])
  })

  it('waits two hours for a silent meter', () => {
    const book = new CloseBook(zone, [press, main], midnight(2, 27))
    expect(named(book.take([interval(press, midnight(2, 28) + 7 * QUARTER)]))).toEqual([])
    expect(named(book.take([interval(press, midnight(2, 28) + 8 * QUARTER)]))).toEqual(['day 2026-02-27'])
  })

  it('closes again what a late interval or an entry changes, with the month it lies in', () => {
    const book = new CloseBook(zone, [press, main], midnight(3, 2))
    expect(named(book.take([interval(press, midnight(2, 28))]))).toEqual(['day 2026-02-27', 'month 2026-02-01'])
    expect(named(book.take([declared(midnight(3, 1) - QUARTER, midnight(3, 1) + QUARTER)]))).toEqual([
      'day 2026-02-28',
      'day 2026-03-01',
      'month 2026-02-01',
    ])
    expect(named(book.take([declared(midnight(3, 2), midnight(3, 3))]))).toEqual([])
  })
})
