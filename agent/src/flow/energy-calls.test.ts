import { amount, epochMs, meterIdSchema, ok, productIdSchema } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { CONTROL_CALLS, type ControlCall } from '../control/calls.js'
import type { MeterChange } from '../energy/interval-cutter.js'
import { PlantZone } from '../energy/plant-time.js'
import { MemoryRecordStore } from '../store/memory-record-store.js'
import { SEALER, SeededRandom, stampOf } from '../store/testing/make.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { type EnergyCallParts, energyCalls } from './energy-calls.js'

const SLIPPER = productIdSchema.parse('slipper')
const SPAN = { start: epochMs(Date.UTC(2026, 2, 2)), end: epochMs(Date.UTC(2026, 2, 3)) }
const never = new AbortController().signal

type Exchange = EnergyCallParts['exchange']

function desk(exchanged: (change: MeterChange) => Awaited<ReturnType<Exchange>> = () => undefined) {
  const clock = new VirtualClock({ wall: SPAN.end })
  const random = new SeededRandom(1)
  const store = new MemoryRecordStore({ clock, random, sealer: () => SEALER })
  return energyCalls({
    store,
    random,
    now: () => clock.wall(),
    report: {
      zone: new PlantZone('Asia/Shanghai'),
      minutes: 15,
      meters: [],
      products: [{ plan: { id: SLIPPER, unit: 'pair', meters: [], counters: [] }, label: 'slipper' }],
    },
    declare: (entry) => store.append([{ ...entry, stamp: stampOf(clock) }]),
    exchange: async (_, change) => exchanged(change),
  })
}

/** What comes out at the other end of the socket, which checks it strictly. */
function overTheSocket<C extends ControlCall>(call: C, value: unknown) {
  return CONTROL_CALLS[call].answer.parse(JSON.parse(JSON.stringify(value)))
}

describe('production through the socket', () => {
  it('is added, corrected, withdrawn and listed with answers the client accepts', async () => {
    const calls = desk()
    const entry = { product: SLIPPER, count: amount(1200, 0), unit: 'pair', ...SPAN, note: 'by hand' }
    const added = await calls.production_add({ entries: [entry] }, never)
    if (!added.ok) throw new Error(added.fault.why)
    const [first] = overTheSocket('production_add', added.value)
    expect(first).toMatchObject({ source: 'declared', revision: 0, note: 'by hand' })

    const name = first?.entry ?? ''
    const corrected = await calls.production_correct({ entry: name, count: amount(1150, 0), reason: 'recount' }, never)
    if (!corrected.ok) throw new Error(corrected.fault.why)
    expect(overTheSocket('production_correct', corrected.value)).toMatchObject({ entry: name, revision: 1 })

    const listed = await calls.production_list(SPAN, never)
    if (!listed.ok) throw new Error(listed.fault.why)
    expect(overTheSocket('production_list', listed.value)).toEqual([
      expect.objectContaining({ entry: name, revision: 1, count: amount(1150, 0) }),
    ])

    const withdrawn = await calls.production_correct({ entry: name, count: null, reason: 'never made' }, never)
    if (!withdrawn.ok) throw new Error(withdrawn.fault.why)
    expect(overTheSocket('production_correct', withdrawn.value)).toMatchObject({ revision: 2, count: null })
  })

  it('is found months back to be corrected, and listed where it only reaches in', async () => {
    const calls = desk()
    const day = 86_400_000
    const old = { start: epochMs(SPAN.start - 150 * day), end: epochMs(SPAN.start - 120 * day) }
    const entry = { product: SLIPPER, count: amount(40, 0), unit: 'pair', ...old }
    const added = await calls.production_add({ entries: [entry] }, never)
    const [name = ''] = added.ok ? added.value.map((one) => one.entry) : []
    const corrected = await calls.production_correct({ entry: name, count: amount(41, 0), reason: 'recount' }, never)
    expect(corrected).toMatchObject({ ok: true, value: { entry: name, revision: 1 } })

    const lastDay = { start: epochMs(old.end - day), end: old.end }
    expect(await calls.production_list(lastDay, never)).toMatchObject({ value: [{ entry: name, revision: 1 }] })
    expect(await calls.production_list(SPAN, never)).toEqual({ ok: true, value: [] })
    const unknown = await calls.production_correct({ entry: 'entry:nobody', count: null, reason: 'x' }, never)
    expect(unknown).toMatchObject({ ok: false, fault: { kind: 'unknown_entry' } })
  })
})

describe('an exchange through the socket', () => {
  const meter = meterIdSchema.parse('press-1')
  const asked = { meter, cause: 'meter_exchange' as const, at: SPAN.end }
  const later = epochMs(SPAN.end + 3_600_000)
  const values = [{ quantity: 'energy_active_import_total' as const, value: amount(0, 0) }]

  it.each([
    ['at', { ...asked, at: later }],
    ['new_start', { ...asked, new_start: { at: later, values } }],
    ['old_end', { ...asked, old_end: { at: later, values } }],
  ])('is not taken with %s in the future: nothing would be booked until then', async (_, request) => {
    const calls = desk(() => ok({}))
    expect(await calls.meter_exchange(asked, never)).toMatchObject({ ok: true })
    expect(await calls.meter_exchange(request, never)).toMatchObject({ ok: false, fault: { kind: 'bad_request' } })
  })
})
