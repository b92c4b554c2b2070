import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { amount, meterIdSchema, type ReadingRecord } from '@metergate/protocol'
import { afterAll, expect, it } from 'vitest'
import { PlantZone } from '../energy/plant-time.js'
import { reading, stampOf, streamOf } from '../store/testing/make.js'
import { ManualClock } from '../store/testing/manual-clock.js'
import { openStore } from '../store/testing/open-store.js'
import { EnergyFeed } from './energy-feed.js'

const root = mkdtempSync(join(tmpdir(), 'metergate-leaving-'))
afterAll(() => rmSync(root, { recursive: true }))
const METER = meterIdSchema.parse('press-1')
const DESK = {
  zone: new PlantZone('Asia/Shanghai'),
  minutes: 15 as const,
  meters: [{ id: METER, periodMs: 60_000, counters: [{ quantity: 'energy_active_import_total' as const }] }],
  products: [],
  shifts: [],
}
const MINUTES = 6_000

/** A hundred hours of readings, of which the energy has taken eight when the stream is left; it goes on in the turns between the slices. */
async function intervals(leave: boolean): Promise<unknown[]> {
  const clock = new ManualClock()
  const store = openStore(mkdtempSync(join(root, 'store-')), clock, 3)
  const { feed } = EnergyFeed.open({ store, boot: clock.bootId, stamp: () => stampOf(clock) }, DESK)
  let waiting: ReadingRecord[] = []
  for (let minute = 1; minute <= MINUTES; minute += 1) {
    await clock.advance(60_000)
    const value = amount(1000 + minute * 3, -2)
    const values = [{ quantity: 'energy_active_import_total' as const, block: 0, value }]
    waiting.push({ ...reading(clock, minute, METER), group: 'energy', values })
    if (minute % 100 !== 0) continue
    await store.append(waiting, { urgent: true })
    waiting = []
    if (minute <= 500) feed.advance()
    if (minute % 1_000 === 0) while (store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }));
  }
  if (leave) store.restartStream(streamOf(store), 'conflict')
  for (let turn = 0; turn < 30; turn += 1) {
    feed.advance()
    await clock.advance(1)
  }
  await store.flush()
  const made = [...store.records({ stream: 'ledger', kinds: ['interval'] })]
  await store.close()
  return made.map(({ record }) => ({ ...record, stamp: undefined }))
}

it('takes each reading once although a large stream is left in slices, with turns for it between them', {
  timeout: 120_000,
}, async () => {
  const unbroken = await intervals(false)
  expect(unbroken).toHaveLength(MINUTES / 15)
  expect(await intervals(true)).toEqual(unbroken)
})
