import { encodeDlt645Answer, identifierBytes } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { ScriptedLine } from '../testing/scripted-line.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { wireMs } from './line-port.js'
import { SerialBus } from './serial-bus.js'

const METER = '000000000161'
const read = { protocol: 'dlt645', address: METER, di: '00010000' } as const
const answer = (address: string, ...data: number[]): Uint8Array =>
  encodeDlt645Answer(address, 0x91, Uint8Array.of(...identifierBytes('00010000', '2007'), ...data))
const TRUE = answer(METER, 0x26, 0x00, 0x00, 0x00)

/** Two bits turned in two data bytes, one up and one down: the 8-bit sum stays right. */
function damagedWithRightSum(): Uint8Array {
  const copy = TRUE.slice()
  const data = copy.length - 6
  copy[data] = (copy[data] ?? 0) + 1
  copy[data + 1] = (copy[data + 1] ?? 0) - 1
  return copy
}

const flipped = (): Uint8Array => TRUE.map((byte, index) => (index === TRUE.length - 4 ? byte ^ 4 : byte))
const otherMeter = answer('000000000162', 0x99, 0x99, 0x99, 0x99)
const otherIdentifier = encodeDlt645Answer(
  METER,
  0x91,
  Uint8Array.of(...identifierBytes('00020000', '2007'), 1, 2, 3, 4),
)

/** A meter whose answers, one by one, are these; the last for ever. */
function meterThatSays(...answers: readonly Uint8Array[]) {
  const clock = new VirtualClock()
  let asked = 0
  const line = new ScriptedLine(clock, () => {
    const bytes = answers[Math.min(asked, answers.length - 1)] ?? TRUE
    asked += 1
    return bytes.length === 0 ? [] : [{ afterMs: 150, bytes }]
  })
  const bus = new SerialBus(line, clock, { settings: { baud: 2400, format: '8E1' } })
  return { ask: () => clock.runUntil(bus.read(read)), requests: () => asked }
}

describe('on a line that has shown damage a value counts only when it came twice alike', () => {
  it.each([
    ['a wrong check', flipped()],
    ['an answer that broke off', TRUE.slice(0, -5)],
    ['a frame without its beginning', TRUE.slice(TRUE.indexOf(0x68) + 3)],
    ['an answer of a meter nobody asked', otherMeter],
  ])('%s', async (_, damage) => {
    const { ask } = meterThatSays(damage, damagedWithRightSum(), TRUE)
    expect(await ask()).toMatchObject({ ok: false })
    const outcome = await ask()
    expect(outcome.ok && Buffer.from(outcome.value.data).toString('hex')).toBe('26000000')
  })

  it('though one in between was spoilt', async () => {
    const { ask, requests } = meterThatSays(flipped(), TRUE, flipped(), TRUE)
    await ask()
    expect(await ask()).toMatchObject({ ok: true })
    expect(requests()).toBe(4)
  })

  it('and is a fault when no two of three agree', async () => {
    const other = answer(METER, 0x27, 0x00, 0x00, 0x00)
    const { ask } = meterThatSays(flipped(), damagedWithRightSum(), other, TRUE)
    await ask()
    expect(await ask()).toMatchObject({ ok: false, fault: { kind: 'crc' } })
  })
})

it('is well again within a second of a late answer that a request ran into, though answers must come twice', async () => {
  const settings = { baud: 2400, format: '8E1' } as const
  const clock = new VirtualClock()
  const whole = wireMs(TRUE.length, settings)
  const piece = TRUE.slice(0, 11)
  let lateAnswerEnded = Number.NaN
  const line = new ScriptedLine(clock, (request) => {
    if (line.requests === 1) return [{ afterMs: 150, bytes: flipped() }]
    // Slow, so that the time-out grows as far as it goes.
    if (line.requests <= 3) return [{ afterMs: 330 + whole, bytes: TRUE }]
    if (line.requests === 4) return []
    if (line.requests > 5) return [{ afterMs: 15 + whole, bytes: TRUE }]
    // Eleven bytes of the answer were on the wire, unseen in an adapter that hands over whole answers, when the request began.
    const rest = whole - wireMs(piece.length, settings)
    lateAnswerEnded = clock.mono() + rest
    return [{ afterMs: rest - wireMs(request.length, settings), bytes: piece }]
  })
  const bus = new SerialBus(line, clock, { settings })
  const outcomes: boolean[] = []
  for (let i = 0; i < 5; i += 1) outcomes.push((await clock.runUntil(bus.read(read))).ok)
  expect(outcomes).toEqual([false, true, false, false, true])
  expect(line.requests).toBe(7)
  expect(clock.mono() - lateAnswerEnded).toBeLessThanOrEqual(1000)
})

describe('a line without damage is asked once a value', () => {
  it.each([
    ['from the start', TRUE],
    ['after a time-out: a unit may be switched off', new Uint8Array(0)],
    ['after an answer that belongs to an older question', otherIdentifier],
    ['after stray bytes of a pair that floats', Uint8Array.of(0, 0xff, ...TRUE, 0)],
  ])('%s', async (_, first) => {
    const { ask, requests } = meterThatSays(first, TRUE)
    await ask()
    expect(await ask()).toMatchObject({ ok: true })
    expect(requests()).toBe(2)
  })
})

describe('an answer is heard to its end', () => {
  const settings = (baud: number) => ({ baud, format: '8E1' }) as const
  /** A meter whose bytes come one by one. */
  const meterAt = (baud: number, turnaroundMs: number, bytes: Uint8Array) => {
    const clock = new VirtualClock()
    const line = new ScriptedLine(clock, () =>
      Array.from(bytes, (byte, i) => ({
        afterMs: turnaroundMs + wireMs(i + 1, settings(baud)),
        bytes: Uint8Array.of(byte),
      })),
    )
    const bus = new SerialBus(line, clock, { settings: settings(baud) })
    return async () => {
      const { ok } = await clock.runUntil(bus.read(read))
      await clock.advance(1000)
      return ok
    }
  }

  it('though at the time-out only wake-up bytes have come', async () => {
    expect(await meterAt(2400, 485, TRUE)()).toBe(true)
  })

  it('though the meter takes all the 500 ms the standard allows, which it is known for after one answer', async () => {
    const ask = meterAt(2400, 500, TRUE)
    await ask()
    expect(await ask()).toBe(true)
  })

  it.each([
    [300, 40],
    [1200, 196],
  ])('though at %i baud one of %i bytes takes longer than a babbling line is listened to', async (baud, length) => {
    expect(await meterAt(baud, 200, answer(METER, ...new Uint8Array(length)))()).toBe(true)
  })
})
