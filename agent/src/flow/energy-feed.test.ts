import { type Amount, amount, epochMs, meterIdSchema, type ReadingRecord, type StreamRecord } from '@metergate/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { PlantZone } from '../energy/plant-time.js'
import { MemoryRecordStore } from '../store/memory-record-store.js'
import { reading, SEALER, SeededRandom, stampOf, streamOf } from '../store/testing/make.js'
import { ManualClock } from '../store/testing/manual-clock.js'
import { EnergyFeed } from './energy-feed.js'

const MINUTE_MS = 60_000
const METER = meterIdSchema.parse('press-1')
const DESK = {
  zone: new PlantZone('Asia/Shanghai'),
  minutes: 15 as const,
  meters: [{ id: METER, periodMs: MINUTE_MS, counters: [{ quantity: 'energy_active_import_total' as const }] }],
  products: [],
  shifts: [],
}
const ALL = { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }

/** An empty store, and a feed on it each time one is opened. */
function box() {
  const clock = new ManualClock()
  const store = new MemoryRecordStore({ clock, random: new SeededRandom(3), sealer: () => SEALER })
  const open = () => EnergyFeed.open({ store, boot: clock.bootId, stamp: () => stampOf(clock) }, DESK).feed
  return { clock, store, open }
}

/**
 * Five hours of readings, a minute apart; what `after` does to the store happens in between. In a minute that `isBehind` names the feed
 * takes nothing. Returns the ledger.
 */
async function fiveHours(
  after: (minute: number, store: MemoryRecordStore) => void,
  isBehind: (minute: number) => boolean = () => false,
) {
  const { clock, store, open } = box()
  let feed = open()
  for (let minute = 1; minute <= 300; minute += 1) {
    await clock.advance(MINUTE_MS)
    const record: ReadingRecord = {
      ...reading(clock, minute, METER),
      group: 'energy',
      values: [{ quantity: 'energy_active_import_total', block: 0, value: amount(1000 + minute, -2) }],
    }
    await store.append([record])
    if (minute % 50 === 0) feed = open()
    if (!isBehind(minute)) feed.advance()
    await store.flush()
    after(minute, store)
  }
  return [...store.records({ stream: 'ledger' })].map(({ record }) => record)
}

function sealEachHalfHour(minute: number, store: MemoryRecordStore): void {
  if (minute % 30 === 10) while (store.seal('detail', ALL));
}

/** All but the oldest batch is acknowledged, so that an hour of history and an hour of copies lie in two streams. */
function leave(store: MemoryRecordStore): void {
  while (store.seal('detail', ALL));
  const [, ...rest] = store.pending(1e6).filter(({ streamKind }) => streamKind === 'detail')
  store.acknowledge(rest)
  store.restartStream(streamOf(store), 'conflict')
}

describe('energy drawn from the store', () => {
  let unbroken: readonly StreamRecord[]
  beforeAll(async () => {
    unbroken = await fiveHours(() => undefined)
  })

  it('takes each reading once when a stream is left, and then the new one too', async () => {
    expect(unbroken.filter(({ kind }) => kind === 'interval').length).toBeGreaterThan(15)
    let left = 0
    const broken = await fiveHours((minute, store) => {
      sealEachHalfHour(minute, store)
      if (minute !== 200 && minute !== 230) return
      leave(store)
      left += 1
    })
    expect(left).toBe(2)
    expect(broken.filter(({ kind }) => kind !== 'gap')).toEqual(unbroken)
  })

  // What it has not taken yet lies in the old stream, in both, or as a copy only.
  it.each([
    [186, 199],
    [186, 215],
    [199, 201],
    [120, 240],
  ])(
    'takes each reading once when it is behind from minute %i to %i and a stream is left meanwhile',
    async (from, to) => {
      const isBehind = (minute: number): boolean => minute >= from && minute < to
      const leaving = (minute: number, store: MemoryRecordStore): void => {
        sealEachHalfHour(minute, store)
        if (minute === 200 || minute === 205) leave(store)
      }
      const undated = (ledger: readonly StreamRecord[]) => ledger.map((record) => ({ ...record, stamp: undefined }))
      const broken = undated(await fiveHours(leaving, isBehind)).filter(({ kind }) => kind !== 'gap')
      expect(broken).toEqual(undated(unbroken))
    },
  )
})

describe('an exchange whose old register cannot be', () => {
  it('is not recorded, and the answer says the register known', async () => {
    const { clock, store, open } = box()
    const feed = open()
    const quantity = 'energy_active_import_total'
    await clock.advance(MINUTE_MS)
    const values = [{ quantity, block: 0, value: amount(100_050, -2) } as const]
    await store.append([{ ...reading(clock, 1, METER), group: 'energy', values }])
    await store.flush()
    const at = epochMs(clock.wall() + MINUTE_MS)
    const exchange = (value: Amount) =>
      feed.exchange(METER, { cause: 'meter_exchange', at, oldEnd: { at, values: [{ quantity, value }] } })
    expect(await exchange(amount(999, 0))).toEqual({ ok: false, fault: { kind: 'register', why: '1000.50' } })
    expect([...store.records({ stream: 'ledger' })]).toEqual([])
    expect(await exchange(amount(10_006, -1))).toMatchObject({ ok: true })
  })
})

describe('an exchange told after the new meter was counted', () => {
  it('revises the interval it lies in, in the ledger, and says so', async () => {
    const { clock, store, open } = box()
    const feed = open()
    const quantity = 'energy_active_import_total'
    const start = clock.wall()
    for (let minute = 1; minute <= 90; minute += 1) {
      await clock.advance(MINUTE_MS)
      const values = [{ quantity, block: 0, value: amount(minute <= 40 ? 1000 : 5000 + minute, -2) } as const]
      await store.append([{ ...reading(clock, minute, METER), group: 'energy', values }])
    }
    const at = (minute: number) => epochMs(start + minute * MINUTE_MS)
    const newStart = { at: at(40) + 30_000, values: [{ quantity, value: amount(504, -1) } as const] }
    const told = await feed.exchange(METER, {
      cause: 'meter_exchange',
      at: at(40),
      newStart: { ...newStart, at: epochMs(newStart.at) },
    })
    expect(told).toMatchObject({ ok: true, value: { suspect_intervals: 1, unmetered_s: 30 } })
    const revised = [...store.records({ stream: 'ledger', kinds: ['interval'] })].flatMap(({ record }) =>
      record.kind === 'interval' && record.revision > 0 ? [record] : [],
    )
    expect(revised).toMatchObject([
      { reason: 'late_change', deltas: [{ delta: null, flag: 'suspect', checks: ['meter_exchange'] }] },
    ])
    expect(revised[0]?.start).toBeLessThanOrEqual(at(40))
    expect(revised[0]?.end).toBeGreaterThan(at(40))
  })
})
