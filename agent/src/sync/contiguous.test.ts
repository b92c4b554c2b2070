import { batchNumberSchema, invariant } from '@metergate/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryRecordStore } from '../store/memory-record-store.js'
import { reading, SEALER } from '../store/testing/make.js'
import { SeededRandom } from '../testing/seeded-random.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { compareContiguous } from './contiguous.js'

const clock = new VirtualClock()
let store: MemoryRecordStore

/** Three sealed batches, of which the first so many are acknowledged. */
async function sealed(acknowledged: number) {
  for (let n = 0; n < 3; n += 1) {
    void store.append([reading(clock, n)])
    await store.flush()
    store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 1e6 })
  }
  store.acknowledge(store.pending(10).slice(0, acknowledged))
  const stream = store.health().streams.find(({ kind }) => kind === 'detail')?.stream
  invariant(stream, 'a detail stream')
  return stream
}

beforeEach(() => {
  store = new MemoryRecordStore({ clock, random: new SeededRandom(7), sealer: () => SEALER })
})

describe('how far the cloud says it has a stream', () => {
  it('is plausible while a backlog drains, and when it has all', async () => {
    const stream = await sealed(2)
    expect([0, 1, 2].map((reached) => compareContiguous(store, stream, reached))).toEqual(Array(3).fill('plausible'))
    store.acknowledge(store.pending(10))
    expect(compareContiguous(store, stream, 3)).toBe('plausible')
  })

  it('is more than was ever sent: somebody else writes under our name', async () => {
    expect(compareContiguous(store, await sealed(3), 4)).toBe('never_sent')
  })

  it('is less than it once acknowledged: it has lost something', async () => {
    const stream = await sealed(3)
    expect(compareContiguous(store, stream, 1)).toBe('forgotten')
    expect(store.load(stream, batchNumberSchema.parse(2))).toBeDefined()
  })
})
