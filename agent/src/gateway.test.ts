import { bootId, epochMs, fail, gatewayIdSchema, heartbeatRequestSchema, invariant, ok } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { assembleGateway } from './assemble.js'
import type { RegisterBus } from './bus/register-bus.js'
import { checkSource } from './config/load.js'
import { type ClockEvidence, ClockTrust } from './reading/clock-trust.js'
import { MemoryRecordStore } from './store/memory-record-store.js'
import { silentLogger } from './system/index.js'
import { ScriptedUplink } from './testing/scripted-uplink.js'
import { SeededRandom } from './testing/seeded-random.js'
import { VirtualClock } from './testing/virtual-clock.js'

const CONFIG = `lines: [{ id: line-1, port: /dev/ttyUSB7 }]
meters: [{ id: press-1, line: line-1, profile: eastron-sdm630, unit: 1 }]
`
const GATEWAY = gatewayIdSchema.parse('gw-0123456789abcdef')

/** A line whose port is not there; as on the real one, nobody knows before the first request. */
class AbsentLine implements RegisterBus {
  requests = 0
  closed = false

  async read() {
    this.requests += 1
    return fail({ kind: 'line_down', why: 'no such file' } as const)
  }
  health() {
    const none = { good: 0, timeout: 0, crc: 0, bad_frame: 0, exception: 0, stray_bytes: 0, echoes: 0 }
    const { requests } = this
    const line = { ...none, requests, line_down: requests, late_answers: 0, resyncs: 0 }
    return { open: false, why: requests === 0 ? 'not opened yet' : 'no such file', line, units: new Map() }
  }
  async close() {
    this.closed = true
  }
}

class HeardUplink extends ScriptedUplink {
  readonly bodies: unknown[] = []

  override heartbeat(body: unknown, signal?: AbortSignal) {
    this.bodies.push(body)
    return super.heartbeat(body, signal)
  }
}

class FullStore extends MemoryRecordStore {
  override flush() {
    return Promise.resolve(fail({ kind: 'full', why: 'no space left' } as const))
  }
}

function harness({
  Store = MemoryRecordStore,
  evidence = async (): Promise<ClockEvidence | undefined> => ({ source: 'chrony', errorMs: 1 }),
} = {}) {
  const clock = new VirtualClock()
  const random = new SeededRandom(1)
  const loaded = checkSource(CONFIG, { file: 'metergate.yaml' })
  invariant(loaded.ok, 'the configuration is right')
  const store = new Store({ clock, random, sealer: () => undefined })
  const bus = new AbsentLine()
  const uplink = new HeardUplink(clock)
  const gateway = assembleGateway(loaded.value, {
    clock,
    random,
    logger: silentLogger,
    trust: new ClockTrust(clock),
    store,
    makeBus: () => bus,
    clockEvidence: evidence,
    process: { pid: 1, nodeVersion: 'v0', memoryBytes: () => 0, disk: () => ({ freeBytes: 0, totalBytes: 0 }) },
    uplink: { uplink, gateway: GATEWAY },
  })
  const stopped = (): unknown =>
    [...store.records({ stream: 'ledger', kinds: ['event'] })].flatMap(({ record }) =>
      record.kind === 'event' && record.code === 'gateway_stopped' ? [record.facts] : [],
    )
  return { clock, store, bus, uplink, gateway, stopped }
}

describe('a gateway that is told to stop', () => {
  it('stores what is in hand, says so, and closes its lines and its store', async () => {
    const { clock, store, bus, gateway, stopped } = harness()
    const stop = new AbortController()
    const done = gateway.start(stop.signal)
    await clock.advance(30_000)
    stop.abort()
    await clock.runUntil(done)
    expect(stopped()).toEqual([{ clean: true }])
    expect(bus.closed).toBe(true)
    expect(await store.append([])).toMatchObject({ ok: false, fault: { kind: 'closed' } })
  })

  it('does not call it clean when the disk did not take everything', async () => {
    const { clock, gateway, stopped } = harness({ Store: FullStore })
    const stop = new AbortController()
    const done = gateway.start(stop.signal)
    await clock.advance(1_000)
    stop.abort()
    await clock.runUntil(done)
    expect(stopped()).toEqual([{ clean: false }])
  })

  it('by a part that throws still stores, closes everything, and passes the error on', async () => {
    let asked = 0
    const evidence = async () => {
      asked += 1
      if (asked === 2) throw new Error('broken')
      return { source: 'chrony', errorMs: 1 } as const
    }
    const { clock, store, bus, gateway, stopped } = harness({ evidence })
    const done = gateway.start(new AbortController().signal).then(ok, (error: unknown) => fail({ error }))
    expect(await clock.runUntil(done)).toEqual(fail({ error: new Error('broken') }))
    expect(stopped()).toEqual([{ clean: false }])
    expect(bus.closed).toBe(true)
    expect(await store.append([])).toMatchObject({ ok: false })
  })
})

describe('the first heartbeat', () => {
  it('before the first poll warns of nothing; the next one knows the line is down', async () => {
    const { clock, bus, uplink, gateway } = harness()
    const stop = new AbortController()
    const done = gateway.start(stop.signal)
    await clock.advance(1_000)
    expect(bus.requests).toBe(0)
    const [first] = uplink.bodies.map((body) => heartbeatRequestSchema.parse(body))
    expect(first).toMatchObject({ buses: [], clock: { quality: 'S' } })
    expect(gateway.snapshot().buses).toMatchObject([{ name: 'line-1', state: 'starting' }])
    expect(gateway.snapshot().link).toMatchObject({ last_heartbeat_at: clock.wall() - 900, last_batch_at: null })
    await clock.advance(70_000)
    expect(heartbeatRequestSchema.parse(uplink.bodies.at(-1)).buses).toMatchObject([
      { name: 'line-1', state: 'down', why: 'no such file' },
    ])
    stop.abort()
    await clock.runUntil(done)
  })
})

describe('one read of a meter', () => {
  it('names the port and the cause when the line is down', async () => {
    const { gateway } = harness()
    const [meter] = gateway.snapshot().meters
    invariant(meter, 'one meter is configured')
    const read = await gateway.handlers().read({ meter: meter.id }, new AbortController().signal)
    expect(read).toMatchObject({ ok: true, value: { why: '/dev/ttyUSB7: no such file' } })
  })
})

describe('a box whose clock nobody vouches for', () => {
  it('says that energy waits for it, until a technician confirms what it showed', async () => {
    const { clock, gateway } = harness({ evidence: async () => undefined })
    const calls = gateway.handlers()
    const never = new AbortController().signal
    const span = { start: epochMs(0), end: epochMs(60_000) }
    expect(await calls.energy(span, never)).toMatchObject({ ok: true, value: { waiting_for: 'clock' } })
    expect(gateway.snapshot()).toMatchObject({ waiting_for: 'clock' })
    const told = await calls.clock({}, never)
    invariant(told.ok, 'the state of the clock can always be told')
    expect(told.value).toMatchObject({ quality: 'U', evidence: null, waiting_for: 'clock', wall: clock.wall() })

    const { boot, mono, wall } = told.value
    await clock.advance(5_000)
    const stranger = await calls.clock_confirm({ boot: bootId('other'), mono, wall, error_ms: 1_500 }, never)
    expect(stranger).toMatchObject({ ok: false, fault: { kind: 'bad_request' } })
    const confirmed = await clock.runUntil(calls.clock_confirm({ boot, mono, wall, error_ms: 1_500 }, never))
    expect(confirmed).toMatchObject({ ok: true, value: { quality: 'S', evidence: { source: 'technician' } } })
    const energy = await calls.energy(span, never)
    expect(energy.ok && energy.value.waiting_for).toBeUndefined()
    // Hours later the clock may have drifted too far to call it right, but what is read is dated by that word.
    await clock.advance(6 * 3_600_000)
    expect(gateway.snapshot().clock.quality).toBe('U')
    expect(gateway.snapshot().waiting_for).toBeUndefined()
  })
})
