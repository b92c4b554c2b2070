import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../modbus/words.js'
import { decodeDlt645Value, encodeDlt645Value } from './data.js'
import {
  cutDlt645Frame,
  encodeDlt645Answer,
  encodeDlt645Read,
  encodeDlt645ReadAddress,
  encodeDlt645ReadMore,
} from './frame.js'
import { findDlt645Reply } from './reply.js'

const METER = '000000000161'
const DI = '00010000'
const ask = { kind: 'read', address: METER, di: DI } as const
const bytes = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]))
const answerOf = (control: number, hex: string, address = METER): Uint8Array =>
  encodeDlt645Answer(address, control, fromHex(hex))

describe('DL/T 645 frames', () => {
  it('asks as captured masters do', () => {
    expect(toHex(encodeDlt645Read(METER, DI))).toBe('fefefefe68610100000000681104333334331416')
    expect(toHex(encodeDlt645ReadAddress())).toBe('fefefefe68aaaaaaaaaaaa681300df16')
    expect(toHex(encodeDlt645Read('000000000001', '00009010', '1997'))).toContain('680102')
    expect(toHex(encodeDlt645ReadMore(METER, DI, 1)).slice(24, 28)).toBe('1205')
  })

  it('cannot be made to send anything but reads', () => {
    for (const control of [0x08, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c])
      expect(() => encodeDlt645Answer(METER, control, new Uint8Array())).toThrow('not an answer')
  })

  it('reads past wake-up bytes, its own echo, noise and another meter', () => {
    const right = answerOf(0x91, '0000010026000000')
    const stray = [0x68, 0x00, 0x68]
    const stream = bytes(encodeDlt645Read(METER, DI), stray, answerOf(0x91, '0000010099000000', '000000000162'), right)
    const found = findDlt645Reply(stream, ask)
    expect(found.kind === 'reply' && found.reply.kind === 'data' && toHex(found.reply.data)).toBe('26000000')
  })

  it('takes no answer to another identifier or function', () => {
    const other = findDlt645Reply(answerOf(0x91, '0000020026000000'), ask)
    expect(other.kind === 'none' && other.passed.faults).toEqual(['wrong_identifier'])
    const written = findDlt645Reply(answerOf(0x94, ''), ask)
    expect(written.kind === 'none' && written.passed.faults).toEqual(['wrong_control'])
  })

  it('follows an answer that comes in parts, in order', () => {
    const first = findDlt645Reply(answerOf(0xb1, '0000010011223344'), ask)
    expect(first.kind === 'reply' && first.reply.kind === 'data' && first.reply.more).toBe(true)
    const wanted = { kind: 'more', address: METER, di: DI, sequence: 1 } as const
    const second = findDlt645Reply(answerOf(0xb2, '000001005566' + '01'), wanted)
    expect(
      second.kind === 'reply' && second.reply.kind === 'data' && [toHex(second.reply.data), second.reply.more],
    ).toEqual(['5566', true])
    const last = findDlt645Reply(answerOf(0x92, '000001007788' + '02'), { ...wanted, sequence: 2 })
    expect(last.kind === 'reply' && last.reply.kind === 'data' && last.reply.more).toBe(false)
    expect(findDlt645Reply(answerOf(0x92, '000001007788' + '02'), wanted).kind).toBe('none')
  })

  it('names the bits of a refusal', () => {
    const found = findDlt645Reply(answerOf(0xd1, '06'), ask)
    expect(found.kind === 'reply' && found.reply).toEqual({
      kind: 'refused',
      address: METER,
      byte: 6,
      errors: ['no_such_data', 'not_authorised'],
    })
  })

  it('reads identifiers of two bytes from a meter of 1997', () => {
    const found = findDlt645Reply(answerOf(0x81, '109026000000'), { ...ask, di: '00009010', edition: '1997' })
    expect(found.kind === 'reply' && found.reply.kind === 'data' && toHex(found.reply.data)).toBe('26000000')
    const refused = findDlt645Reply(answerOf(0xc1, '02'), { ...ask, di: '00009010', edition: '1997' })
    expect(refused.kind === 'reply' && refused.reply.kind).toBe('refused')
  })

  it('waits for the rest of a frame that has begun', () => {
    const whole = answerOf(0x91, '0000010026000000')
    for (let cut = 5; cut < whole.length; cut++) expect(cutDlt645Frame(whole.subarray(0, cut)).kind).toBe('more')
    expect(cutDlt645Frame(whole).kind).toBe('frame')
  })
})

describe('DL/T 645 values', () => {
  it("reads the sign from the top bit, not as two's complement", () => {
    expect(decodeDlt645Value(fromHex('120080'), true)).toEqual({ ok: true, value: -12n })
    expect(decodeDlt645Value(fromHex('120080'), false)).toEqual({ ok: true, value: 800012n })
  })

  it('tells no value from a bad one', () => {
    expect(decodeDlt645Value(fromHex('ffff'), false)).toEqual({ ok: false, fault: 'not_available' })
    expect(decodeDlt645Value(fromHex('ffffff'), true)).toEqual({ ok: false, fault: 'not_available' })
    expect(decodeDlt645Value(fromHex('000e0000'), false)).toEqual({ ok: false, fault: 'bad_frame' })
  })

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -79999999n, max: 79999999n }), (value) => {
        const wire = encodeDlt645Value(value, 4, true)
        expect(wire && decodeDlt645Value(wire, true)).toEqual({ ok: true, value })
      }),
    )
    expect(encodeDlt645Value(-1n, 4, false)).toBeUndefined()
    expect(encodeDlt645Value(800000n, 3, true)).toBeUndefined()
  })
})
