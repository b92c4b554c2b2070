import { describe, expect, it } from 'vitest'
import { crc16 } from './crc.js'
import { findReply } from './find-reply.js'
import { encodeReadRequest, expectedReplyLength, parseReply, type ReadRequest, withCrc } from './frame.js'
import { cutTcpFrame, encodeTcpReadRequest, parseTcpReply } from './mbap.js'
import { fromHex, toHex } from './words.js'

const volts: ReadRequest = { unit: 1, function: 4, address: 0, count: 2 }
const answer = fromHex('010404436633341b38')

describe('Modbus RTU frames', () => {
  it('computes the CRC of the published check value', () => {
    expect(crc16(new TextEncoder().encode('123456789'))).toBe(0x4b37)
  })

  it('asks as the makers print it', () => {
    expect(toHex(encodeReadRequest(1, 4, 0, 2))).toBe('01040000000271cb')
    expect(expectedReplyLength(4, 2)).toBe(9)
    expect(expectedReplyLength(2, 9)).toBe(7)
  })

  it('takes the data of the answer', () => {
    const reply = parseReply(answer, volts)
    expect(reply.ok && toHex(reply.value)).toBe('43663334')
  })

  it('names what is wrong with another answer', () => {
    const fault = (hex: string, request = volts) => {
      const reply = parseReply(fromHex(hex), request)
      return reply.ok ? 'ok' : reply.fault.kind
    }
    expect(fault('010404436633341b39')).toBe('crc')
    expect(fault('0104044366')).toBe('too_short')
    expect(fault('010404436633341b38', { ...volts, unit: 2 })).toBe('wrong_unit')
    expect(fault('010404436633341b38', { ...volts, function: 3 })).toBe('wrong_function')
    expect(fault('010404436633341b38', { ...volts, count: 4 })).toBe('wrong_length')
    expect(parseReply(fromHex('018302c0f1'), { ...volts, function: 3 })).toEqual({
      ok: false,
      fault: { kind: 'exception', code: 2 },
    })
  })

  it('finds the answer behind echo, part of an echo and noise', () => {
    const echo = encodeReadRequest(1, 4, 0, 2)
    for (const before of [[], [0], [...echo], [...echo.slice(3)], [0x01, 0x04, ...echo, 0xff]]) {
      const found = findReply(Uint8Array.from([...before, ...answer, 0]), volts)
      expect(found.kind === 'reply' && toHex(found.data)).toBe('43663334')
      expect(found.kind === 'reply' && found.start).toBe(before.length)
    }
    expect(findReply(Uint8Array.from([...echo, ...answer]), volts).echoes).toBe(1)
    expect(findReply(echo, volts)).toEqual({ kind: 'none', echoes: 1 })
  })

  it('takes no answer to a longer question out of one stretch', () => {
    const longer = withCrc(Uint8Array.of(1, 4, 8, 1, 2, 3, 4, 5, 6, 7, 8))
    expect(findReply(longer, volts).kind).toBe('none')
  })
})

describe('Modbus TCP frames', () => {
  it('asks and reads its answer out of a stream, however it is cut', () => {
    expect(toHex(encodeTcpReadRequest(7, volts))).toBe('000700000006010400000002')
    const stream = fromHex('00070000000701040443663334ff')
    for (let cut = 0; cut < 13; cut++) expect(cutTcpFrame(stream.subarray(0, cut)).kind).toBe('more')
    const cut = cutTcpFrame(stream)
    expect(cut.kind === 'frame' && [cut.frame.transaction, cut.next]).toEqual([7, 13])
    const reply = cut.kind === 'frame' ? parseTcpReply(cut.frame, volts) : undefined
    expect(reply?.ok && toHex(reply.value)).toBe('43663334')
  })

  it('sees at once that a stream is not Modbus TCP', () => {
    expect(cutTcpFrame(fromHex('010404436633341b38')).kind).toBe('garbage')
  })
})
