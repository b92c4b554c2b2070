import { amount, epochMs, meterIdSchema, productIdSchema } from '@metergate/protocol'
import { expect, it } from 'vitest'
import { energyCsv } from '../cli/energy-csv.js'
import { PlantZone } from '../energy/plant-time.js'
import { MemoryRecordStore } from '../store/memory-record-store.js'
import { SEALER, SeededRandom, stampOf } from '../store/testing/make.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { closingEvents } from './energy-close.js'
import { energyReport } from './energy-report.js'

const zone = new PlantZone('Asia/Shanghai')
const [one, other] = [meterIdSchema.parse('press-1'), meterIdSchema.parse('press-2')]

it('says of products with one meter that each is given all its energy, on the report, the CSV and the closing', async () => {
  const slot = zone.slot(Date.parse('2026-03-10T08:00:00+08:00'), 60)
  const clock = new VirtualClock({ wall: slot.end })
  const store = new MemoryRecordStore({ clock, random: new SeededRandom(1), sealer: () => SEALER })
  const shared = { revision: 0, segment: 0, multiplier: amount(1, 0), coverage: 1000, formula: 'interval/2' }
  const delta = { from: null, to: null, delta: amount(8, 0), flag: 'measured' } as const
  await store.append([
    {
      ...{ kind: 'interval', stamp: stampOf(clock), meter: one, ...slot, ...shared },
      deltas: [{ quantity: 'energy_active_import_total', ...delta }],
    },
  ])
  const product = (id: string, meters: (typeof one)[]) => ({
    plan: { id: productIdSchema.parse(id), unit: 'pair', meters, counters: [] },
    label: id,
  })
  const products = [product('slipper', [one]), product('clog', [one, other]), product('boot', [other])]
  const meters = [one, other].map((id) => ({ id, label: id, hasEnergy: true }))
  const report = energyReport(
    store,
    { zone, minutes: 60, meters, products },
    { start: slot.start, end: epochMs(slot.end) },
  )
  expect(report.products.map((row) => row.shares_energy_with)).toEqual([['clog'], ['slipper', 'boot'], ['clog']])
  expect(energyCsv(report)).toContain('missing_production energy_shared_with:slipper energy_shared_with:boot')
  const closings = closingEvents(report, 'day', 0).filter(({ facts }) => facts.of === 'product')
  expect(closings.map(({ facts }) => facts.energy_shared_with)).toEqual(['clog', 'slipper boot', 'clog'])
})
