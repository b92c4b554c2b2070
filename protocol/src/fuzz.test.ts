import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutDlt645Frame, encodeDlt645Answer } from './dlt645/frame.js'
import { findDlt645Reply } from './dlt645/reply.js'
import { findReply } from './modbus/find-reply.js'
import { hasValidCrc, parseReply, type ReadRequest, withCrc } from './modbus/frame.js'
import { cutTcpFrame, parseTcpReply } from './modbus/mbap.js'

/** METERGATE_FUZZ_RUNS=1000000 for the long run; the default keeps the suite short. */
const numRuns = Number(process.env.METERGATE_FUZZ_RUNS ?? 20_000)
const TIMEOUT_MS = 30 * 60_000

/** A good frame with bytes changed, lost, doubled, and noise around it; or noise alone. */
function mutated(good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const noise = fc.uint8Array({ maxLength: 12 })
  const edit = fc.record({ at: fc.nat(300), how: fc.constantFrom('change', 'drop', 'double'), byte: fc.nat(255) })
  const edited = fc.tuple(noise, good, fc.array(edit, { maxLength: 4 }), noise).map(([before, frame, edits, after]) => {
    const bytes = [...frame]
    for (const { at, how, byte } of edits) {
      const place = at % bytes.length || 0
      if (how === 'change') bytes[place] = byte
      else bytes.splice(place, how === 'drop' ? 1 : 0, ...(how === 'double' ? [byte] : []))
    }
    return Uint8Array.from([...before, ...bytes, ...after])
  })
  return fc.oneof({ weight: 4, arbitrary: edited }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) })
}

const request: ReadRequest = { unit: 1, function: 3, address: 0, count: 4 }
const modbusAnswer = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .map((data) => withCrc(Uint8Array.of(1, 3, 8, ...data)))
const asked = { kind: 'read', address: '000000000161', di: '00010000' } as const
const dlt645Answer = fc
  .tuple(fc.constantFrom(0x91, 0xb1, 0xd1, 0x93), fc.uint8Array({ maxLength: 24 }))
  .map(([control, data]) => encodeDlt645Answer(asked.address, control, Uint8Array.of(0, 0, 1, 0, ...data)))

describe('mutated frames', () => {
  it(
    'never make the Modbus parsers throw, nor take what is no answer',
    () => {
      fc.assert(
        fc.property(mutated(modbusAnswer), (bytes) => {
          const found = findReply(bytes, request)
          if (found.kind === 'reply') {
            expect(hasValidCrc(bytes, found.start, found.end)).toBe(true)
            expect([bytes[found.start], bytes[found.start + 1], found.data.length]).toEqual([1, 3, 8])
          }
          parseReply(bytes, request)
          const cut = cutTcpFrame(bytes)
          if (cut.kind === 'frame') parseTcpReply(cut.frame, request)
        }),
        { numRuns },
      )
    },
    TIMEOUT_MS,
  )

  it(
    'never make the DL/T 645 parsers throw, nor take what is no answer',
    () => {
      fc.assert(
        fc.property(mutated(dlt645Answer), (bytes) => {
          const cut = cutDlt645Frame(bytes)
          if (cut.kind === 'frame') expect(bytes[cut.frame.end - 1]).toBe(0x16)
          const found = findDlt645Reply(bytes, asked)
          if (found.kind === 'reply') expect(found.reply.address).toBe(asked.address)
          findDlt645Reply(bytes, { kind: 'more', address: 'aaaaaaaaaaaa', di: asked.di, sequence: 1 })
          findDlt645Reply(bytes, { kind: 'address', address: 'aaaaaaaaaaaa' })
        }),
        { numRuns },
      )
    },
    TIMEOUT_MS,
  )

  it('do reach answers, so that the runs above mean something', () => {
    const hits = fc.sample(mutated(modbusAnswer), 500).filter((bytes) => findReply(bytes, request).kind === 'reply')
    const hits645 = fc
      .sample(mutated(dlt645Answer), 500)
      .filter((bytes) => findDlt645Reply(bytes, asked).kind === 'reply')
    expect(Math.min(hits.length, hits645.length)).toBeGreaterThan(20)
  })
})
