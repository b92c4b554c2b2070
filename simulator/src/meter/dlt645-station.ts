import { type Random, randomInt } from '@metergate/protocol'
import type { Station } from '../line/station.js'
import type { SerialSettings } from '../line/timing.js'
import type { Dlt645Meter } from './dlt645-meter.js'

const START = 0x68
const END = 0x16
const OFFSET = 0x33
const WAKE_UP = 0xfe
const HEAD_BYTES = 10
const NO_SUCH_DATA = 0x02

/** A DL/T 645 request with +33H already taken off its data. */
interface Request {
  /** Twelve hex digits, high first; `a` is a wildcard. */
  readonly address: string
  readonly control: number
  readonly data: Uint8Array
}

/** A DL/T 645 meter on a serial line: reads (11H; 01H in 1997), follow-up frames (12H), read address (13H). Never acts on a write. */
export class Dlt645Station implements Station {
  readonly name: string
  readonly settings: SerialSettings
  readonly turnaroundMs: number
  readonly #meter: Dlt645Meter

  constructor(meter: Dlt645Meter, settings: SerialSettings) {
    this.#meter = meter
    this.name = meter.name
    this.settings = settings
    this.turnaroundMs = meter.spec.turnaroundMs
  }

  hear(frame: Uint8Array, strict: boolean): ((epochMs: number) => Uint8Array) | undefined {
    const request = findRequest(frame, strict)
    if (!request || (request.control & 0x80) !== 0 || !this.#isMe(request.address)) return undefined
    const { control, data } = request
    const is1997 = this.#meter.profile.edition === '1997'
    if (control === 0x13 && !is1997 && data.length === 0) return () => this.#frame(0x93, littleEndian(this.name))
    if (control === (is1997 ? 0x01 : 0x11)) {
      if (this.#meter.spec.refusal === 'silence' && !this.#meter.has(identifier(data))) return undefined
      return (epochMs) => this.#read(control, data, is1997 ? 2 : 4, epochMs)
    }
    if (control === 0x12 && !is1997 && data.length === 5) return (epochMs) => this.#readMore(data, epochMs)
    return undefined
  }

  reseal(frame: Uint8Array): Uint8Array {
    const start = frame.indexOf(START)
    const copy = frame.slice()
    copy[copy.length - 2] = sum(copy.subarray(Math.max(0, start), copy.length - 2))
    return copy
  }

  unitAt(frame: Uint8Array): number {
    return frame.indexOf(START) + 1
  }

  functionAt(frame: Uint8Array): number {
    return frame.indexOf(START) + 8
  }

  refusal(frame: Uint8Array, code: number): Uint8Array {
    const control = frame[this.functionAt(frame)] ?? 0x91
    return this.#frame(control | 0x40, Uint8Array.of(code))
  }

  dataBytes(frame: Uint8Array): number {
    const start = frame.indexOf(START)
    const identifier = this.#meter.profile.edition === '1997' ? 2 : 4
    if (((frame[start + 8] ?? 0) & 0x40) !== 0) return 0
    return Math.max(0, (frame[start + 9] ?? 0) - identifier)
  }

  /** Other figures, decimal like those of this meter. */
  double(frame: Uint8Array, random: Random): Uint8Array {
    const end = frame.length - 2
    const from = end - this.dataBytes(frame)
    const figure = (): number => randomInt(random, 10) * 16 + randomInt(random, 10) + OFFSET
    return this.reseal(frame.map((byte, index) => (index >= from && index < end ? figure() : byte)))
  }

  /** AA stands for any two digits; 99 is for all and gets no answer, which no read uses. */
  #isMe(address: string): boolean {
    return [...address].every((digit, index) => digit === 'a' || digit === this.name[index])
  }

  #read(control: number, di: Uint8Array, diBytes: number, epochMs: number): Uint8Array {
    const data = di.length === diBytes ? this.#meter.data(identifier(di), epochMs) : undefined
    if (!data) return this.#frame(control | 0xc0, Uint8Array.of(NO_SUCH_DATA))
    const room = this.#meter.spec.frameDataBytes
    const more = data.length > room
    return this.#frame(control | 0x80 | (more ? 0x20 : 0), Uint8Array.of(...di, ...data.subarray(0, room)))
  }

  /** Follow-up frame n (1, 2, …) carries the n-th further part and says whether there are more. */
  #readMore(request: Uint8Array, epochMs: number): Uint8Array {
    const di = request.subarray(0, 4)
    const sequence = request[4] ?? 0
    const room = this.#meter.spec.frameDataBytes
    const data = this.#meter.data(identifier(di), epochMs)
    if (!data || sequence < 1 || sequence * room >= data.length) return this.#frame(0xd2, Uint8Array.of(NO_SUCH_DATA))
    const part = data.subarray(sequence * room, (sequence + 1) * room)
    const more = (sequence + 1) * room < data.length
    return this.#frame(0x92 | (more ? 0x20 : 0), Uint8Array.of(...di, ...part, sequence))
  }

  #frame(control: number, data: Uint8Array): Uint8Array {
    const body = [
      START,
      ...littleEndian(this.name),
      START,
      control,
      data.length,
      ...Array.from(data, (byte) => (byte + OFFSET) & 0xff),
    ]
    const wakeUps = new Array<number>(this.#meter.spec.wakeUps).fill(WAKE_UP)
    return Uint8Array.of(...wakeUps, ...body, sum(Uint8Array.from(body)), END)
  }
}

/** The request in what was heard: anywhere for a patient meter, from the first byte after FE for a strict one. */
function findRequest(heard: Uint8Array, strict: boolean): Request | undefined {
  for (let start = heard.indexOf(START); start >= 0; start = heard.indexOf(START, start + 1)) {
    const request = requestAt(heard, start)
    if (request) return strict && heard.subarray(0, start).some((byte) => byte !== WAKE_UP) ? undefined : request
  }
  return undefined
}

function requestAt(heard: Uint8Array, start: number): Request | undefined {
  const length = heard[start + 9]
  if (heard[start + 7] !== START || length === undefined) return undefined
  const end = start + HEAD_BYTES + length
  if (heard[end + 1] !== END || heard[end] !== sum(heard.subarray(start, end))) return undefined
  return {
    address: Buffer.from(heard.slice(start + 1, start + 7).reverse()).toString('hex'),
    control: heard[start + 8] ?? 0,
    data: heard.slice(start + HEAD_BYTES, end).map((byte) => (byte - OFFSET) & 0xff),
  }
}

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => (total + byte) & 0xff, 0)
const littleEndian = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex')).reverse()
/** Identifier bytes as they came (low first) to eight hex digits; a 1997 one fills the last four. */
const identifier = (di: Uint8Array): string => Buffer.from(di.slice().reverse()).toString('hex').padStart(8, '0')
