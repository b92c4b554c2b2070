import { type Random, randomInt } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { type Script, ScriptedLine } from '../testing/scripted-line.js'
import { answerTo, exception, isTrue } from '../testing/scripted-meter.js'
import { SeededRandom } from '../testing/seeded-random.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { wireMs } from './line-port.js'
import type { ModbusRead } from './register-bus.js'
import { SerialBus } from './serial-bus.js'

const settings = { baud: 9600, format: '8N1' } as const
type Spoil = (answer: Uint8Array, request: Uint8Array, random: Random) => readonly Uint8Array[]
const noise = (random: Random, most: number): Uint8Array => random.bytes(1 + randomInt(random, most))
const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

/** What may come instead of an answer. Whatever of it holds the true answer may be taken, nothing else. */
const FAULTS: Readonly<Record<string, Spoil>> = {
  silence: () => [],
  'flipped bits': (answer, _, random) => {
    for (let i = 0; i <= randomInt(random, 3); i++) {
      const at = randomInt(random, answer.length)
      answer[at] = (answer[at] ?? 0) ^ (1 << randomInt(random, 8))
    }
    return [answer]
  },
  'cut off': (answer, _, random) => [answer.slice(0, randomInt(random, answer.length))],
  'a byte lost': (answer, _, random) => {
    const at = randomInt(random, answer.length)
    return [join(answer.slice(0, at), answer.slice(at + 1))]
  },
  'bytes before': (answer, _, random) => [join(noise(random, 12), answer)],
  'bytes after': (answer, _, random) => [join(answer, noise(random, 12))],
  'glitch zeros': (answer) => [join(Uint8Array.of(0, 0), answer, Uint8Array.of(0))],
  echo: (answer, request) => [request, answer],
  'partial echo': (answer, request, random) => [request.slice(randomInt(random, 8)), answer],
  'wrong unit': (answer, request) => [
    answerTo(Uint8Array.of((request[0] ?? 0) ^ 1, ...request.slice(1))),
    answer.slice(0, 0),
  ],
  'wrong function': (_, request) => [
    answerTo(Uint8Array.of(request[0] ?? 0, (request[1] ?? 0) ^ 7, ...request.slice(2))),
  ],
  exception: (_, request) => [exception(request[0] ?? 0, request[1] ?? 0, 4)],
  garbage: (_, __, random) => [noise(random, 60)],
  'two units on one address': (answer, _, random) => [answer.map((byte) => byte & randomInt(random, 256))],
}

function rig(spoil: Spoil, random: Random) {
  const clock = new VirtualClock()
  const trouble = { on: true, provoked: 0 }
  const script: Script = (request) => {
    const whole = answerTo(request)
    const spoilt = trouble.on && random.next() < 0.5
    if (spoilt) trouble.provoked += 1
    const parts = spoilt ? spoil(whole, request, random) : [whole]
    let afterMs = 15
    return parts.map((bytes) => {
      afterMs += wireMs(bytes.length, settings)
      return { afterMs, bytes }
    })
  }
  const line = new ScriptedLine(clock, script)
  const bus = new SerialBus(line, clock, { settings })
  const ask = async (): Promise<'good' | 'wrong' | 'fault'> => {
    const count = 1 + randomInt(random, 40)
    const request: ModbusRead = {
      protocol: 'modbus',
      unit: 2 + randomInt(random, 4),
      function: 3,
      address: randomInt(random, 999),
      count,
    }
    const outcome = await clock.runUntil(bus.read(request))
    if (!outcome.ok) return 'fault'
    return isTrue(outcome.value.data, request.unit, 3, request.address, count) ? 'good' : 'wrong'
  }
  return { clock, line, bus, trouble, ask }
}

describe.each(Object.entries(FAULTS))('%s', (_, spoil) => {
  it('never becomes a value, and the next good answer comes within a second of its end', async () => {
    const { clock, trouble, ask, line } = rig(spoil, new SeededRandom(7))
    const seen = { good: 0, wrong: 0, fault: 0 }
    while (trouble.provoked < 500) seen[await ask()] += 1
    expect(seen.wrong).toBe(0)
    expect(seen.good).toBeGreaterThan(300)
    expect(line.leastSilenceMs).toBeGreaterThan(4)
    trouble.on = false
    const end = clock.mono()
    while ((await ask()) !== 'good');
    expect(clock.mono() - end).toBeLessThan(1000)
  })
})

describe('any bytes at all', () => {
  it('neither throw nor hang nor are taken: 10 000 mutated answers', async () => {
    const random = new SeededRandom(11)
    const mutate: Spoil = (answer, request, dice) => {
      const bytes = [...answer]
      for (let i = 0; i <= randomInt(dice, 4); i++) {
        const at = randomInt(dice, bytes.length + 1)
        const kind = randomInt(dice, 3)
        bytes.splice(at, kind === 0 ? 0 : 1, ...(kind === 1 ? [] : [randomInt(dice, 256)]))
      }
      return [Uint8Array.from(bytes), ...(dice.next() < 0.1 ? [request] : [])]
    }
    const { ask, trouble, bus } = rig(mutate, random)
    const seen = { good: 0, wrong: 0, fault: 0 }
    while (trouble.provoked < 10_000) seen[await ask()] += 1
    expect(seen.wrong).toBe(0)
    expect(bus.health().line.stray_bytes).toBeGreaterThan(10_000)
  })
})
