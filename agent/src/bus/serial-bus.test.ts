import { DLT645_WILDCARD, durationMs, encodeDlt645Answer, identifierBytes, invariant } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { type Script, ScriptedLine } from '../testing/scripted-line.js'
import { answer, answerTo, exception, isTrue, parseRequest } from '../testing/scripted-meter.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import type { UnitFacts } from './line-guard.js'
import { silenceMs, wireMs } from './line-port.js'
import type { ModbusRead } from './register-bus.js'
import { SerialBus } from './serial-bus.js'

const settings = { baud: 9600, format: '8N1' } as const
const honest: Script = (request) => {
  const bytes = answerTo(request)
  return [{ afterMs: 15 + wireMs(bytes.length, settings), bytes }]
}

function setUp(
  script: Script = honest,
  units?: ReadonlyMap<string, UnitFacts>,
  nature: 'serial' | 'socket' = 'serial',
) {
  const clock = new VirtualClock()
  const line = new ScriptedLine(clock, script, nature)
  const bus = new SerialBus(line, clock, { settings, ...(units ? { units } : {}) })
  const read = (request: ModbusRead) => clock.runUntil(bus.read(request))
  return { clock, line, bus, read }
}

const modbus = (unit: number, address: number, count: number, fn: 3 | 4 = 3): ModbusRead => ({
  protocol: 'modbus',
  unit,
  function: fn,
  address,
  count,
})
const ask = modbus(5, 0x100, 10)
const bytesOf = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)
const inPieces = (bytes: Uint8Array, size: number, afterMs: number, everyMs: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => ({
    afterMs: afterMs + i * everyMs,
    bytes: bytes.slice(i * size, (i + 1) * size),
  }))

/** Asks once of a line that answers by `script` and expects the true registers. */
async function expectTruth(script: Script) {
  const rig = setUp(script)
  const outcome = await rig.read(ask)
  invariant(outcome.ok, `no answer: ${JSON.stringify(outcome)}`)
  expect(isTrue(outcome.value.data, 5, 3, 0x100, 10)).toBe(true)
  return rig
}

describe('an answer is taken', () => {
  it('when it comes whole, with its instant, turnaround and duration', async () => {
    const { bus, read, clock } = setUp()
    const outcome = await read(ask)
    invariant(outcome.ok, 'no answer')
    expect(outcome.value.turnaroundMs).toBeCloseTo(15, 3)
    expect(outcome.value.at.mono).toBe(clock.mono())
    expect(outcome.value.durationMs).toBeCloseTo(wireMs(8 + 25, settings) + 15, 3)
    expect(bus.health()).toMatchObject({ open: true, line: { requests: 1, good: 1, stray_bytes: 0 } })
  })

  it.each([1, 2, 3, 7, 16])('in chunks of %i bytes, as USB adapters and serial servers deliver them', async (size) => {
    await expectTruth((request) => inPieces(answerTo(request), size, 20, 16))
  })

  it('behind its own echo, and counts the echo', async () => {
    const { bus } = await expectTruth((request) => [
      { afterMs: 0, bytes: request },
      { afterMs: 40, bytes: answerTo(request) },
    ])
    expect(bus.health().line).toMatchObject({ echoes: 1, stray_bytes: 0 })
  })

  it('when echo and answer come in one chunk', async () => {
    await expectTruth((request) => [{ afterMs: 40, bytes: bytesOf(...request, ...answerTo(request)) }])
  })

  it.each([1, 3, 5, 7])('behind an echo that lost all but its last %i bytes', async (kept) => {
    await expectTruth((request) => [{ afterMs: 40, bytes: bytesOf(...request.slice(-kept), ...answerTo(request)) }])
  })

  it.each([1, 3, 5, 7])('behind an echo that broke off after %i bytes', async (kept) => {
    const { bus } = await expectTruth((request) => [
      { afterMs: 40, bytes: bytesOf(...request.slice(0, kept), ...answerTo(request)) },
    ])
    expect(bus.health().line.stray_bytes).toBe(kept)
    if (kept >= 2) expect(bus.health().line.echoes).toBe(1)
  })

  it('between the zero bytes of a line that floats when nobody drives it', async () => {
    await expectTruth((request) => [{ afterMs: 40, bytes: bytesOf(0, 0, ...answerTo(request), 0, 0, 0) }])
  })

  it('behind noise that looks like the beginning of an answer', async () => {
    await expectTruth((request) => [{ afterMs: 40, bytes: bytesOf(5, 3, 20, 1, 2, ...answerTo(request)) }])
  })

  it('of a slow meter, behind noise that looks like the beginning of an answer and stays without an end', async () => {
    await expectTruth((request) => [
      { afterMs: 10, bytes: bytesOf(5, 3, 20, 1, 2) },
      { afterMs: 300, bytes: answerTo(request) },
    ])
  })

  it('when it holds a whole frame of its own inside', async () => {
    const inner = exception(5, 3, 2)
    const script: Script = (request) => {
      const bytes = answer(5, 3, 0, 10)
      return inPieces(bytes.length > 0 ? frameWith(inner) : request, 9, 20, 10)
    }
    const { read } = setUp(script)
    const outcome = await read(ask)
    expect(outcome).toMatchObject({ ok: true })
  })
})

/** A good answer of unit 5, function 3, 10 registers whose data contains `inner`. */
function frameWith(inner: Uint8Array): Uint8Array {
  const body = [5, 3, 20, ...inner, ...new Array<number>(20 - inner.length).fill(0)]
  let crc = 0xffff
  for (const byte of body) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  }
  return bytesOf(...body, crc & 0xff, crc >> 8)
}

describe('a fault is named', () => {
  const fault = async (script: Script) => {
    const rig = setUp(script)
    const outcome = await rig.read(ask)
    invariant(!outcome.ok, 'an answer was taken')
    return { fault: outcome.fault, ...rig }
  }

  it('timeout: nothing came', async () => {
    const { fault: named, bus } = await fault(() => [])
    expect(named).toMatchObject({ kind: 'timeout' })
    expect(bus.health().units.get('modbus:5')).toMatchObject({ timeout: 1, timeoutMs: 500 })
  })

  it.each([
    ['begins', 0, 3],
    ['lies in the middle', 2, 5],
    ['ends', 4, 8],
  ] as const)('timeout: nothing came but a piece of the own echo, which %s it', async (_, from, to) => {
    const { fault: named, bus } = await fault((request) => [{ afterMs: 0, bytes: request.slice(from, to) }])
    expect(named).toMatchObject({ kind: 'timeout' })
    expect(bus.health().line).toMatchObject({ timeout: 1, bad_frame: 0, stray_bytes: to - from })
  })

  it('crc: a whole answer with a bit flipped', async () => {
    const { fault: named } = await fault((request) => {
      const bytes = answerTo(request)
      bytes[7] = (bytes[7] ?? 0) ^ 1
      return [{ afterMs: 30, bytes }]
    })
    expect(named).toMatchObject({ kind: 'crc' })
  })

  it('bad_frame: the answer broke off', async () => {
    const { fault: named } = await fault((request) => [{ afterMs: 30, bytes: answerTo(request).slice(0, 12) }])
    expect(named).toMatchObject({ kind: 'bad_frame', why: 'the answer broke off' })
  })

  it.each([
    ['another unit', answer(6, 3, 0x100, 10)],
    ['another function', answer(5, 4, 0x100, 10)],
    ['another length', answer(5, 3, 0x100, 9)],
    ['noise', bytesOf(0xff, 0x13, 0x77, 0xaa, 0x55, 0x01)],
  ])('bad_frame: %s', async (_, bytes) => {
    const { fault: named, bus } = await fault(() => [{ afterMs: 30, bytes }])
    expect(named.kind).toBe('bad_frame')
    expect(bus.health().line.stray_bytes).toBe(bytes.length)
  })

  it('exception: with its code', async () => {
    const { fault: named } = await fault(() => [{ afterMs: 30, bytes: exception(5, 3, 2) }])
    expect(named).toEqual({ kind: 'exception', code: 2 })
  })

  it('line_down: unplugged in the middle, and the line is opened again when it is back', async () => {
    const rig = setUp((request) => {
      void rig.clock.sleep(durationMs(10)).then(() => rig.line.unplug('adapter unplugged'))
      return [{ afterMs: 50, bytes: answerTo(request) }]
    })
    expect(await rig.read(ask)).toEqual({ ok: false, fault: { kind: 'line_down', why: 'adapter unplugged' } })
    expect(rig.bus.health()).toMatchObject({ open: false, why: 'adapter unplugged' })
    await rig.clock.advance(1000)
    expect((await rig.read(ask)).ok).toBe(false)
    rig.line.absent = undefined
    rig.line.script = honest
    await rig.clock.advance(1000)
    const back = await rig.read(ask)
    expect(back.ok).toBe(true)
    expect(rig.bus.health().open).toBe(true)
  })
})

describe('silence', () => {
  it.each([2400, 9600, 19200, 115200] as const)(
    'of 3.5 characters is kept before every request at %i baud',
    async (baud) => {
      const clock = new VirtualClock()
      const line = new ScriptedLine(clock, (request, facts) => {
        const bytes = answerTo(request)
        return facts.silenceMs >= silenceMs(baud) - 1e-6
          ? [{ afterMs: 5 + wireMs(bytes.length, facts.settings), bytes }]
          : []
      })
      const bus = new SerialBus(line, clock, { settings: { baud, format: '8E1' } })
      for (let i = 0; i < 20; i++) expect((await clock.runUntil(bus.read(modbus(1 + (i % 3), i, 1 + i)))).ok).toBe(true)
      expect(line.leastSilenceMs).toBeGreaterThanOrEqual(silenceMs(baud) - 1e-6)
    },
  )

  it('beyond it is kept only before the meters that need it', async () => {
    const units = new Map([['modbus:2', { pauseMs: 500 }]])
    const { clock, read } = setUp(honest, units)
    await read(modbus(1, 0, 10))
    const begun = clock.mono()
    for (let i = 0; i < 4; i++) await read(modbus(1, 0, 10))
    expect(clock.mono() - begun).toBeLessThan(4 * 60)
    await read(modbus(2, 0, 10))
    const slow = clock.mono()
    await read(modbus(2, 0, 10))
    expect(clock.mono() - slow).toBeGreaterThan(500)
  })

  it('beyond it is kept after a late answer, too', async () => {
    const units = new Map([['modbus:2', { pauseMs: 500 }]])
    const instants: number[] = []
    const rig = setUp((request) => {
      instants.push(rig.clock.mono())
      return [{ afterMs: instants.length === 1 ? 700 : 40, bytes: answerTo(request) }]
    }, units)
    expect((await rig.read(modbus(2, 0, 10))).ok).toBe(false)
    await rig.clock.advance(250)
    expect((await rig.read(modbus(2, 0, 4))).ok).toBe(true)
    const [first = 0, second = 0] = instants
    expect(second - (first + 700)).toBeGreaterThanOrEqual(500)
  })

  it('never comes on a babbling line: the request is given up, not sent into it', async () => {
    const rig = setUp()
    await rig.read(ask)
    const stop = new AbortController()
    void (async () => {
      while (!stop.signal.aborted) {
        rig.line.babble(bytesOf(0x55))
        await rig.clock.sleep(durationMs(2))
      }
    })()
    const sent = rig.line.requests
    expect(await rig.read(ask)).toMatchObject({ ok: false, fault: { kind: 'bad_frame' } })
    expect(rig.line.requests).toBe(sent)
    stop.abort()
    await rig.clock.advance(100)
    expect((await rig.read(ask)).ok).toBe(true)
  })
})

describe('a time-out', () => {
  it('counts only after a last look: an answer that came while the process was busy is taken', async () => {
    const rig = setUp(() => [])
    rig.line.onLook = (deliver) => deliver(answerTo(rig.line.lastRequest))
    const outcome = await rig.read(ask)
    expect(outcome.ok).toBe(true)
    expect(rig.bus.health().line.timeout).toBe(0)
  })

  it('adapts to what the unit needs, and a late answer teaches it', async () => {
    const slow: Script = (request) => [{ afterMs: 560, bytes: answerTo(request) }]
    const { bus, read } = setUp(slow)
    expect((await read(modbus(5, 0, 10))).ok).toBe(false)
    expect((await read(modbus(5, 0, 20))).ok).toBe(false)
    expect((await read(modbus(5, 0, 30))).ok).toBe(true)
    const quick = setUp(honest)
    for (let i = 0; i < 200; i++) await quick.read(ask)
    expect(quick.bus.health().units.get('modbus:5')?.timeoutMs).toBe(150)
    expect(bus.health().units.get('modbus:5')?.late_answers).toBeGreaterThan(0)
  })
})

describe('DL/T 645 on the same line', () => {
  const meter = '000000000161'
  const read645 = { protocol: 'dlt645', address: meter, di: '00010000' } as const
  const units = new Map([[`dlt645:${meter}`, { settings: { baud: 2400, format: '8E1' } as const }]])
  const reply = (di: string, ...data: number[]) =>
    encodeDlt645Answer(meter, 0x91, bytesOf(...identifierBytes(di, '2007'), ...data))
  const mixed =
    (script: Script): Script =>
    (request, facts) =>
      parseRequest(request) ? honest(request, facts) : script(request, facts)

  it('is read at its own speed and format, between Modbus reads at theirs', async () => {
    const { clock, bus, line, read } = setUp(
      mixed((_, facts) =>
        facts.settings.baud === 2400 ? [{ afterMs: 100, bytes: reply('00010000', 0x78, 0x56, 0x34, 0x12) }] : [],
      ),
      units,
    )
    expect((await read(ask)).ok).toBe(true)
    const outcome = await clock.runUntil(bus.read(read645))
    expect(outcome).toMatchObject({ ok: true, value: { data: bytesOf(0x78, 0x56, 0x34, 0x12) } })
    expect((await read(ask)).ok).toBe(true)
    expect(line.opened.map(({ baud }) => baud)).toEqual([9600, 2400, 9600])
  })

  it('joins follow-up frames', async () => {
    let sequence = 0
    const { clock, bus } = setUp(
      mixed(() => {
        sequence += 1
        const data = sequence === 1 ? [1, 2] : [3, 4, 1]
        const control = sequence === 1 ? 0xb1 : 0x92
        return [
          {
            afterMs: 50,
            bytes: encodeDlt645Answer(meter, control, bytesOf(...identifierBytes('00010000', '2007'), ...data)),
          },
        ]
      }),
    )
    expect(await clock.runUntil(bus.read(read645))).toMatchObject({ ok: true, value: { data: bytesOf(1, 2, 3, 4) } })
  })

  it('drops echo, other identifiers and other meters, and names a refusal', async () => {
    const other = encodeDlt645Answer('000000000999', 0x91, bytesOf(0, 0, 1, 0, 9, 9, 9, 9))
    const { clock, bus } = setUp(
      mixed((request) => [
        { afterMs: 0, bytes: request },
        { afterMs: 20, bytes: bytesOf(...other, ...reply('00020000', 1, 1, 1, 1)) },
        { afterMs: 60, bytes: encodeDlt645Answer(meter, 0xd1, bytesOf(2)) },
      ]),
    )
    expect(await clock.runUntil(bus.read(read645))).toEqual({ ok: false, fault: { kind: 'exception', code: 2 } })
    expect(bus.health().line.echoes).toBe(1)
  })

  it('asks the only meter for its address', async () => {
    const { clock, bus } = setUp(
      mixed(() => [{ afterMs: 50, bytes: encodeDlt645Answer(meter, 0x93, bytesOf(0x61, 1, 0, 0, 0, 0)) }]),
    )
    const outcome = await clock.runUntil(
      bus.read({ protocol: 'dlt645', address: DLT645_WILDCARD, di: '00000000', ask: 'address' }),
    )
    expect(outcome).toMatchObject({ ok: true, value: { data: bytesOf(0x61, 1, 0, 0, 0, 0) } })
  })
})
