import { durationMs, encodeDlt645Answer, type Random, type Result, randomInt } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { type Script, ScriptedLine } from '../testing/scripted-line.js'
import { answerTo, exception, isTrue, parseRequest } from '../testing/scripted-meter.js'
import { SeededRandom } from '../testing/seeded-random.js'
import { UnguardedMaster } from '../testing/unguarded-master.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import type { BusFault } from './bus-fault.js'
import { wireMs } from './line-port.js'
import type { BusAnswer, ModbusRead } from './register-bus.js'
import { SerialBus } from './serial-bus.js'

const settings = { baud: 9600, format: '8N1' } as const
type Read = (request: ModbusRead) => Promise<Result<BusAnswer, BusFault>>
type Master = (line: ScriptedLine, clock: VirtualClock) => Read

const guarded: Master = (line, clock) => {
  const bus = new SerialBus(line, clock, { settings })
  return (request) => bus.read(request)
}
const unguarded: Master = (line, clock) => {
  const master = new UnguardedMaster(line, clock, settings)
  return (request) => master.read(request)
}

interface Unpunctual {
  readonly script: Script
  /** Answers that came more than 480 ms after their request. */
  readonly provoked: () => number
}

/**
 * Meters that answer in the order asked, some answers hundreds of milliseconds late, some never, some damaged, some as
 * exceptions. Two registers blocks of the same length alternate, so a mix-up gives a wrong value with the right frame.
 */
function unpunctual(random: Random, clock: VirtualClock, lateShare: number): Unpunctual {
  const freeAt = new Map<number, number>()
  let provoked = 0
  const script: Script = (request) => {
    const asked = parseRequest(request)
    if (!asked) return []
    const dice = random.next()
    const delay = dice < lateShare ? 480 + random.next() * (random.next() < 0.2 ? 2500 : 400) : 5 + random.next() * 60
    if (random.next() < lateShare / 8) return []
    const whole = random.next() < 0.03 ? exception(asked.unit, asked.fn, 2) : answerTo(request)
    const now = clock.mono()
    const at = Math.max(now + delay, freeAt.get(asked.unit) ?? 0) + wireMs(whole.length, settings)
    freeAt.set(asked.unit, at)
    if (at - now > 480) provoked += 1
    if (random.next() < 0.02) whole[3] = (whole[3] ?? 0) ^ 4
    return [{ afterMs: at - now, bytes: whole }]
  }
  return { script, provoked: () => provoked }
}

async function provoke(master: Master, seed: number, wanted: number, lateShare: number) {
  const random = new SeededRandom(seed)
  const clock = new VirtualClock()
  const meters = unpunctual(random, clock, lateShare)
  const read = master(new ScriptedLine(clock, meters.script), clock)
  const units = 1 + randomInt(random, 3)
  const seen = { asked: 0, good: 0, wrong: 0 }
  const run = async (): Promise<void> => {
    while (meters.provoked() < wanted) {
      const count = [10, 10, 10, 2, 1][randomInt(random, 5)] ?? 10
      const request: ModbusRead = {
        protocol: 'modbus',
        unit: 1 + randomInt(random, units),
        function: random.next() < 0.8 ? 3 : 4,
        address: randomInt(random, 50) * 16,
        count,
      }
      const outcome = await read(request)
      seen.asked += 1
      if (!outcome.ok) continue
      seen.good += 1
      if (!isTrue(outcome.value.data, request.unit, request.function, request.address, count)) seen.wrong += 1
      if (random.next() < 0.2) await clock.sleep(durationMs(random.next() * 300))
    }
  }
  await clock.runUntil(run(), 1e9)
  return { ...seen, provoked: meters.provoked() }
}

describe('late answers of the same unit, function and length', () => {
  it('never become a value: 10 000 provocations in every interleaving of 20 seeds', async () => {
    const total = { provoked: 0, good: 0, wrong: 0 }
    for (let seed = 1; seed <= 20; seed++) {
      const { provoked, good, wrong } = await provoke(guarded, seed, 500, seed % 2 === 0 ? 0.5 : 0.15)
      total.provoked += provoked
      total.good += good
      total.wrong += wrong
    }
    expect(total.provoked).toBeGreaterThanOrEqual(10_000)
    expect(total.wrong).toBe(0)
    // Safety by answering nothing would be cheap.
    expect(total.good).toBeGreaterThan(total.provoked / 2)
  })

  it('are caught by this harness when a master is not guarded', async () => {
    const { wrong, good } = await provoke(unguarded, 1, 500, 0.15)
    expect(wrong).toBeGreaterThan(20)
    expect(good).toBeGreaterThan(wrong)
  })
})

describe('after late answers', () => {
  const alternating = (late: (n: number) => number) => {
    const clock = new VirtualClock()
    let n = 0
    const line = new ScriptedLine(clock, (request) => {
      n += 1
      return [{ afterMs: late(n), bytes: answerTo(request) }]
    })
    return { clock, line, read: guarded(line, clock) }
  }
  const block = (address: number): ModbusRead => ({ protocol: 'modbus', unit: 1, function: 3, address, count: 10 })

  it('the next good answer comes within a second of the end of the trouble', async () => {
    const { clock, read } = alternating((n) => (n <= 10 ? 700 : 20))
    for (let i = 0; i < 6; i++) await clock.runUntil(read(block(i * 16)))
    const outcomes: boolean[] = []
    const begun = clock.mono()
    while (outcomes.at(-1) !== true) outcomes.push((await clock.runUntil(read(block(outcomes.length * 16)))).ok)
    expect(clock.mono() - begun).toBeLessThan(1000)
  })

  it('a unit that was dead for a day costs one time-out per try and is read at its first answer', async () => {
    const clock = new VirtualClock()
    let dead = true
    const line = new ScriptedLine(clock, (request) => (dead ? [] : [{ afterMs: 20, bytes: answerTo(request) }]))
    const read = guarded(line, clock)
    for (let i = 0; i < 1440; i++) {
      const begun = clock.mono()
      expect((await clock.runUntil(read(block(0)))).ok).toBe(false)
      if (i > 0) expect(clock.mono() - begun).toBeLessThan(520)
      await clock.advance(60_000)
    }
    dead = false
    const outcome = await clock.runUntil(read(block(0)))
    expect(outcome.ok && isTrue(outcome.value.data, 1, 3, 0, 10)).toBe(true)
  })

  it('an ordinary read of another length needs no extra request', async () => {
    const { clock, line, read } = alternating((n) => (n === 1 ? 900 : 20))
    await clock.runUntil(read(block(0)))
    const outcome = await clock.runUntil(read({ ...block(0), count: 4 }))
    expect(outcome.ok).toBe(true)
    expect(line.requests).toBe(2)
  })

  /** A unit that says nothing to a read of what it does not have, and loses the first request. */
  const withHoles = (has: (asked: { fn: number; address: number; count: number }) => boolean) => {
    const clock = new VirtualClock()
    let n = 0
    const line = new ScriptedLine(clock, (request) => {
      const asked = parseRequest(request)
      n += 1
      return n > 1 && asked && has(asked) ? [{ afterMs: 20, bytes: answerTo(request) }] : []
    })
    const read = guarded(line, clock)
    return async (request: ModbusRead) => (await clock.runUntil(read(request))).ok
  }

  it('a longer read that crosses a hole does not stand for ever in the way of a shorter one', async () => {
    const reads = withHoles(({ address, count }) => address + count <= 10)
    expect(await reads({ ...block(0), count: 4 })).toBe(false)
    expect(await reads({ ...block(0), count: 31 })).toBe(false)
    expect(await reads({ ...block(0), count: 4 })).toBe(true)
  })

  it('nor does a read of registers of the other kind', async () => {
    const reads = withHoles(({ fn, address }) => fn === 4 && address >= 100)
    const wanted: ModbusRead = { ...block(100), function: 4, count: 2 }
    expect(await reads(wanted)).toBe(false)
    expect(await reads({ ...block(0), count: 1 })).toBe(false)
    expect(await reads(wanted)).toBe(true)
  })

  it('a late exception is not reported of the next read, and a lasting one is reported for certain', async () => {
    const clock = new VirtualClock()
    let n = 0
    const line = new ScriptedLine(clock, (request) => {
      n += 1
      if (n === 1) return [{ afterMs: 600, bytes: exception(1, 3, 2) }]
      const refused = parseRequest(request)?.address === 512
      return [{ afterMs: 200, bytes: refused ? exception(1, 3, 2) : answerTo(request) }]
    })
    const read = guarded(line, clock)
    expect(await clock.runUntil(read(block(0)))).toMatchObject({ fault: { kind: 'timeout' } })
    const next = await clock.runUntil(read({ ...block(16), count: 4 }))
    expect(next.ok).toBe(true)
    expect(await clock.runUntil(read(block(512)))).toEqual({ ok: false, fault: { kind: 'exception', code: 2 } })
  })

  it('a meter that refuses everything after a silence is found out in a few rounds', async () => {
    const clock = new VirtualClock()
    let n = 0
    const line = new ScriptedLine(clock, (request) => {
      n += 1
      const asked = parseRequest(request)
      return n === 1 || !asked ? [] : [{ afterMs: 20, bytes: exception(asked.unit, asked.fn, 2) }]
    })
    const read = guarded(line, clock)
    const kinds: string[] = []
    for (let i = 0; i < 6; i++) {
      const outcome = await clock.runUntil(read(block(0)))
      kinds.push(outcome.ok ? 'ok' : outcome.fault.kind)
    }
    expect(kinds).toContain('exception')
    expect(kinds.slice(4)).toEqual(['exception', 'exception'])
  })
})

describe('a read that is given up', () => {
  it('rejects with the reason, and its answer is not taken for the next one', async () => {
    const clock = new VirtualClock()
    const line = new ScriptedLine(clock, (request) => [{ afterMs: 200, bytes: answerTo(request) }])
    const bus = new SerialBus(line, clock, { settings })
    const request = { protocol: 'modbus', unit: 1, function: 3, address: 0, count: 10 } as const
    const stop = new AbortController()
    const given = bus.read(request, stop.signal).catch((reason: unknown) => reason)
    await clock.advance(600)
    stop.abort(new Error('the technician left'))
    expect(await clock.runUntil(given)).toEqual(new Error('the technician left'))
    const outcome = await clock.runUntil(bus.read({ ...request, address: 160 }))
    expect(outcome.ok && isTrue(outcome.value.data, 1, 3, 160, 10)).toBe(true)
    await expect(bus.read(request, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')
  })
})

describe('late DL/T 645 answers', () => {
  const read645 = (di: string) => ({ protocol: 'dlt645', address: '000000000161', di }) as const
  const meter = (delays: readonly number[], refuses: readonly number[] = []) => {
    const clock = new VirtualClock()
    let n = 0
    const line = new ScriptedLine(clock, (request) => {
      const data = request.slice(14, 18)
      const di = data.map((byte) => (byte - 0x33) & 0xff)
      const whole = refuses.includes(n)
        ? encodeDlt645Answer('000000000161', 0xd1, Uint8Array.of(2))
        : encodeDlt645Answer('000000000161', 0x91, Uint8Array.of(...di, ...[...di].reverse()))
      const afterMs = delays[n] ?? 50
      n += 1
      return [{ afterMs, bytes: whole }]
    })
    const bus = new SerialBus(line, clock, { settings: { baud: 2400, format: '8E1' } })
    const read = (di: string) => clock.runUntil(bus.read(read645(di)))
    return { bus, read, pause: (ms: number) => clock.advance(ms) }
  }

  it('are never taken for another identifier', async () => {
    const { bus, read } = meter([700, 300])
    expect(await read('00010000')).toMatchObject({ ok: false, fault: { kind: 'timeout' } })
    expect(await read('00020000')).toMatchObject({ ok: true, value: { data: Uint8Array.of(0, 2, 0, 0) } })
    expect(bus.health().line.late_answers).toBe(1)
  })

  it('are taken for the same identifier, which they name', async () => {
    const { read } = meter([700, 5000])
    await read('00010000')
    expect(await read('00010000')).toMatchObject({ ok: true, value: { data: Uint8Array.of(0, 1, 0, 0) } })
  })

  it('do not refuse in the name of the next identifier', async () => {
    const { read } = meter([700, 300], [0])
    await read('00010000')
    expect(await read('00020000')).toMatchObject({ ok: true, value: { data: Uint8Array.of(0, 2, 0, 0) } })
  })

  it('refuse for certain when nothing else is open', async () => {
    const { read } = meter([50, 50, 50], [0, 1, 2])
    expect(await read('00010000')).toEqual({ ok: false, fault: { kind: 'exception', code: 2 } })
    expect(await read('00010000')).toEqual({ ok: false, fault: { kind: 'exception', code: 2 } })
  })

  it('teach how slow a meter has become, though a slow wire carries them for longer than it may take to begin', async () => {
    const delays = [...Array<number>(100).fill(100), ...Array<number>(20).fill(400)]
    const { bus, read, pause } = meter(delays)
    for (let i = 0; i < 100; i++) await read('00010000')
    expect(bus.health().units.get('dlt645:000000000161')?.timeoutMs).toBeLessThan(250)
    const outcomes: boolean[] = []
    // Polled alone on its line, so that each late answer is found at the next poll only.
    for (let i = 0; i < 5; i++) {
      outcomes.push((await read('00010000')).ok)
      await pause(10_000)
    }
    expect(outcomes.slice(1)).toEqual([true, true, true, true])
  })
})
