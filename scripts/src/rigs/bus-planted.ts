import type { LinePort } from '@metergate/agent'
import {
  type Clock,
  cutTcpFrame,
  durationMs,
  encodeDlt645Read,
  encodeReadRequest,
  encodeTcpReadRequest,
  fail,
  hasValidCrc,
  ok,
  parseTcpReply,
  type Result,
} from '@metergate/protocol'
import { guarded, type RigMaster } from './bus-line.js'
import { addressOf, diOf, type RigProtocol, type RigRead, SETTINGS } from './bus-truth.js'

const TIMEOUT_MS = 500

/** How the answer to one question looks. */
interface Form {
  readonly request: Uint8Array
  readonly length: number
  readonly dataAt: number
  /** Whether the bytes that say whose answer it is are right. */
  head(bytes: Uint8Array): boolean
  check(bytes: Uint8Array): boolean
  data(bytes: Uint8Array): Uint8Array
}

function modbusForm({ unit, function: fn, block, count }: RigRead): Form {
  return {
    request: encodeReadRequest(unit, fn, block, count),
    length: 5 + 2 * count,
    dataAt: 3,
    head: ([first, second, third]) => first === unit && second === fn && third === 2 * count,
    check: (bytes) => hasValidCrc(bytes, 0, bytes.length),
    data: (bytes) => bytes,
  }
}

/** Compares the meter's address and the control code, but not the data identifier: that is its everyday mistake. */
function dlt645Form({ unit, block }: RigRead): Form {
  const address = Buffer.from(addressOf(unit), 'hex').reverse()
  return {
    request: encodeDlt645Read(addressOf(unit), diOf(block)),
    length: 20,
    dataAt: 14,
    head: (bytes) => bytes[0] === 0x68 && address.equals(bytes.subarray(1, 7)) && bytes[8] === 0x91,
    check: (bytes) => bytes.subarray(0, 18).reduce((sum, byte) => (sum + byte) & 0xff, 0) === bytes[18],
    data: (bytes) => bytes.map((byte) => (byte - 0x33) & 0xff),
  }
}

const formOf = (protocol: RigProtocol, read: RigRead): Form =>
  protocol === 'modbus' ? modbusForm(read) : dlt645Form(read)

/**
 * What a master can do without. `nothing`: as masters are commonly written: the buffer is cleared before a request, address, function,
 * length and check are compared anywhere in what comes, and the first answer that fits is taken.
 */
export type Omission = 'nothing' | 'check' | 'head' | 'whole' | 'start' | 'end'

/** The data in what was heard so far, as a master without this precaution sees it. */
function found(bytes: Uint8Array, form: Form, omitted: Omission, final: boolean): Uint8Array | undefined {
  const { length, dataAt } = form
  const dataOf = (frame: Uint8Array): Uint8Array => form.data(frame.slice(dataAt, length - 2))
  if (omitted === 'start') return bytes.length >= length ? dataOf(bytes.subarray(0, length)) : undefined
  if (omitted === 'end') return final && bytes.length >= length ? dataOf(bytes.subarray(-length)) : undefined
  for (let at = 0; at + length <= bytes.length; at += 1) {
    const frame = bytes.subarray(at, at + length)
    if ((omitted === 'head' || form.head(frame)) && (omitted === 'check' || form.check(frame))) return dataOf(frame)
  }
  if (omitted !== 'whole' || !final) return undefined
  const padded = new Uint8Array(length)
  padded.set(bytes.subarray(0, length))
  return dataOf(padded)
}

/** A planted mistake: a master of the common kind that lacks one precaution more. */
export const lacking =
  (protocol: RigProtocol, omitted: Omission): RigMaster =>
  (port, clock) => {
    let heard: number[] = []
    let wake: () => void = () => {}
    return async (read) => {
      const form = formOf(protocol, read)
      await port.open(SETTINGS[protocol], {
        onData: (bytes) => {
          heard.push(...bytes)
          wake()
        },
        onDown: () => {},
      })
      await clock.sleep(durationMs(5))
      heard = []
      await port.write(form.request)
      const deadline = clock.mono() + TIMEOUT_MS
      for (;;) {
        const left = deadline - clock.mono()
        const data = found(Uint8Array.from(heard), form, omitted, left <= 0)
        if (data) return ok(data)
        if (left <= 0) return fail('timeout')
        const stop = new AbortController()
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        await Promise.race([woken, clock.sleep(durationMs(left), stop.signal).catch(() => {})])
        stop.abort()
      }
    }
  }

/** The master that takes late answers. */
export const unguarded = lacking('modbus', 'nothing')

/** How long {@link sulking} leaves the line alone. */
const SULK_MS = 3_000

/** A planted mistake: the real bus, but after a failure it refuses every read for longer than a line may stay unwell. */
export const sulking =
  (protocol: RigProtocol): RigMaster =>
  (port, clock) => {
    const read = guarded(protocol)(port, clock)
    let until = Number.NEGATIVE_INFINITY
    return async (request) => {
      if (clock.mono() < until) {
        await clock.sleep(durationMs(100))
        return fail('sulking')
      }
      const outcome = await read(request)
      if (!outcome.ok) until = clock.mono() + SULK_MS
      return outcome
    }
  }

/** A planted mistake: takes what it hears for a whole answer and reads on past its end. */
export const careless: RigMaster = (port: LinePort, clock: Clock) => {
  let heard: number[] = []
  return async ({ unit, function: fn, block, count }): Promise<Result<Uint8Array, unknown>> => {
    await port.open(SETTINGS.modbus, { onData: (bytes) => heard.push(...bytes), onDown: () => {} })
    heard = []
    await port.write(encodeReadRequest(unit, fn, block, count))
    await clock.sleep(durationMs(TIMEOUT_MS))
    if (heard.length === 0) return fail('timeout')
    const words = Buffer.from(heard)
    return ok(Uint8Array.from({ length: 2 * count }, (_, index) => words.readUInt8(3 + index)))
  }
}

/** A planted mistake: a Modbus TCP client that takes the first answer of the right shape, whatever its transaction. */
export const anyTransaction: RigMaster = (port, clock) => {
  let heard: number[] = []
  return async ({ unit, function: fn, block, count }) => {
    await port.open(SETTINGS.modbus, { onData: (bytes) => heard.push(...bytes), onDown: () => {} })
    heard = []
    await port.write(encodeTcpReadRequest(1, { unit, function: fn, address: block, count }))
    await clock.sleep(durationMs(TIMEOUT_MS))
    const cut = cutTcpFrame(Uint8Array.from(heard))
    if (cut.kind !== 'frame') return fail(cut.kind)
    return parseTcpReply(cut.frame, { unit, function: fn, address: block, count })
  }
}
