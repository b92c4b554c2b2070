import {
  bootId,
  durationMs,
  gatewayIdSchema,
  meterIdSchema,
  QUANTITY_NAMES,
  type ReadingRecord,
  type Result,
  type Seq,
  type StreamRecord,
  seqSchema,
  sha256Hex,
  streamIdSchema,
} from '@metergate/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryRecordStore } from '../store/memory-record-store.js'
import type { SealedBatch } from '../store/record-store.js'
import { bareHeartbeat } from '../testing/heartbeat.js'
import { openBatch, ScriptedUplink } from '../testing/scripted-uplink.js'
import { SeededRandom } from '../testing/seeded-random.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { SyncLoop } from './sync-loop.js'
import type { SyncNotice } from './sync-status.js'
import type { UplinkFault, UplinkReceipt } from './uplink.js'

let clock: VirtualClock
let store: MemoryRecordStore
let cloud: ScriptedUplink
let loop: SyncLoop
let notices: SyncNotice[]
let stop: AbortController
let running: Promise<void>

beforeEach(() => {
  clock = new VirtualClock()
  const sealer = { gateway: gatewayIdSchema.parse('gw-k3v9q2x7'), software: 'metergate/0.1.0', config: 'c0ffee' }
  store = new MemoryRecordStore({ clock, random: new SeededRandom(7), sealer: () => sealer })
  cloud = new ScriptedUplink(clock)
  notices = []
  loop = new SyncLoop(
    { clock, random: new SeededRandom(1), store, uplink: cloud },
    { heartbeat: () => bareHeartbeat(clock), onNotice: (notice) => notices.push(notice) },
  )
  stop = new AbortController()
})

afterEach(async () => {
  stop.abort(new Error('stop'))
  await running
})

const start = (): void => {
  running = loop.start(stop.signal)
}

const reading = (): ReadingRecord => ({
  kind: 'reading',
  stamp: { boot: bootId('b1'), mono: clock.mono(), wall: clock.wall(), quality: 'S' },
  meter: meterIdSchema.parse('press-1'),
  group: 'power',
  blocks: [0],
  values: [
    { quantity: 'voltage_l1_n', block: 0, value: { n: 2300 + (Math.floor(clock.mono() / 1000) % 20), exp: -1 } },
  ],
})

const noise = new SeededRandom(11)

/** Twenty quantities that never stand still: about 3 kB for a quarter of an hour of 8 meters once a minute. */
const noisyReading = (): ReadingRecord => ({
  ...reading(),
  values: QUANTITY_NAMES.slice(0, 20).map((quantity) => ({
    quantity,
    block: 0,
    value: { n: 2300 + Math.floor(noise.next() * 40), exp: -1 },
  })),
})

/** Takes a reading every 10 s for so long. */
async function live(ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 10_000) {
    await store.append([reading()])
    await clock.advance(10_000)
  }
}

/** Sealed batches of ten minutes each, as an outage leaves them. */
async function backlog(batches: number, stream: StreamRecord[] = []): Promise<void> {
  for (let i = 0; i < batches; i += 1) {
    await store.append([...stream, reading(), reading()])
    await clock.advance(600_000)
    store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 1e6 })
  }
}

const down: Result<never, UplinkFault> = { ok: false, fault: { kind: 'unreachable', why: 'ECONNREFUSED' } }
const faulty = (fault: UplinkFault): Result<never, UplinkFault> => ({ ok: false, fault })
const numbers = (): number[] => cloud.attempts.map(({ batch }) => batch.number)
const unacknowledged = (): number => store.health().streams.reduce((sum, each) => sum + each.unacknowledged, 0)
const seq = (value: number): Seq => seqSchema.parse(value)

describe('a link that breaks off now and then', () => {
  it('goes on at once with what went through, and waits with growing pauses only when nothing does', async () => {
    await backlog(40)
    let broken = 0
    cloud.script = (_batch, attempt) => {
      if (attempt < 4 || attempt % 5 !== 0) return undefined
      broken += 1
      return down
    }
    start()
    await clock.advance(60_000)
    expect(broken).toBeGreaterThan(5)
    expect(unacknowledged()).toBe(0)
    expect(notices.filter(({ kind }) => kind === 'link_down').length).toBeLessThan(broken)
  })

  it('is an outage when every exchange fails', async () => {
    await backlog(40)
    cloud.script = () => down
    start()
    await clock.advance(60_000)
    expect(cloud.attempts.length).toBeLessThan(12)
    expect(notices.map(({ kind }) => kind)).toContain('link_down')
  })
})

describe('sealing', () => {
  it('waits a minute with a free link, and then sends everything at once', async () => {
    start()
    await live(50_000)
    expect(cloud.attempts).toHaveLength(0)
    await live(20_000)
    expect(cloud.attempts).toHaveLength(1)
    expect(cloud.attempts[0]?.batch.last).toBe(6)
  })

  it('of many batches that are due leaves turns for others between them', async () => {
    const sealed: number[] = []
    const seal = store.seal.bind(store)
    store.seal = (kind, limits) => {
      const batch = seal(kind, { ...limits, maxDecodedBytes: 1_000 })
      if (batch) sealed.push(clock.mono())
      return batch
    }
    for (let n = 0; n < 200; n += 1) await store.append([noisyReading()])
    await clock.advance(60_000)
    start()
    await clock.advance(1_000)
    expect(sealed.length).toBeGreaterThan(5)
    expect(new Set(sealed).size).toBeGreaterThanOrEqual(sealed.length - 1)
  })

  it('gathers fuller batches while nobody answers', async () => {
    cloud.script = () => down
    cloud.heartbeatFault = { kind: 'unreachable', why: 'ECONNREFUSED' }
    start()
    await live(3_600_000)
    const detail = store.health().streams.find((each) => each.kind === 'detail')
    expect(detail?.lastBatch).toBeLessThanOrEqual(5)
    expect(detail?.lastBatch).toBeGreaterThanOrEqual(2)
  })
})

describe('order', () => {
  it('sends the newest batch first and then the backlog, oldest first', async () => {
    await backlog(6)
    start()
    await clock.advance(5_000)
    expect(numbers()).toEqual([6, 1, 2, 3, 4, 5])
  })

  it('lets fresh readings overtake a long backlog: none waits 90 s while three weeks drain', async () => {
    await backlog(200)
    cloud.roundTripMs = 8_000
    start()
    await live(900_000)
    const fresh = cloud.attempts.filter(({ batch }) => batch.number > 200)
    expect(fresh.length).toBeGreaterThan(10)
    for (const { batch, at } of fresh) {
      const oldest = openBatch(batch).records[0]?.record.stamp.mono ?? 0
      expect(at + 8_000 - oldest).toBeLessThanOrEqual(90_000)
    }
  })

  it('fills a slow line: a backlog goes at 70 % of 64 kbit/s over 800 ms there and back, fresh readings within 90 s', async () => {
    for (let i = 0; i < 400; i += 1) {
      await store.append(Array.from({ length: 60 }, noisyReading))
      store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 1e6 })
    }
    const sealed = store.pending(1_000).length
    cloud.bitsPerSecond = 64_000
    cloud.roundTripMs = 800
    start()
    const begun = clock.mono()
    while (store.pending(sealed).some(({ number }) => number <= sealed)) await live(10_000)
    const bits = cloud.attempts.reduce((sum, { batch }) => sum + batch.body.length * 8, 0)
    expect(bits / 64 / (clock.mono() - begun)).toBeGreaterThanOrEqual(0.7)
    const fresh = cloud.attempts.filter(({ batch }) => batch.number > sealed)
    expect(fresh.length).toBeGreaterThan(0)
    for (const { batch, at } of fresh)
      expect(at - (openBatch(batch).records[0]?.record.stamp.mono ?? 0)).toBeLessThanOrEqual(85_000)
  })

  it('shows the present first after every outage, not the start of the outage', async () => {
    start()
    await live(120_000)
    cloud.script = () => down
    cloud.heartbeatFault = { kind: 'unreachable', why: 'ECONNREFUSED' }
    await live(7_200_000)
    cloud.script = () => undefined
    cloud.heartbeatFault = undefined
    const before = cloud.attempts.length
    const newest = store.pending(99).at(-1)?.number ?? 0
    expect(newest).toBeGreaterThan(5)
    await clock.advance(120_000)
    // What was sealed meanwhile is the present as well.
    const sent = numbers().slice(before)
    const backlog = sent.filter((number) => number < newest)
    const present = sent.slice(0, sent.indexOf(backlog[0] ?? 0))
    expect(present[0]).toBe(newest)
    expect(present.every((number) => number >= newest)).toBe(true)
    expect(backlog.length).toBeGreaterThan(3)
    expect(backlog).toEqual([...backlog].sort((a, b) => a - b))
  })
})

describe('a link that stumbles', () => {
  it('is tried again within a second, and only a second reset in a row is an outage', async () => {
    await backlog(1)
    start()
    await clock.advance(5_000)
    expect(loop.status().link).toBe('up')
    let resets = 1
    cloud.script = () => (resets-- > 0 ? down : undefined)
    await backlog(1)
    const [first, second, ...more] = cloud.attempts.filter(({ batch }) => batch.number === 2)
    expect(more).toEqual([])
    expect((second?.at ?? Number.NaN) - (first?.at ?? 0)).toBeLessThanOrEqual(1_100)
    expect(notices.filter(({ kind }) => kind === 'link_down')).toEqual([])
    resets = 2
    await backlog(1)
    expect(notices.filter(({ kind }) => kind === 'link_down')).toHaveLength(1)
    await clock.advance(10_000)
    expect(unacknowledged()).toBe(0)
  })
})

describe('acknowledgements', () => {
  it('free exactly what was sent, where the hash agrees', async () => {
    await backlog(3)
    start()
    await clock.advance(5_000)
    expect(unacknowledged()).toBe(0)
    expect(loop.status().counters).toMatchObject({ sent: 3, acknowledged: 3, strange: 0 })
  })

  const claims: [string, (batch: SealedBatch) => UplinkReceipt['committed'][number]][] = [
    ['another hash', (batch) => ({ ...batch, sha256: sha256Hex('other') })],
    ['another stream', (batch) => ({ ...batch, stream: streamIdSchema.parse('e'.repeat(32)) })],
    ['a batch not sent yet', (batch) => store.pending(9).find(({ number }) => number !== batch.number) ?? batch],
  ]
  it.each(claims)('of %s free nothing, are counted, and the batch is sent again', async (_, claim) => {
    await backlog(2)
    cloud.script = (batch) => ({ ok: true, value: cloud.receipt([claim(batch)]) })
    start()
    await clock.advance(60_000)
    expect(unacknowledged()).toBe(4)
    expect(loop.status().counters.strange).toBeGreaterThan(0)
    expect(loop.status().counters.acknowledged).toBe(0)
    expect(notices).toContainEqual({ kind: 'strange_answer', claims: 1 })
    cloud.script = () => undefined
    await clock.advance(900_000)
    expect(unacknowledged()).toBe(0)
  })

  it('that list nothing do not make it send faster and faster', async () => {
    await backlog(1)
    cloud.script = () => ({ ok: true, value: cloud.receipt([]) })
    start()
    await clock.advance(3_600_000)
    expect(cloud.attempts.length).toBeLessThan(120)
    expect(loop.status().counters.unacknowledged).toBe(cloud.attempts.length)
    expect(unacknowledged()).toBe(2)
  })

  it('that are lost lead to the same bytes again, so the cloud can tell', async () => {
    await backlog(1)
    cloud.script = (batch, attempt) => {
      cloud.commit(batch)
      return attempt <= 3 ? down : undefined
    }
    start()
    await clock.advance(600_000)
    expect(new Set(cloud.attempts.map(({ batch }) => batch.sha256)).size).toBe(1)
    expect(cloud.attempts).toHaveLength(4)
    expect(unacknowledged()).toBe(0)
  })

  it('that come late, with the answer to another batch, count as well; repeated ones do no harm', async () => {
    await backlog(2)
    let late: SealedBatch | undefined
    cloud.script = (batch, attempt) => {
      if (attempt === 1) {
        late = batch
        return down
      }
      const both = late ? [batch, late, late] : [batch]
      return { ok: true, value: cloud.receipt(both) }
    }
    start()
    await clock.advance(600_000)
    expect(unacknowledged()).toBe(0)
    expect(loop.status().counters.acknowledged).toBe(2)
  })
})

describe('refusals', () => {
  it('set a rejected record aside, with the reason, and free its batch', async () => {
    await backlog(1)
    cloud.script = (batch) => ({ ok: true, value: cloud.rejecting(batch, seq(2), 'unknown quantity') })
    start()
    await clock.advance(5_000)
    expect(store.health().quarantined).toBe(1)
    expect(unacknowledged()).toBe(0)
    expect(loop.status().counters.rejected).toBe(1)
  })

  it('of records that were never sent set nothing aside', async () => {
    await backlog(1)
    cloud.script = (batch) => ({ ok: true, value: cloud.rejecting(batch, seq(999), 'nonsense') })
    start()
    await clock.advance(5_000)
    expect(store.health().quarantined).toBe(0)
    expect(loop.status().counters).toMatchObject({ rejected: 0, strange: 1 })
  })

  it('of one poisoned record in 500 cost at most 2 × log2(500) extra requests and nothing else is lost', async () => {
    await store.append(Array.from({ length: 500 }, reading))
    store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 1e6 })
    cloud.script = (batch) => {
      const poisoned = openBatch(batch).records.some((each) => each.seq === 333)
      return poisoned ? faulty({ kind: 'refused_batch', status: 422, why: 'poison' }) : undefined
    }
    start()
    await clock.advance(60_000)
    const arrived = new Set(
      [...cloud.committed.values()].flatMap((batch) => openBatch(batch).records.map((each) => each.seq)),
    )
    expect(arrived.size).toBe(499)
    expect(store.health().quarantined).toBe(1)
    const voids = [...cloud.committed.values()].filter((batch) => openBatch(batch).header.void).length
    expect(cloud.attempts.length - voids).toBeLessThanOrEqual(1 + 2 * Math.ceil(Math.log2(500)))
    expect(store.pending(10)).toEqual([])
  })

  it('of everything are taken for the server, not the data: cutting up ends', async () => {
    await store.append(Array.from({ length: 200 }, reading))
    store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 1e6 })
    cloud.script = () => faulty({ kind: 'refused_batch', status: 422, why: 'broken release' })
    start()
    await clock.advance(24 * 3_600_000)
    expect(loop.status().counters.refused).toBeLessThanOrEqual(20)
    expect(loop.status().link).toBe('blocked')
    cloud.script = () => undefined
    await clock.advance(3_600_000)
    expect(unacknowledged()).toBe(0)
  })

  it('of a void, which cannot be cut up, keep nobody else: it is tried again ever more seldom', async () => {
    await backlog(20)
    let refused = 0
    cloud.script = ({ number }) => {
      if (number !== 1) return undefined
      refused += 1
      return faulty({ kind: 'refused_batch', status: 422, why: 'no' })
    }
    start()
    await live(6 * 3_600_000)
    expect(refused).toBeGreaterThan(6)
    expect(refused).toBeLessThan(15)
    expect(loop.status().link).toBe('up')
    expect(store.pending(9).map(({ number }) => number)).toEqual([1])
  })

  it('by conflict are met again when the disk did not let the stream be left', async () => {
    await backlog(3)
    const [left] = store.health().streams.map(({ stream }) => stream)
    const restart = store.restartStream.bind(store)
    let tries = 0
    store.restartStream = (stream, reason) => {
      tries += 1
      return tries > 1 && restart(stream, reason)
    }
    cloud.script = ({ stream }) => (stream === left ? faulty({ kind: 'conflict', why: 'other hash' }) : undefined)
    start()
    await clock.advance(3_600_000)
    expect(tries).toBe(2)
    expect(unacknowledged()).toBe(0)
    expect(notices.filter(({ kind }) => kind === 'stream_restarted')).toHaveLength(1)
  })

  it('by conflict lead to a new stream with the same records', async () => {
    await backlog(2)
    const old = store.pending(1)[0]?.stream
    cloud.script = (batch) => (batch.stream === old ? faulty({ kind: 'conflict', why: 'other hash' }) : undefined)
    start()
    await clock.advance(1_200_000)
    expect(unacknowledged()).toBe(0)
    expect(loop.status().counters.conflicts).toBe(1)
    const arrived = [...cloud.committed.values()].flatMap((batch) => openBatch(batch).header.origin ?? [])
    expect(arrived.map(({ stream, was, count }) => ({ stream, was, count }))).toEqual([
      { stream: old, was: 1, count: 4 },
    ])
  })

  it('by conflict hold up fresh readings for a minute or two, not for the quarter hour of a link that is down', async () => {
    cloud.script = ({ number, stream }) =>
      number === 1 && stream === cloud.attempts[0]?.batch.stream
        ? faulty({ kind: 'conflict', why: 'other hash' })
        : undefined
    start()
    await live(70_000)
    expect(loop.status().counters.conflicts).toBe(1)
    await live(120_000)
    expect(loop.status().link).toBe('up')
    expect(unacknowledged()).toBeLessThanOrEqual(6)
  })
})

describe('the status matrix: data leaves only for a true acknowledgement', () => {
  const faults: UplinkFault[] = [
    { kind: 'unreachable', why: 'ECONNRESET' },
    { kind: 'busy', status: 503, retryAfterMs: 5_000 },
    { kind: 'busy', status: 429, retryAfterMs: undefined },
    { kind: 'server_error', status: 500, retryAfterMs: undefined },
    { kind: 'refused_gateway', status: 401, why: 'revoked' },
    { kind: 'refused_gateway', status: 404, why: 'unknown' },
    { kind: 'refused_batch', status: 400, why: 'a proxy' },
    { kind: 'malformed_answer', status: 200, why: 'captive portal' },
    { kind: 'redirect', to: 'http://login.example' },
  ]
  it.each(faults.map((fault) => [fault.kind, 'status' in fault ? fault.status : '', fault] as const))(
    '%s %s keeps everything, retries with pauses, and recovers',
    async (kind, _, fault) => {
      await backlog(3)
      cloud.script = () => faulty(fault)
      start()
      await clock.advance(3_600_000)
      expect(unacknowledged()).toBe(6)
      expect(store.health().quarantined).toBe(0)
      expect(cloud.attempts.length).toBeGreaterThan(2)
      expect(cloud.attempts.length).toBeLessThan(800)
      expect(loop.status().counters.faults[kind]).toBe(cloud.attempts.length)
      expect(loop.status().link).not.toBe('up')
      cloud.script = () => undefined
      await clock.advance(960_000)
      expect(unacknowledged()).toBe(0)
      expect(loop.status().link).toBe('up')
    },
  )
})

describe('waiting', () => {
  it('honours what the server asks for', async () => {
    await backlog(1)
    cloud.script = (_, attempt) =>
      attempt === 1 ? faulty({ kind: 'busy', status: 503, retryAfterMs: 600_000 }) : undefined
    start()
    await clock.advance(599_000)
    expect(cloud.attempts).toHaveLength(1)
    await clock.advance(130_000)
    expect(cloud.attempts).toHaveLength(2)
  })

  it('ends when a heartbeat gets through again, so a fresh reading is there within two minutes', async () => {
    start()
    cloud.script = () => down
    cloud.heartbeatFault = { kind: 'unreachable', why: 'no route' }
    await live(6 * 3_600_000)
    cloud.script = () => undefined
    cloud.heartbeatFault = undefined
    await live(130_000)
    expect(loop.status().link).toBe('up')
    expect(cloud.committed.size).toBeGreaterThan(0)
  })

  it.each<UplinkFault>([
    { kind: 'server_error', status: 502, retryAfterMs: undefined },
    { kind: 'malformed_answer', status: 200, why: 'captive portal' },
  ])('ends the same way after hours of a dead back end or a login page', async (fault) => {
    start()
    cloud.script = () => faulty(fault)
    cloud.heartbeatFault = fault
    await live(6 * 3_600_000)
    cloud.script = () => undefined
    cloud.heartbeatFault = undefined
    await live(130_000)
    expect(loop.status().link).toBe('up')
  })

  it('is not cut short by heartbeats while the cloud asks for patience', async () => {
    await backlog(1)
    cloud.script = () => faulty({ kind: 'busy', status: 503, retryAfterMs: 1_800_000 })
    cloud.heartbeatFault = { kind: 'busy', status: 503, retryAfterMs: undefined }
    start()
    await clock.advance(300_000)
    cloud.heartbeatFault = undefined
    await clock.advance(1_200_000)
    expect(cloud.attempts).toHaveLength(1)
  })

  it('does not notice steps of the wall clock', async () => {
    start()
    await live(120_000)
    const before = cloud.attempts.length
    clock.stepWall(-50 * 365 * 86_400_000)
    await live(600_000)
    clock.stepWall(60 * 365 * 86_400_000)
    await live(600_000)
    const after = cloud.attempts.length - before
    expect(after).toBeGreaterThanOrEqual(15)
    expect(after).toBeLessThanOrEqual(20)
    expect(cloud.heartbeats.length).toBeGreaterThanOrEqual(18)
  })

  it('stops within the moment when told to, in the middle of an exchange', async () => {
    await backlog(1)
    cloud.roundTripMs = 20_000
    start()
    await clock.advance(1_000)
    stop.abort(new Error('stop'))
    await clock.runUntil(running, 1)
    expect(unacknowledged()).toBe(2)
    expect(clock.sleeping).toBe(0)
  })
})

describe('beside the batches', () => {
  it('sends a heartbeat at start and every minute', async () => {
    start()
    await clock.advance(600_000)
    expect(cloud.heartbeats.length).toBeGreaterThanOrEqual(9)
    expect(cloud.heartbeats.length).toBeLessThanOrEqual(12)
    expect(cloud.heartbeats[0]).toBeLessThan(1_000)
  })

  it('sends heartbeats as often as configured', async () => {
    const rare = new SyncLoop(
      { clock, random: new SeededRandom(2), store, uplink: cloud },
      { heartbeat: () => bareHeartbeat(clock), heartbeatEvery: durationMs(600_000) },
    )
    running = rare.start(stop.signal)
    await clock.advance(3_600_000)
    expect(cloud.heartbeats.length).toBeGreaterThanOrEqual(6)
    expect(cloud.heartbeats.length).toBeLessThanOrEqual(7)
  })

  it("learns the server's time from answers", async () => {
    cloud.serverAheadMs = 3_600_000
    start()
    await clock.advance(1_000)
    expect(loop.status().serverTime).toMatchObject({ offsetMs: -3_600_000, errorMs: 51, roundTripMs: 100 })
  })

  it("counts bytes by the plant's day and month, across a restart", async () => {
    await backlog(2)
    start()
    await clock.advance(10_000)
    const { usage } = loop.status()
    expect(usage.dayBytes).toBeGreaterThanOrEqual(2_000)
    expect(usage.monthBytes).toBe(usage.dayBytes)
    const again = new SyncLoop(
      { clock, random: new SeededRandom(2), store, uplink: cloud },
      { heartbeat: () => bareHeartbeat(clock) },
    )
    expect(again.status().usage).toEqual(usage)
    clock.stepWall(86_400_000)
    expect(again.status().usage).toMatchObject({ dayBytes: 0, monthBytes: usage.monthBytes })
  })
})
