import {
  batchNumberSchema,
  epochMs,
  invariant,
  meterIdSchema,
  type Seq,
  type StreamRecord,
  seqSchema,
} from '@metergate/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSealed } from './open-sealed.js'
import type { RecordStore, SealedBatch } from './record-store.js'
import { event, interval, reading, streamOf } from './testing/make.js'
import type { ManualClock } from './testing/manual-clock.js'

export interface ContractSubject {
  readonly store: RecordStore
  readonly clock: ManualClock
}

const ALL = { minAgeMs: 0, maxDecodedBytes: 256 * 1024 }

/** What every store must do, whatever it is made of. `make` gives a fresh, empty, started store of a known gateway. */
export function recordStoreContract(name: string, make: () => ContractSubject): void {
  describe(`${name} as a record store`, () => {
    let store: RecordStore
    let clock: ManualClock

    beforeEach(() => {
      const subject = make()
      store = subject.store
      clock = subject.clock
    })
    afterEach(() => store.close())

    const put = async (...records: StreamRecord[]): Promise<readonly Seq[]> => {
      const stored = await store.append(records, { urgent: true })
      invariant(stored.ok, 'not stored')
      return stored.value
    }
    const readings = (count: number) => Array.from({ length: count }, (_, index) => reading(clock, index + 1))
    const sealed = (kind: 'detail' | 'ledger' = 'detail'): SealedBatch => {
      const batch = store.seal(kind, ALL)
      invariant(batch, 'nothing sealed')
      return batch
    }
    const history = (stream: 'detail' | 'ledger' = 'detail') => [...store.records({ stream })].map((each) => each.seq)
    const ackOf = ({ stream, number, sha256 }: SealedBatch) => ({ stream, number, sha256 })

    it('numbers each stream from 1 without a hole, in the order of appending', async () => {
      expect(await put(...readings(3))).toEqual([1, 2, 3])
      expect(await put(event(clock, 1), reading(clock, 4), event(clock, 2))).toEqual([1, 4, 2])
      expect([...store.records({ stream: 'detail' })].map((each) => each.record)).toEqual([
        ...readings(3),
        reading(clock, 4),
      ])
    })

    it('seals what was appended, byte-exact and chained', async () => {
      await put(...readings(3))
      const first = sealed()
      await put(reading(clock, 4))
      const second = sealed()
      expect(openSealed(first)).toMatchObject({ header: { number: 1, first: 1, last: 3, previous: null } })
      expect(openSealed(second)).toMatchObject({ header: { number: 2, first: 4, last: 4, previous: first.sha256 } })
      expect(openSealed(first).records.map((each) => each.record)).toEqual(readings(3))
      expect(store.load(first.stream, first.number)).toEqual(first)
      expect(store.seal('detail', ALL)).toBeUndefined()
    })

    it('waits until the oldest record is old enough, unless a batch is full', async () => {
      await put(...readings(2))
      await clock.advance(59_000)
      await put(reading(clock, 3))
      expect(store.seal('detail', { ...ALL, minAgeMs: 60_000 })).toBeUndefined()
      await clock.advance(1_000)
      expect(store.seal('detail', { ...ALL, minAgeMs: 60_000 })).toMatchObject({ first: 1, last: 3 })
      await put(...readings(400))
      const full = store.seal('detail', { minAgeMs: 60_000, maxDecodedBytes: 2000 })
      expect(full?.decodedSize).toBeLessThanOrEqual(2000)
      expect(full?.last).toBeLessThan(403)
      expect(sealed()).toMatchObject({ first: (full?.last ?? 0) + 1, last: 403 })
    })

    it('keeps numbers and history over sealing and acknowledging', async () => {
      await put(...readings(4))
      store.acknowledge([ackOf(sealed())])
      expect(await put(reading(clock, 5))).toEqual([5])
      expect(history()).toEqual([1, 2, 3, 4, 5])
    })

    it('offers what is not acknowledged, oldest first or freshest first', async () => {
      for (const n of [1, 2, 3]) {
        await put(reading(clock, n))
        await clock.advance(1000)
        sealed()
      }
      expect(store.pending(2).map((each) => each.number)).toEqual([1, 2])
      expect(store.freshest(2).map((each) => each.number)).toEqual([3, 2])
    })

    it('frees exactly what is acknowledged with the hash it has', async () => {
      await put(...readings(2))
      const batch = sealed()
      await put(reading(clock, 3))
      const other = sealed()
      const wrong = { ...ackOf(batch), sha256: other.sha256 }
      const unknown = { ...ackOf(batch), number: batchNumberSchema.parse(99) }
      expect(store.acknowledge([wrong, unknown])).toEqual([])
      expect(store.pending(9)).toHaveLength(2)
      expect(store.acknowledge([ackOf(batch)])).toEqual([ackOf(batch)])
      expect(store.acknowledge([ackOf(batch)])).toEqual([])
      expect(store.pending(9).map((each) => each.number)).toEqual([2])
      expect(store.load(batch.stream, batch.number)).toEqual(batch)
    })

    it('sends a refused batch again in halves and a void under its number', async () => {
      await put(...readings(4))
      const batch = sealed()
      store.refuse(batch.stream, batch.number, 'too much')
      const pending = store.pending(9).map((each) => store.load(each.stream, each.number))
      const headers = pending.map((each) => each && openSealed(each).header)
      expect(headers).toHaveLength(3)
      expect(headers).toContainEqual(
        expect.objectContaining({ number: 1, void: { sha256: batch.sha256, reason: 'too much', successors: [2, 3] } }),
      )
      expect(headers).toContainEqual(expect.objectContaining({ number: 2, first: 1, last: 2, previous: batch.sha256 }))
      expect(headers).toContainEqual(expect.objectContaining({ number: 3, first: 3, last: 4 }))
      expect(history()).toEqual([1, 2, 3, 4])
    })

    it('quarantines the record of a refused batch that cannot be cut', async () => {
      await put(reading(clock, 1))
      const batch = sealed()
      store.refuse(batch.stream, batch.number, 'poison')
      expect(store.health().quarantined).toBe(1)
      expect(store.pending(9)).toHaveLength(1)
      expect(history()).toEqual([1])
    })

    it('goes on in a new stream with what was unacknowledged, and says where it was', async () => {
      await put(...readings(2))
      store.acknowledge([ackOf(sealed())])
      await put(reading(clock, 3))
      const lost = sealed()
      await put(reading(clock, 4))
      store.restartStream(lost.stream, 'conflict')
      expect(store.pending(9).filter((each) => each.stream === lost.stream)).toEqual([])
      const copy = openSealed(sealed())
      expect(copy.header.stream).not.toBe(lost.stream)
      expect(copy.header.origin).toEqual([{ first: 1, count: 2, stream: lost.stream, was: 3 }])
      expect(copy.records.map((each) => each.record)).toEqual([reading(clock, 3), reading(clock, 4)])
      expect(await put(reading(clock, 5))).toEqual([3])
      expect(history()).toEqual([1, 2, 1, 2, 3])
    })

    it('takes a record along that was refused for good, where the cloud has not yet been told so', async () => {
      await put(reading(clock, 1))
      const told = sealed()
      store.refuse(told.stream, told.number, 'poison')
      store.acknowledge(store.pending(9).flatMap((each) => store.load(each.stream, each.number) ?? []))
      await put(...readings(2))
      const batch = sealed()
      store.refuse(batch.stream, batch.number, 'too much')
      store.refuse(batch.stream, batchNumberSchema.parse(batch.number + 1), 'poison')
      store.restartStream(batch.stream, 'conflict')
      const copy = openSealed(sealed())
      expect(copy.header.origin).toEqual([{ first: 1, count: 2, stream: batch.stream, was: 2 }])
      expect(copy.records.map((each) => each.record)).toEqual(readings(2))
    })

    it('answers history by kind, meter, number and time, sealed or not', async () => {
      const start = 1_790_000_000_000
      await put(...[0, 1, 2, 3].map((n) => interval(clock, start + n * 900_000, n % 2 ? 'press-2' : 'press-1')))
      sealed('ledger')
      await put(event(clock, 1), interval(clock, start + 4 * 900_000))
      const seqs = (query: object) => [...store.records({ stream: 'ledger', ...query })].map((each) => each.seq)
      expect(seqs({ kinds: ['interval'] })).toEqual([1, 2, 3, 4, 6])
      expect(seqs({ kinds: ['event'] })).toEqual([5])
      expect(seqs({ meter: meterIdSchema.parse('press-2') })).toEqual([2, 4])
      expect(seqs({ after: { stream: streamOf(store, 'ledger'), seq: seqSchema.parse(3) } })).toEqual([4, 5, 6])
      const span = { from: epochMs(start + 900_000), to: epochMs(start + 3 * 900_000) }
      expect(seqs({ kinds: ['interval'], ...span })).toEqual([2, 3])
    })

    it('goes on after a place: the rest of its stream, then the streams after it, not the numbers above it in all', async () => {
      await put(...readings(3))
      store.acknowledge([ackOf(sealed())])
      await put(reading(clock, 4))
      const first = streamOf(store)
      store.restartStream(first, 'conflict')
      await put(reading(clock, 5))
      const found = [...store.records({ stream: 'detail' })]
      expect(found.map(({ stream, seq }) => [stream === first, seq])).toEqual([
        [true, 1],
        [true, 2],
        [true, 3],
        [false, 1],
        [false, 2],
      ])
      expect(found.map(({ origin }) => origin)).toEqual([
        undefined,
        undefined,
        undefined,
        { stream: first, seq: 4 },
        undefined,
      ])
      for (const [index, { stream, seq }] of found.entries())
        expect([...store.records({ stream: 'detail', after: { stream, seq } })]).toEqual(found.slice(index + 1))
    })

    it('keeps small values of other parts', async () => {
      expect(store.getState('energy')).toBeUndefined()
      store.putState('energy', '1')
      store.putState('energy', '2')
      await store.flush()
      expect(store.getState('energy')).toBe('2')
    })

    it('counts what it holds', async () => {
      await put(...readings(3))
      sealed()
      await put(reading(clock, 4))
      await clock.advance(5000)
      const detail = store.health().streams.find((each) => each.kind === 'detail')
      expect(detail).toMatchObject({ lastSeq: 4, lastSealed: 3, lastBatch: 1, unacknowledged: 4, unsealed: 1 })
      expect(detail?.oldestUnsealedAgeMs).toBe(5000)
    })

    it('takes nothing once it is closed', async () => {
      await store.close()
      expect(await store.append([reading(clock, 1)])).toMatchObject({ ok: false, fault: { kind: 'closed' } })
    })
  })
}
