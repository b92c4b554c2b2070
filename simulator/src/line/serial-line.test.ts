import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../kernel/seeded-random.js'
import { Timeline } from '../kernel/timeline.js'
import { hasGoodCrc, withCrc } from '../meter/crc16.js'
import { demoPlant } from '../plant/demo-plant.js'
import { plantSpecSchema } from '../plant/schema.js'
import { buildLine, type LineParts, type SimulatedLine } from './build-line.js'
import type { ByteLink } from './byte-link.js'
import { InProcessLine } from './in-process-line.js'
import type { SerialSettings } from './timing.js'

const AT = Date.UTC(2026, 10, 23, 2, 0, 0)
const SINCE = { sinceMs: AT - 86_400_000 }
const profiles = loadBuiltinProfiles()
const SETTINGS: SerialSettings = { baud: 9600, format: '8N1' }
const CHAR_MS = 10 / 9.6
/** Ten registers of unit 1. */
const READ = withCrc(Uint8Array.of(1, 4, 0, 0, 0, 10))
const ANSWER_BYTES = 25

interface Bench extends SimulatedLine {
  readonly timeline: Timeline
  readonly port: InProcessLine
  readonly link: ByteLink
  readonly heard: { readonly at: number; readonly bytes: Uint8Array }[]
  all(): Uint8Array
}

function bench(parts: Partial<LineParts> = {}, settings = SETTINGS): Bench {
  const timeline = new Timeline()
  const simulated = buildLine({
    spec: demoPlant(1, SINCE),
    profiles,
    scheduler: timeline,
    epochAt: (ms) => AT + ms,
    delivery: { chunkMs: 0, tail: 'prompt' },
    ...parts,
  })
  const port = new InProcessLine(simulated.line, timeline)
  const link = port.open(settings)
  if (!link) throw new Error('not plugged')
  const heard: { at: number; bytes: Uint8Array }[] = []
  link.onData((bytes) => heard.push({ at: timeline.now(), bytes }))
  return {
    ...simulated,
    timeline,
    port,
    link,
    heard,
    all: () => Uint8Array.from(heard.flatMap(({ bytes }) => [...bytes])),
  }
}

describe('a half-duplex line', () => {
  it('takes the time of the wire: request, turnaround, answer', () => {
    const b = bench()
    b.link.write(READ)
    b.timeline.advanceSync(1000)
    expect(b.all().length).toBe(ANSWER_BYTES)
    expect(hasGoodCrc(b.all())).toBe(true)
    expect(b.heard[0]?.at).toBeCloseTo(8 * CHAR_MS + 15 + ANSWER_BYTES * CHAR_MS, 6)
  })

  it('hands bytes over in chunks like a USB adapter, all of them, none early', () => {
    const b = bench({ delivery: { chunkMs: 4, tail: 'late' } })
    b.link.write(READ)
    b.timeline.advanceSync(1000)
    expect(b.heard.length).toBeGreaterThan(5)
    const startMs = 8 * CHAR_MS + 15
    let soFar = 0
    for (const { at, bytes } of b.heard) {
      soFar += bytes.length
      expect(startMs + soFar * CHAR_MS).toBeLessThanOrEqual(at + 1e-6)
    }
    expect(hasGoodCrc(b.all())).toBe(true)
  })

  it('stays silent at the wrong speed or parity', () => {
    for (const wrong of [
      { baud: 4800, format: '8N1' },
      { baud: 9600, format: '8E1' },
    ] as const) {
      const b = bench({}, wrong)
      b.link.write(READ)
      b.timeline.advanceSync(5000)
      expect(b.all().length).toBe(0)
    }
  })

  it('lets a strict slave ignore a request after too short a gap, and answer one after t3.5', () => {
    for (const [gapMs, answers] of [
      [2, 1],
      [4.1, 2],
    ] as const) {
      const b = bench({ strictGaps: true })
      b.link.write(READ)
      b.timeline.advanceSync(8 * CHAR_MS + 15 + ANSWER_BYTES * CHAR_MS + gapMs)
      b.link.write(READ)
      b.timeline.advanceSync(1000)
      expect(b.all().length, `gap ${gapMs} ms`).toBe(answers * ANSWER_BYTES)
    }
  })

  it('garbles two units that answer to one address', () => {
    const spec = demoPlant(1, SINCE)
    const meters = spec.meters.map((meter) => (meter.id === 'compressor' ? { ...meter, unit: 1 } : meter))
    const b = bench({ spec: plantSpecSchema.parse({ ...spec, meters }) })
    b.link.write(READ)
    b.timeline.advanceSync(1000)
    expect(b.all().length).toBe(ANSWER_BYTES)
    expect(hasGoodCrc(b.all())).toBe(false)
  })

  it('loses what arrives while the master is sending', () => {
    const b = bench()
    b.link.write(READ)
    b.timeline.advanceSync(8 * CHAR_MS + 15 + 5 * CHAR_MS)
    b.link.write(READ)
    b.timeline.advanceSync(60)
    expect(b.all().length).toBe(ANSWER_BYTES - 8)
  })

  it('loses the line when unplugged and finds it again when replugged', () => {
    const b = bench()
    let closed = 0
    b.link.onClose(() => {
      closed += 1
    })
    b.link.write(READ)
    b.timeline.advanceSync(10)
    b.port.unplug()
    b.timeline.advanceSync(1000)
    expect([closed, b.all().length, b.port.open(SETTINGS)]).toEqual([1, 0, undefined])
    b.port.replug()
    const link = b.port.open(SETTINGS)
    const again: Uint8Array[] = []
    link?.onData((bytes) => again.push(bytes))
    link?.write(READ)
    b.timeline.advanceSync(1000)
    expect(again[0]?.length).toBe(ANSWER_BYTES)
  })
})

describe('faults', () => {
  const provoke = (kind: Parameters<Bench['faults']['once']>[1]): Bench => {
    const b = bench()
    b.faults.once('1', kind)
    b.link.write(READ)
    b.timeline.advanceSync(2000)
    expect(b.faults.provoked.get(kind)).toBe(1)
    return b
  }

  it('are each what their name says', () => {
    expect(provoke('silent').all().length).toBe(0)
    expect(provoke('late').heard[0]?.at).toBeGreaterThan(505)
    expect(hasGoodCrc(provoke('crc').all())).toBe(false)
    expect(provoke('truncate').all().length).toBeLessThan(ANSWER_BYTES)
    expect(provoke('lose_byte').all().length).toBe(ANSWER_BYTES - 1)
    expect(provoke('stray_before').all().length).toBeGreaterThan(ANSWER_BYTES)
    expect(hasGoodCrc(provoke('stray_before').all().slice(-ANSWER_BYTES))).toBe(true)
    expect(hasGoodCrc(provoke('stray_after').all().slice(0, ANSWER_BYTES))).toBe(true)
    const exception = provoke('exception').all()
    expect([exception.length, exception[1], hasGoodCrc(exception)]).toEqual([5, 0x84, true])
    const wrongUnit = provoke('wrong_unit').all()
    expect([wrongUnit[0] === 1, hasGoodCrc(wrongUnit)]).toEqual([false, true])
    const wrongFunction = provoke('wrong_function').all()
    expect([wrongFunction[1], hasGoodCrc(wrongFunction)]).toEqual([3, true])
  })

  it('echo the request, whole or in part', () => {
    const b = bench()
    b.faults.setLine({ echo: 1 })
    b.link.write(READ)
    b.timeline.advanceSync(1000)
    expect(b.all().slice(0, 8)).toEqual(READ)
    expect(hasGoodCrc(b.all().slice(8))).toBe(true)
  })

  it('keep a dead unit silent and let a healed one answer', () => {
    const b = bench()
    b.faults.setUnit('1', { dead: true })
    b.link.write(READ)
    b.timeline.advanceSync(1000)
    expect(b.all().length).toBe(0)
    b.faults.heal()
    b.link.write(READ)
    b.timeline.advanceSync(1000)
    expect(b.all().length).toBe(ANSWER_BYTES)
  })

  it('repeat exactly with the seed', () => {
    const run = (seed: number): string => {
      const b = bench({ spec: demoPlant(seed, SINCE) })
      b.faults.setUnit('1', { crc: 0.2, truncate: 0.2, late: 0.1, stray_before: 0.2 })
      b.faults.setLine({ noise: 0.01 })
      for (let i = 0; i < 50; i += 1) {
        b.link.write(READ)
        b.timeline.advanceSync(700)
      }
      return Buffer.from(b.all()).toString('hex')
    }
    expect(run(5)).toBe(run(5))
    expect(run(5)).not.toBe(run(6))
  })
})

describe('mixed lines', () => {
  it('lets a DL/T 645 meter at 2400 8E1 and Modbus meters at 9600 8N1 share a line', () => {
    const demo = demoPlant(1, SINCE)
    const electronic = {
      id: 'gate',
      profile: 'dlt645-2007-3p',
      address: '000000000161',
      loads: ['lighting'],
      baud: 2400,
      format: '8E1',
    }
    const spec = plantSpecSchema.parse({ ...demo, meters: [...demo.meters, electronic] })
    const askAddress = Uint8Array.from(Buffer.from('fefefefe68aaaaaaaaaaaa681300df16', 'hex'))
    const modbus = bench({ spec })
    modbus.link.write(READ)
    modbus.timeline.advanceSync(1000)
    expect(hasGoodCrc(modbus.all())).toBe(true)
    modbus.link.write(askAddress)
    modbus.timeline.advanceSync(2000)
    expect(modbus.all().length).toBe(ANSWER_BYTES)
    const dlt645 = bench({ spec }, { baud: 2400, format: '8E1' })
    dlt645.link.write(askAddress)
    dlt645.timeline.advanceSync(2000)
    expect(Buffer.from(dlt645.all()).toString('hex')).toBe('fefefefe686101000000006893069434333333335f16')
  })
})

/** A master as they used to be: whatever comes within its time-out is the answer to its last question. */
function naiveRead(b: Bench, request: Uint8Array, timeoutMs: number): Uint8Array | undefined {
  const from = b.heard.length
  b.link.write(request)
  for (let waited = 0; waited < timeoutMs; waited += 5) {
    b.timeline.advanceSync(5)
    const answer = Uint8Array.from(b.heard.slice(from).flatMap(({ bytes }) => [...bytes]))
    if (hasGoodCrc(answer) && answer[0] === request[0] && answer[1] === request[1]) return answer
  }
  return undefined
}

describe('nonsense on the line', () => {
  it('never throws, never answers it, and leaves the line usable', () => {
    const random = new SeededRandom('nonsense')
    const b = bench({ delivery: { chunkMs: 16, tail: 'late' } })
    for (let i = 0; i < 5000; i += 1) {
      const request = random.chance(0.5)
        ? random.bytes(1 + Math.floor(random.next() * 40))
        : READ.map((byte) => byte ^ (random.chance(0.2) ? 1 : 0))
      const damaged = !hasGoodCrc(request)
      const before = b.heard.length
      b.link.write(request)
      b.timeline.advanceSync(400)
      if (damaged) expect(b.heard.length, Buffer.from(request).toString('hex')).toBe(before)
    }
    const before = b.heard.length
    b.link.write(READ)
    b.timeline.advanceSync(1000)
    expect(Uint8Array.from(b.heard.slice(before).flatMap(({ bytes }) => [...bytes])).length).toBe(ANSWER_BYTES)
  })
})

describe('the line as a trap for masters', () => {
  it('gives an unguarded master wrong values by late answers: it provokes what it claims', () => {
    const b = bench()
    const questions = [0, 2, 4, 6].map((address) => withCrc(Uint8Array.of(1, 4, 0, address, 0, 2)))
    const truths = questions.map((question) => naiveRead(b, question, 500))
    b.faults.setUnit('1', { late: 0.3, late_ms: 505 })
    let wrong = 0
    for (let round = 0; round < 200; round += 1) {
      const index = round % questions.length
      const answer = naiveRead(b, questions[index] ?? READ, 500)
      const truth = truths[index]
      // Volts wander by a few tenths, but no voltage is a current and no answer is another register's.
      if (answer && truth && Math.abs(floatOf(answer) - floatOf(truth)) > 15) wrong += 1
    }
    expect(b.faults.provoked.get('late')).toBeGreaterThan(20)
    expect(wrong).toBeGreaterThan(0)
  })
})

const floatOf = (answer: Uint8Array): number => Buffer.from(answer).readFloatBE(3)
