import { randomBytes } from 'node:crypto'
import { brotliCompressSync } from 'node:zlib'
import {
  amount,
  bootId,
  type EventRecord,
  epochMs,
  type GatewayId,
  gatewayIdSchema,
  heartbeatRequestSchema,
  meterIdSchema,
  monoMs,
  type QualityFlag,
  quantityNameSchema,
  type ReadingRecord,
  sha256Hex,
  streamIdSchema,
} from '@metergate/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acceptBatch, readBatch } from '../ingest/accept-batch.js'
import { GatewayDouble, type TestBatch } from '../testing/gateway-double.js'
import {
  anchor,
  event,
  gap,
  heartbeat,
  interval,
  production,
  reading,
  silentReading,
  T0,
  unitEnergy,
} from '../testing/records.js'
import type { BatchToCommit, SeriesStore } from './series-store.js'

const PRESS = meterIdSchema.parse('press-1')
const ALWAYS = { from: epochMs(0), to: epochMs(T0 * 2) }
const hex = (bytes: number): string => randomBytes(bytes).toString('hex')

/** What every series store keeps, whatever database is below. `makeStore` opens the same database each time. */
export function seriesStoreContract(name: string, makeStore: () => Promise<SeriesStore>): void {
  describe(`series store on ${name}`, () => {
    let store: SeriesStore
    beforeAll(async () => {
      store = await makeStore()
    })
    afterAll(() => store.close())

    const invite = async (expiresAt = T0 + 1000) => {
      const codeHash = sha256Hex(hex(8))
      await store.registry.invite({ codeHash, name: '东一楼', createdAt: epochMs(T0), expiresAt: epochMs(expiresAt) })
      return codeHash
    }
    const enrolment = (codeHash: Awaited<ReturnType<typeof invite>>, publicKey = hex(16)) => ({
      codeHash,
      gateway: gatewayIdSchema.parse(`gw-${hex(8)}`),
      publicKey,
      name: undefined,
      software: 'test/1',
      at: epochMs(T0),
    })
    const enrolled = async (): Promise<{ sender: GatewayDouble; id: GatewayId }> => {
      const one = enrolment(await invite())
      expect(await store.registry.enrol(one)).toMatchObject({ kind: 'enrolled', gateway: one.gateway })
      const sender = new GatewayDouble(hex(16))
      sender.id = one.gateway
      return { sender, id: one.gateway }
    }
    const received = (batch: TestBatch): BatchToCommit => {
      const { gateway } = batch.header
      const body = brotliCompressSync(batch.decoded)
      const bytes = { gateway, encoding: 'br' as const, body, decoded: batch.decoded, receivedAt: epochMs(T0) }
      const read = readBatch(bytes)
      if (!read.ok) throw new Error(read.fault.why)
      return acceptBatch(bytes, read.value)
    }
    const commit = (batch: TestBatch) => store.ingest.commit(received(batch))

    describe('registry', () => {
      it('uses an invitation once; the same key again is the same enrolment', async () => {
        const code = await invite()
        const first = enrolment(code)
        expect(await store.registry.enrol(first)).toEqual({ kind: 'enrolled', gateway: first.gateway, name: '东一楼' })
        const again = enrolment(code, first.publicKey)
        expect(await store.registry.enrol(again)).toMatchObject({ kind: 'enrolled', gateway: first.gateway })
        expect(await store.registry.enrol(enrolment(code))).toEqual({ kind: 'used_code' })
      })

      it('lets exactly one of twenty win one invitation', async () => {
        const code = await invite()
        const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.registry.enrol(enrolment(code))))
        expect(outcomes.filter(({ kind }) => kind === 'enrolled')).toHaveLength(1)
        expect(outcomes.filter(({ kind }) => kind === 'used_code')).toHaveLength(19)
      })

      it('knows no code it did not give, none that expired, and no key twice', async () => {
        expect(await store.registry.enrol(enrolment(sha256Hex('nobody')))).toEqual({ kind: 'unknown_code' })
        expect(await store.registry.enrol(enrolment(await invite(T0)))).toEqual({ kind: 'expired_code' })
        const first = enrolment(await invite())
        await store.registry.enrol(first)
        const second = enrolment(await invite(), first.publicKey)
        expect(await store.registry.enrol(second)).toEqual({ kind: 'known_key' })
      })

      it('keeps the first instant of a revocation, and takes nothing afterwards', async () => {
        const { sender, id } = await enrolled()
        expect(await store.registry.revoke(id, epochMs(T0))).toBe(true)
        expect(await store.registry.revoke(id, epochMs(T0 + 1))).toBe(true)
        expect(await store.registry.gateway(id)).toMatchObject({ revokedAt: T0 })
        expect(await commit(sender.seal([event(T0)]))).toEqual({ kind: 'not_enrolled' })
        expect(await store.registry.revoke(gatewayIdSchema.parse('gw-nobody000'), epochMs(T0))).toBe(false)
      })

      it('finds a token by its hash only', async () => {
        const hash = sha256Hex(hex(8))
        await store.registry.addToken(hash, 'dashboard', epochMs(T0))
        expect(await store.registry.token(hash)).toEqual({ name: 'dashboard', createdAt: T0 })
        expect(await store.registry.token(sha256Hex('other'))).toBeUndefined()
      })
    })

    describe('ingest', () => {
      it('stores equal batches sent at once as one', async () => {
        const { sender, id } = await enrolled()
        const batch = received(sender.seal([reading(T0, 1, 1)]))
        const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.ingest.commit(batch)))
        expect(outcomes.filter(({ kind }) => kind === 'committed')).toHaveLength(1)
        expect(outcomes.filter(({ kind }) => kind === 'again')).toHaveLength(19)
        expect(await store.reader.streams(id)).toMatchObject([{ batches: 1, records: 1, duplicates: 19 }])
        expect(await store.reader.counts(id)).toEqual([{ meter: 'press-1', readings: 1, intervals: 0 }])
      })

      it('counts a record once, whether its copy comes after it, before it or together with it', async () => {
        for (const order of ['after', 'before', 'together'] as const) {
          const { sender, id } = await enrolled()
          const original = sender.seal([event(T0), event(T0 + 1), event(T0 + 2)])
          const next = sender.withStream(hex(16))
          const origin = [{ first: 1, count: 2, stream: sender.stream, was: 2 }]
          const copy = next.seal([event(T0 + 1), event(T0 + 2), event(T0 + 3)], { origin })
          if (order === 'together') await Promise.all([commit(original), commit(copy)])
          else for (const each of order === 'after' ? [original, copy] : [copy, original]) await commit(each)
          const rows = await store.reader.streams(id)
          expect([order, rows.reduce((sum, { records }) => sum + records, 0)]).toEqual([order, 6])
          expect([order, rows.reduce((sum, { copies }) => sum + copies, 0)]).toEqual([order, 2])
          expect([order, (await store.reader.events(id, ALWAYS, 10)).length]).toEqual([order, 4])
        }
      })

      it('counts a record copied twice once, although its original never comes', async () => {
        const { sender, id } = await enrolled()
        const origin = [{ first: 1, count: 2, stream: sender.stream, was: 2 }]
        for (const next of [sender.withStream(hex(16)), sender.withStream(hex(16))]) {
          await commit(next.seal([event(T0 + 1), event(T0 + 2)], { origin }))
        }
        const rows = await store.reader.streams(id)
        expect(rows.reduce((sum, { copies }) => sum + copies, 0)).toBe(2)
        expect(await store.reader.events(id, ALWAYS, 10)).toHaveLength(2)
      })

      describe('of a box that went on from an older copy of its store', () => {
        /** What was sent after the copy was made, and the box that knows nothing of it: both go on after batch 1. */
        const restored = async () => {
          const { sender, id } = await enrolled()
          const first = sender.seal([reading(T0, 1, 1)])
          const old = sender.withStream(sender.stream)
          for (const box of [old, sender]) box.goOnAfter(first)
          await commit(first)
          const lost = [2, 3].map((n) => old.seal([reading(T0 + n, n, n)]))
          return { id, lost, box: sender, next: sender.withStream(hex(16)) }
        }
        const NEWS = [reading(T0 + 10, 10, 10), reading(T0 + 11, 11, 11)]
        const originIn = (stream: string) => ({ origin: [{ first: 1, count: 2, stream, was: 2 }] })
        const readings = async (id: GatewayId) => (await store.reader.counts(id)).map(({ readings }) => readings)
        const copies = async (id: GatewayId) =>
          (await store.reader.streams(id)).reduce((sum, { copies }) => sum + copies, 0)

        it('counts the new records that took numbers again, whichever comes first', async () => {
          for (const order of ['after', 'before']) {
            const { id, lost, box, next } = await restored()
            const copied = next.seal(NEWS, originIn(box.stream))
            if (order === 'before') expect(await commit(copied)).toMatchObject({ kind: 'committed' })
            for (const each of lost) expect(await commit(each)).toMatchObject({ kind: 'committed' })
            expect(await commit(box.seal(NEWS))).toMatchObject({ kind: 'conflict' })
            if (order === 'after') expect(await commit(copied)).toMatchObject({ kind: 'committed' })
            expect([order, await readings(id), await copies(id)]).toEqual([order, [5], 0])
            // Left once more before the answer came: the same records under the same origin are copies of the copies.
            await commit(box.withStream(hex(16)).seal(NEWS, originIn(box.stream)))
            expect([order, await readings(id), await copies(id)]).toEqual([order, [5], 2])
          }
        })

        it('tells records apart one by one: of a batch that is partly here the rest is counted', async () => {
          const { id, lost, box, next } = await restored()
          for (const each of lost) await commit(each)
          await commit(next.seal([reading(T0 + 2, 2, 2), reading(T0 + 11, 11, 11)], originIn(box.stream)))
          expect([await readings(id), await copies(id)]).toEqual([[4], 1])
        })

        it('sees a conflict, too, where only the numbers of records are taken, and hides no event', async () => {
          const { id, box, next } = await restored()
          const ledger = box.withStream(hex(16))
          const young = box.withStream(ledger.stream)
          await commit(ledger.seal([event(T0, 'one'), event(T0, 'two'), event(T0, 'three')]))
          const [small, later] = [young.seal([event(T0 + 1, 'uno')]), young.seal([event(T0 + 2, 'due')])]
          // The fresh one comes first, under a batch number nobody used.
          expect(await commit(later)).toMatchObject({ kind: 'conflict' })
          expect(await commit(small)).toMatchObject({ kind: 'conflict' })
          const origin = [{ first: 1, count: 2, stream: ledger.stream, was: 1 }]
          await commit(next.seal([event(T0 + 1, 'uno'), event(T0 + 2, 'due')], { origin }))
          const codes = (await store.reader.events(id, ALWAYS, 10)).map(({ code }) => code)
          expect(codes.filter((code) => code !== 'batch_conflict').sort()).toEqual([
            'due',
            'one',
            'three',
            'two',
            'uno',
          ])
          expect(await store.reader.streams(id)).toMatchObject([
            { stream: box.stream },
            { conflicts: 2 },
            { copies: 0 },
          ])
        })

        it('still knows the halves of a batch that was cut up after a refusal on the way', async () => {
          const { id, box } = await restored()
          const halves = box.withStream(box.stream)
          const whole = box.seal(NEWS)
          halves.goOnAfter(whole, 1)
          await commit(whole)
          for (const half of NEWS) expect(await commit(halves.seal([half]))).toMatchObject({ kind: 'committed' })
          expect([await readings(id), await copies(id)]).toEqual([[3], 2])
        })
      })

      it('goes on to the end of a long run when the batch before it comes last', async () => {
        const { sender } = await enrolled()
        const [oldest, ...later] = Array.from({ length: 12 }, (_, index) => sender.seal([event(T0 + index)]))
        for (const batch of later.reverse()) expect(await commit(batch)).toMatchObject({ contiguous: 0 })
        if (!oldest) throw new Error('twelve batches')
        expect(await commit(oldest)).toMatchObject({ contiguous: 12 })
      })

      it('keeps the slots of meters whose clocks are years apart', async () => {
        const { sender, id } = await enrolled()
        for (const power of [10, 30]) {
          const meters = Array.from({ length: 45 }, (_, index) => reading(T0 + power, power, 1, `press-${index + 1}`))
          await commit(sender.seal([...meters, reading(T0 + power - 9e10, power, 1, 'old-clock')]))
        }
        for (const meter of ['press-1', 'press-45', 'old-clock']) {
          const quantity = quantityNameSchema.parse('power_active_total')
          const slots = await store.reader.slots(id, meterIdSchema.parse(meter), quantity, ALWAYS)
          expect([meter, slots.map(({ rollup }) => [rollup.count, rollup.min, rollup.max])]).toEqual([
            meter,
            [[2, 1, 3]],
          ])
        }
      })

      it('takes batches of many gateways at once without a deadlock', async () => {
        const senders = await Promise.all(Array.from({ length: 8 }, enrolled))
        const all = senders.flatMap(({ sender }) => [1, 2, 3].map((n) => sender.seal([reading(T0 + n, n, n)])))
        const outcomes = await Promise.all(all.map(commit))
        expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['committed']))
        for (const { id } of senders) {
          expect(await store.reader.streams(id)).toMatchObject([{ contiguous: 3, chainVerified: 3 }])
        }
      })

      it('leaves nothing behind when a commit breaks off in the middle', async () => {
        const { sender, id } = await enrolled()
        const good = received(sender.seal([reading(T0, 1, 1)]))
        // A record whose text the database cannot take makes the last statement fail, after all others ran.
        const broken = {
          ...good,
          contentsWithout: (copies: ReadonlySet<number>) => ({
            ...good.contentsWithout(copies),
            gaps: [],
            events: [{ seq: good.header.first, record: BROKEN }],
          }),
        }
        await expect(store.ingest.commit(broken)).rejects.toThrow()
        expect(await store.reader.streams(id)).toEqual([])
        expect(await store.reader.counts(id)).toEqual([])
        expect(await store.ingest.commit(good)).toMatchObject({ kind: 'committed' })
      })

      it('is not kept from storing the others when one of many breaks off', async () => {
        const { sender, id } = await enrolled()
        const [one, two, three] = [1, 2, 3].map((n) => received(sender.seal([reading(T0 + n, n, n)])))
        if (!one || !two || !three) throw new Error('three batches')
        const events = [{ seq: two.header.first, record: BROKEN }]
        const broken = {
          ...two,
          contentsWithout: (copies: ReadonlySet<number>) => ({ ...two.contentsWithout(copies), events }),
        }
        const outcomes = await Promise.allSettled([one, broken, three].map((each) => store.ingest.commit(each)))
        expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
        expect(await store.reader.streams(id)).toMatchObject([{ batches: 2, contiguous: 1 }])
        expect(await store.ingest.commit(two)).toMatchObject({ kind: 'committed', contiguous: 3 })
      })

      it('takes the newest revision of an interval, whichever comes first', async () => {
        for (const order of [
          [0, 2, 1],
          [2, 0, 1],
        ]) {
          const { sender, id } = await enrolled()
          for (const revision of order) await commit(sender.seal([interval(T0, 100, 200 + revision, revision)]))
          const rows = await store.reader.intervals(id, PRESS, ALWAYS)
          expect(rows).toHaveLength(1)
          expect(rows[0]).toMatchObject({ revision: 2, deltas: [{ delta: { n: 102, exp: -2 } }] })
        }
      })

      it('takes the newest of several revisions that come in one batch', async () => {
        const { sender, id } = await enrolled()
        const revisions = [0, 2, 1].map((revision) => interval(T0, 100, 200 + revision, revision))
        await commit(sender.seal([...revisions, interval(T0, 100, 900, 2)]))
        expect(await store.reader.intervals(id, PRESS, ALWAYS)).toMatchObject([
          { revision: 2, deltas: [{ delta: { n: 102 } }] },
        ])
        await commit(
          sender.seal([production(T0, 500, 1), production(T0, 400), unitEnergy(T0, 1), unitEnergy(T0, 2, 1)]),
        )
        expect(await store.reader.production(id, ALWAYS)).toMatchObject([{ revision: 1, count: { n: 500 } }])
        expect(await store.reader.unitEnergy(id, ALWAYS, undefined)).toMatchObject([{ revision: 1, value: { n: 2 } }])
      })

      it('does the same for production and unit energy', async () => {
        const { sender, id } = await enrolled()
        await commit(sender.seal([production(T0, 500, 1), unitEnergy(T0, 90_000, 1)]))
        await commit(sender.seal([production(T0, 400), unitEnergy(T0, 80_000)]))
        expect(await store.reader.production(id, ALWAYS)).toMatchObject([{ revision: 1, count: { n: 500 } }])
        expect(await store.reader.unitEnergy(id, ALWAYS, undefined)).toMatchObject([
          { revision: 1, value: { n: 90_000 } },
        ])
        expect(await store.reader.unitEnergy(id, ALWAYS, 'day')).toEqual([])
      })

      it('keeps the newest value by the order of the stream, not by the clock or by arrival', async () => {
        const { sender, id } = await enrolled()
        const first = sender.seal([reading(T0 + 5000, 10, 10)])
        const second = sender.seal([reading(T0, 20, 20), silentReading(T0 + 100)])
        await commit(second)
        await commit(first)
        const values = await store.reader.newestValues(id)
        expect(values.filter(({ good }) => good)).toMatchObject([
          { value: { quantity: 'energy_active_import_total', value: { n: 20 } }, seq: 2 },
          { value: { quantity: 'power_active_total', value: { n: 20 } }, seq: 2 },
        ])
        expect(values.filter(({ good }) => !good)).toMatchObject([{ value: { absent: 'timeout' }, seq: 3 }])
      })
    })

    describe('of two streams the newest value', () => {
      const at = (wall: number, power: number, boot = 'boot-1', mono = wall - T0 + 1000, quality: 'S' | 'U' = 'S') => {
        const stamp = { boot: bootId(boot), mono: monoMs(mono), wall: epochMs(wall), quality }
        return { ...reading(wall, power, power), stamp }
      }
      const powerOf = async (id: GatewayId) => {
        const all = await store.reader.newestValues(id)
        const power = all.find(({ value, good }) => good && value.quantity === 'power_active_total')?.value
        return power && 'value' in power ? power.value.n : undefined
      }
      /** The older stream is met last, and then the younger goes on. */
      const met = async (older: readonly ReadingRecord[], younger: readonly ReadingRecord[]) => {
        const { sender: b, id } = await enrolled()
        const a = b.withStream(hex(16))
        const [first, ...rest] = younger
        if (first) await commit(b.seal([first]))
        for (const record of [...older].reverse()) await commit(a.seal([record]))
        const seen = [await powerOf(id)]
        for (const record of rest) await commit(b.seal([record]))
        return [...seen, await powerOf(id)]
      }

      it('is by the clock of the boot, where both are of one, whatever the wall clock says', async () => {
        expect(
          await met([at(T0 + 9e5, 1, 'b', 10), at(T0, 2, 'b', 20)], [at(T0, 3, 'b', 30), at(T0 - 9e5, 4, 'b', 40)]),
        ).toEqual([3, 4])
      })

      it('is by the time, where two boots were synchronised', async () => {
        const younger = [at(T0 + 60_000, 3, 'late', 1), at(T0 + 120_000, 4, 'late', 60_001)]
        expect(await met([at(T0, 1, 'early', 5e9), at(T0 + 1000, 2, 'early', 5e9 + 1000)], younger)).toEqual([3, 4])
      })

      it('is by no time that lies ahead of the arrival: that clock was wrong', async () => {
        const [wrong, right] = [at(T0 + 3e11, 1, 'early'), at(T0 + 1000, 2, 'late')]
        const { sender, id } = await enrolled()
        await commit(sender.seal([wrong]))
        await commit(sender.withStream(hex(16)).seal([right]))
        expect(await powerOf(id)).toBe(2)
      })

      it('is by an anchor, where the clock was unknown', async () => {
        const { sender: b, id } = await enrolled()
        const [a, ledger] = [b.withStream(hex(16)), b.withStream(hex(16))]
        await commit(ledger.seal([anchor('early', 0, T0), anchor('late', 0, T0 + 60_000)]))
        await commit(b.seal([at(0, 3, 'late', 5, 'U')]))
        await commit(a.seal([at(9e11, 1, 'early', 500, 'U')]))
        expect(await powerOf(id)).toBe(3)
      })

      it('is not an old one that was copied behind younger ones', async () => {
        const { sender, id } = await enrolled()
        const next = sender.withStream(hex(16))
        await commit(next.seal([at(T0 + 60_000, 2)]))
        const origin = [{ first: 2, count: 2, stream: sender.stream, was: 2 }]
        await commit(next.seal([at(T0, 1), at(T0 - 500, 9, 'boot-0', 9e9)], { origin }))
        expect(await powerOf(id)).toBe(2)
        const mixed = [{ first: 5, count: 1, stream: sender.stream, was: 4 }]
        await commit(next.seal([at(T0 + 70_000, 3), at(T0 + 100, 1)], { origin: mixed }))
        expect(await powerOf(id)).toBe(3)
      })
    })

    describe('reading back', () => {
      it('gives the bytes that came', async () => {
        const { sender, id } = await enrolled()
        const batch = received(sender.seal([reading(T0, 1, 1)]))
        await store.ingest.commit(batch)
        const stored = await store.reader.batch(id, streamIdSchema.parse(sender.stream), batch.header.number)
        expect(Buffer.from(stored?.body ?? []).equals(Buffer.from(batch.body))).toBe(true)
      })

      it('finds the batches of a meter by the time of their values', async () => {
        const { sender, id } = await enrolled()
        for (const at of [0, 60_000, 120_000]) await commit(sender.seal([reading(T0 + at, at, at)]))
        const spans = await store.reader.spans(id, PRESS, { from: epochMs(T0 + 60_000), to: epochMs(T0 + 120_000) })
        expect(spans).toMatchObject([{ number: 2, from: T0 + 60_000, to: T0 + 60_040 }])
        expect(await store.reader.spans(id, meterIdSchema.parse('press-2'), ALWAYS)).toEqual([])
      })

      it('adds energy up by quarter hour and flag, in integers, newest revision', async () => {
        const { sender, id } = await enrolled()
        const [quarter, next] = [T0, T0 + 900_000]
        const minute = (i: number, n: number | null, flag: QualityFlag = 'measured', revision = 0) => {
          const record = interval(quarter + i * 60_000, 0, 0, revision)
          const deltas = record.deltas.map((delta) => ({ ...delta, delta: n === null ? null : amount(n, -2), flag }))
          return { ...record, end: epochMs(record.start + 60_000), deltas }
        }
        const records = [minute(0, 3), minute(1, 4), minute(2, 5, 'estimated'), minute(3, null, 'missing')]
        await commit(sender.seal([...records, minute(15, 7), minute(1, 40, 'measured', 1)]))
        const sums = await store.reader.energy(id, PRESS, 'energy_active_import_total', ALWAYS)
        expect(sums).toEqual([
          { start: quarter, energy: amount(5, -2), flag: 'estimated', coveredMs: 60_000 },
          { start: quarter, energy: amount(43, -2), flag: 'measured', coveredMs: 120_000 },
          { start: next, energy: amount(7, -2), flag: 'measured', coveredMs: 60_000 },
        ])
        expect(await store.reader.energy(id, PRESS, 'energy_active_export_total', ALWAYS)).toEqual([])
      })

      describe('of intervals that were not metered throughout', () => {
        const MINUTE = 60_000
        type Delta = ReturnType<typeof interval>['deltas'][number]
        const broken = (start: number, change: Partial<Delta>, multiplier = amount(1, 0)) => {
          const record = interval(start, 0, 0)
          return { ...record, multiplier, deltas: record.deltas.map((delta) => ({ ...delta, ...change })) }
        }
        /** Metered from one minute of the first quarter hour to another, in 0.01 kWh. */
        const part = (fromMinute: number, toMinute: number, from: number, to: number, segment = 0) => ({
          segment,
          start: epochMs(T0 + fromMinute * MINUTE),
          end: epochMs(T0 + toMinute * MINUTE),
          from: amount(from, -2),
          to: amount(to, -2),
        })
        const sumsOf = async (...records: ReturnType<typeof broken>[]) => {
          const { sender, id } = await enrolled()
          await commit(sender.seal(records))
          return store.reader.energy(id, PRESS, 'energy_active_import_total', ALWAYS)
        }

        it('covers only what was metered', async () => {
          const five = broken(T0, { delta: amount(250, -2), parts: [part(0, 5, 0, 250)] })
          const full = interval(T0 + 900_000, 0, 30)
          expect(await sumsOf(five, full)).toEqual([
            { start: T0, energy: amount(250, -2), flag: 'measured', coveredMs: 5 * MINUTE },
            { start: T0 + 900_000, energy: amount(30, -2), flag: 'measured', coveredMs: 900_000 },
          ])
        })

        it('counts the metered parts of an interval whose total nobody knows, exactly, each with its own factor', async () => {
          const own = { ...part(9, 15, 100, 103, 1), multiplier: amount(25, -1) }
          const parts = [part(0, 7, 9_007_199_254_740_000, 9_007_199_254_740_901), own]
          expect(await sumsOf(broken(T0, { delta: null, flag: 'suspect', parts }, amount(3, 0)))).toEqual([
            { start: T0, energy: amount(901 * 3 * 10 + 3 * 25, -3), flag: 'suspect', coveredMs: 13 * MINUTE },
          ])
          expect(await sumsOf(broken(T0, { delta: null, flag: 'suspect' }))).toEqual([])
          expect(await sumsOf(broken(T0, { delta: null, flag: 'suspect', parts: [] }))).toEqual([])
        })

        it('takes for an estimate only what no meter saw', async () => {
          const mixed = broken(T0, { delta: amount(300, -2), flag: 'mixed', parts: [part(0, 12, 0, 240)] })
          const unseen = broken(T0 + 900_000, { delta: amount(50, -2), flag: 'mixed' })
          expect(await sumsOf(mixed, unseen)).toEqual([
            { start: T0, energy: amount(240, -2), flag: 'measured', coveredMs: 12 * MINUTE },
            { start: T0, energy: amount(60, -2), flag: 'mixed', coveredMs: 0 },
            { start: T0 + 900_000, energy: amount(50, -2), flag: 'mixed', coveredMs: 0 },
          ])
        })
      })

      it('keeps gateways apart', async () => {
        const [mine, other] = [await enrolled(), await enrolled()]
        await commit(mine.sender.seal([interval(T0, 1, 2), event(T0)]))
        expect(await store.reader.intervals(other.id, PRESS, ALWAYS)).toEqual([])
        expect(await store.reader.events(other.id, ALWAYS, 10)).toEqual([])
        expect(await store.reader.streams(other.id)).toEqual([])
        expect(await store.reader.lastBatchAt(other.id)).toBeUndefined()
        expect(await store.reader.lastBatchAt(mine.id)).toBe(T0)
      })

      it('counts the records that gap records name, each once, however much they name', async () => {
        const { sender, id } = await enrolled()
        const ledger = sender.withStream(hex(16))
        await commit(sender.seal([reading(T0, 1, 1)]))
        const named = [
          [20, 29],
          [5, 9],
          [8, 12],
          [6, 7],
        ] as const
        await commit(ledger.seal(named.map(([first, last]) => gap(sender.stream, first, last, first, last))))
        expect(await store.reader.streams(id)).toMatchObject([{ gapRecords: 18 }, {}])
        const all = gap(sender.stream, 1, Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER)
        await commit(ledger.seal(Array.from({ length: 1100 }, () => all)))
        expect(await store.reader.streams(id)).toMatchObject([{ gapRecords: Number.MAX_SAFE_INTEGER }, {}])
      })

      it('gives the last heartbeat', async () => {
        const { id } = await enrolled()
        expect(await store.reader.heartbeat(id)).toBeUndefined()
        for (const at of [T0, T0 + 1]) await store.ingest.heartbeat(id, heartbeat(at), epochMs(at))
        const beat = await store.reader.heartbeat(id)
        expect(beat).toEqual({ at: T0 + 1, body: heartbeatRequestSchema.parse(heartbeat(T0 + 1)) })
      })

      it('gives what was made while the clock was unknown by its anchors, and by its label where there are none', async () => {
        const { sender, id } = await enrolled()
        const from = (boot: string, mono: number) => ({
          boot: bootId(boot),
          mono: monoMs(mono),
          wall: epochMs(mono),
          quality: 'U' as const,
        })
        const taken = (boot: string, mono: number) => ({ ...reading(T0, mono, mono), stamp: from(boot, mono) })
        const ledger = sender.withStream(hex(16))
        // The first batch goes over a restart; `lost` was never anchored.
        await commit(sender.seal([taken('one', 900_000), taken('two', 1000)]))
        await commit(sender.seal([taken('lost', 500_000), taken('two', 7_200_000)]))
        const said = ['one', 'two', 'lost'].map((boot, i) => ({
          ...event(T0),
          code: boot,
          stamp: from(boot, 500_000 + i),
        }))
        await commit(
          ledger.seal([...said, anchor('one', 0, T0), anchor('two', 0, T0 + 910_000), anchor('other', 0, 0)]),
        )
        const numbers = async (start: number, end: number) => {
          const { spans } = await store.reader.undated(id, PRESS, { from: epochMs(start), to: epochMs(end) })
          return spans.map(({ number }) => number)
        }
        expect(await numbers(T0 + 800_000, T0 + 1_000_000)).toEqual([1])
        expect(await numbers(T0 + 8_000_000, T0 + 9_000_000)).toEqual([2])
        expect(await numbers(400_000, 600_000)).toEqual([2])
        expect(await numbers(T0 + 2_000_000, T0 + 3_000_000)).toEqual([])
        expect(await numbers(ALWAYS.from, ALWAYS.to)).toEqual([1, 2])
        const codes = async (limit: number) =>
          (await store.reader.events(id, ALWAYS, limit)).map(({ code, clock }) => `${code} ${clock}`)
        expect(await codes(10)).toEqual(['two D', 'one D', 'lost U'])
        expect(await codes(2)).toEqual(['two D', 'one D'])
        const early = { from: epochMs(0), to: epochMs(T0) }
        expect((await store.reader.events(id, early, 10)).map(({ code }) => code)).toEqual(['lost'])
      })

      it('gives events newest first', async () => {
        const { sender, id } = await enrolled()
        await commit(sender.seal([event(T0, 'bus_down'), event(T0 + 5, 'bus_up')]))
        const events = await store.reader.events(id, ALWAYS, 10)
        expect(events.map(({ code }) => code)).toEqual(['bus_up', 'bus_down'])
        expect(await store.reader.events(id, ALWAYS, 1)).toHaveLength(1)
      })
    })

    it('keeps everything over a restart, and opening twice migrates once', async () => {
      const { sender, id } = await enrolled()
      await commit(sender.seal([interval(T0, 1, 2)]))
      const second = await makeStore()
      expect(await second.reader.intervals(id, PRESS, ALWAYS)).toHaveLength(1)
      await second.close()
    })
  })
}

/** Breaks off where it is read: after the statements before it, before the commit. */
const BROKEN: EventRecord = {
  ...event(T0),
  get code(): string {
    throw new Error('planted')
  },
}
