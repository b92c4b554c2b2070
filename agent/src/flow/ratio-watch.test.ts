import { durationMs, fail, invariant, meterIdSchema, ok } from '@metergate/protocol'
import { findProfile, loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { beforeEach, describe, expect, it } from 'vitest'
import type { BusRead, RegisterBus } from '../bus/register-bus.js'
import { MemoryRecordStore } from '../store/memory-record-store.js'
import { silentLogger } from '../system/index.js'
import { SeededRandom } from '../testing/seeded-random.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { Journal } from './journal.js'
import { RatioWatch } from './ratio-watch.js'

const METER = meterIdSchema.parse('press-1')
const DAY_MS = 86_400_000
const never = new AbortController().signal

/** A DTSU666: CT in register 6, PT in register 7 in tenths. Undefined: it does not answer. */
class RatioRegisters implements RegisterBus {
  ct: number | undefined = 40
  pt = 10
  asked = 0
  hangs = false

  constructor(private readonly clock: VirtualClock) {}

  async read(request: BusRead, signal?: AbortSignal) {
    this.asked += 1
    if (this.hangs) await clock.sleep(durationMs(60_000), signal)
    const value = request.protocol === 'modbus' && request.address === 6 ? this.ct : this.pt
    if (value === undefined || this.ct === undefined) return fail({ kind: 'timeout', waitedMs: 500 } as const)
    const at = { mono: this.clock.mono(), wall: this.clock.wall() }
    return ok({ data: Uint8Array.of(value >> 8, value & 0xff), at, turnaroundMs: 15, durationMs: 30 })
  }
  health(): never {
    throw new Error('not asked for')
  }
  async close() {}
}

let clock: VirtualClock
let bus: RatioRegisters
let store: MemoryRecordStore
let watch: RatioWatch
beforeEach(() => {
  clock = new VirtualClock()
  bus = new RatioRegisters(clock)
  store = new MemoryRecordStore({ clock, random: new SeededRandom(1), sealer: () => undefined })
  watch = watchWith(20)
})

/** As after a start, over the same store. `configured`: the CT; undefined where the meter's values are primary. */
function watchWith(configured: number | undefined): RatioWatch {
  const profile = findProfile('chint-dtsu666', loadBuiltinProfiles())
  invariant(profile, 'the library has the DTSU666')
  const stamp = () => ({ boot: clock.bootId, mono: clock.mono(), wall: clock.wall(), quality: 'S' as const })
  const journal = new Journal({ store, logger: silentLogger, stamp })
  const ratios = configured === undefined ? undefined : { ct: { n: configured, exp: 0 }, pt: { n: 1, exp: 0 } }
  const meter = { id: METER, bus, at: { protocol: 'modbus' as const, unit: 1 }, profile, configured: ratios }
  return new RatioWatch({ clock, store, journal, logger: silentLogger, meters: [meter] })
}

async function events(): Promise<unknown[]> {
  await store.flush()
  return [...store.records({ stream: 'ledger', kinds: ['event'] })].map(({ record }) =>
    record.kind === 'event' ? { code: record.code, meter: record.meter, ...record.facts } : record,
  )
}

describe('the ratio set in a meter', () => {
  it('that is not the configured one is told once, and stays told in the state', async () => {
    await watch.answered(METER, never)
    await watch.answered(METER, never)
    expect(watch.of(METER)).toEqual([{ which: 'ct', configured: 20, meter: 40 }])
    expect(await events()).toEqual([{ code: 'ratio_differs', meter: METER, which: 'ct', configured: 20, in_meter: 40 }])
    expect(bus.asked).toBe(2)
  })

  it('that is the configured one, or was never set, is nothing to tell', async () => {
    bus.ct = 20
    await watch.answered(METER, never)
    expect(watch.of(METER)).toEqual([])
    bus.ct = 1
    const again = watchWith(20)
    await again.answered(METER, never)
    expect(again.of(METER)).toEqual([])
  })

  it('is a record when somebody changes it, also while the box is off', async () => {
    const primary = watchWith(undefined)
    await primary.answered(METER, never)
    expect(await events()).toEqual([])
    bus.ct = 30
    await clock.advance(DAY_MS)
    await primary.answered(METER, never)
    bus.pt = 100
    await watchWith(undefined).answered(METER, never)
    expect(await events()).toEqual([
      { code: 'meter_ratio_changed', meter: METER, ct_before: 40, ct: 30 },
      { code: 'meter_ratio_changed', meter: METER, pt_before: 1, pt: 10 },
    ])
  })

  it('is looked at again when the meter is back from a silence: it may be another one', async () => {
    await watch.answered(METER, never)
    watch.silent(METER)
    bus.ct = 20
    await watch.answered(METER, never)
    expect(watch.of(METER)).toEqual([])
    expect(await events()).toContainEqual({ code: 'meter_ratio_changed', meter: METER, ct_before: 40, ct: 20 })
  })

  it('is left unread by a gateway that stops in the middle', async () => {
    const stop = new AbortController()
    bus.hangs = true
    const looking = watch.answered(METER, stop.signal)
    await clock.advance(100)
    stop.abort()
    await clock.runUntil(looking)
    expect(watch.of(METER)).toEqual([])
    expect(await events()).toEqual([])
  })

  it('that nobody could read is no change', async () => {
    await watch.answered(METER, never)
    bus.ct = undefined
    await clock.advance(DAY_MS)
    await watch.answered(METER, never)
    expect(watch.of(METER)).toHaveLength(1)
    expect(await events()).toHaveLength(1)
  })
})
