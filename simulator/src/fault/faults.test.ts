import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import { Timeline } from '../kernel/timeline.js'
import { buildLine, type SimulatedLine } from '../line/build-line.js'
import { InProcessLine } from '../line/in-process-line.js'
import { hasGoodCrc, withCrc } from '../meter/crc16.js'
import { plantSpecSchema } from '../plant/schema.js'
import { lineFaultsSchema, unitFaultsSchema } from './faults.js'

const AT = Date.UTC(2026, 10, 23, 2)
const READ = withCrc(Uint8Array.of(1, 4, 0, 0, 0, 10))

/** One SDM630 in virtual time: what comes within two seconds of a read, and when the last of it. */
function ask(trouble: (faults: SimulatedLine['faults']) => void, seed = 1) {
  const timeline = new Timeline()
  const simulated = buildLine({
    spec: plantSpecSchema.parse({
      seed,
      since: AT - 86_400_000,
      loads: [{ id: 'motor', kind: 'constant', ratedW: 5_000 }],
      meters: [{ id: 'press', profile: 'eastron-sdm630', unit: 1, loads: ['motor'] }],
    }),
    profiles: loadBuiltinProfiles(),
    scheduler: timeline,
    epochAt: (ms) => AT + ms,
    delivery: { chunkMs: 0, tail: 'prompt' },
  })
  trouble(simulated.faults)
  const heard: number[] = []
  let lastAt = 0
  const link = new InProcessLine(simulated.line, timeline).open({ baud: 9600, format: '8N1' })
  link?.onData((bytes) => {
    heard.push(...bytes)
    lastAt = timeline.now()
  })
  link?.write(READ)
  timeline.advanceSync(2_000)
  return { heard: Uint8Array.from(heard), lastAt, provoked: Object.fromEntries(simulated.faults.provoked) }
}

describe('faults of a unit', () => {
  const honest = ask(() => {})

  it('slow: the same answer, so much later', () => {
    const { heard, lastAt, provoked } = ask((faults) => faults.setUnit('1', { slow_ms: 700 }))
    expect(heard).toEqual(honest.heard)
    expect(lastAt - honest.lastAt).toBeCloseTo(700, 6)
    expect(provoked).toEqual({ slow: 1 })
  })

  it('block limit: refuses what is longer than that, and nothing else', () => {
    const refused = ask((faults) => faults.setUnit('1', { block_limit: 9 }))
    expect([...refused.heard]).toEqual([...withCrc(Uint8Array.of(1, 0x84, 2))])
    expect(refused.provoked).toEqual({ block_limit: 1 })
    expect(ask((faults) => faults.setUnit('1', { block_limit: 10 }))).toMatchObject({
      heard: honest.heard,
      provoked: {},
    })
  })

  it('two units on one address: they garble each other where both talk', () => {
    const { heard, provoked } = ask((faults) => faults.setUnit('1', { clash: 1, clash_ms: 10 }))
    expect(provoked).toEqual({ clash: 1 })
    expect(heard.length).toBeGreaterThan(honest.heard.length)
    expect(heard.slice(0, 9)).toEqual(honest.heard.slice(0, 9))
    expect(hasGoodCrc(heard.slice(0, honest.heard.length))).toBe(false)
  })

  it('two units on one address, one well after the other: two whole answers with different values', () => {
    const { heard } = ask((faults) => faults.setUnit('1', { clash: 1, clash_ms: 100 }))
    const [first, second] = [heard.slice(0, 25), heard.slice(25)]
    expect(first).toEqual(honest.heard)
    expect([second.length, hasGoodCrc(second), [...second.slice(0, 3)]]).toEqual([25, true, [1, 4, 20]])
    expect(second).not.toEqual(first)
  })

  it('noise: bits flip on the way, counted one by one; a spoilt request is not answered', () => {
    let flips = 0
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const { heard, provoked } = ask((faults) => faults.setLine({ noise: 0.05 }), seed)
      const clean = ask(() => {}, seed).heard
      const flipped = heard.filter((byte, index) => byte !== clean[index]).length
      if (heard.length > 0) expect(flipped).toBe(provoked.noise ?? 0)
      else expect(provoked.noise).toBeGreaterThan(0)
      flips += flipped
    }
    expect(flips).toBeGreaterThan(0)
  })
})

it('has every fault that a line in the field has', () => {
  expect(Object.keys(unitFaultsSchema.shape)).toEqual(
    expect.arrayContaining([
      ...['late', 'crc', 'truncate', 'stray_before', 'stray_after', 'lose_byte', 'wrong_unit', 'clash', 'exception'],
      ...['slow_ms', 'block_limit', 'dead'],
    ]),
  )
  expect(Object.keys(lineFaultsSchema.shape)).toEqual(['echo', 'partial_echo', 'noise'])
})
