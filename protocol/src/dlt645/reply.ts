import { fail, ok, type Result } from '../result.js'
import {
  cutDlt645Frame,
  type Dlt645Edition,
  type Dlt645Frame,
  ERROR_BIT,
  identifierBytes,
  MORE_BIT,
  REPLY_BIT,
} from './frame.js'

/** What was asked: data of an identifier, its follow-up frame `sequence`, or the meter's address. */
export type Dlt645Request =
  | { readonly kind: 'read'; readonly address: string; readonly di: string; readonly edition?: Dlt645Edition }
  | { readonly kind: 'more'; readonly address: string; readonly di: string; readonly sequence: number }
  | { readonly kind: 'address'; readonly address: string }

/** Names of the bits of an abnormal answer's error byte, bit 0 first (DL/T 645-2007). */
export const DLT645_ERRORS = [
  'other',
  'no_such_data',
  'not_authorised',
  'speed_cannot_change',
  'too_many_year_zones',
  'too_many_day_slots',
  'too_many_tariffs',
  'reserved',
] as const
export type Dlt645Error = (typeof DLT645_ERRORS)[number]

/** A meter's answer to a request. `address` is always the meter's whole one, even if asked by wildcard. */
export type Dlt645Reply =
  | { readonly kind: 'data'; readonly address: string; readonly data: Uint8Array; readonly more: boolean }
  | { readonly kind: 'address'; readonly address: string }
  | {
      readonly kind: 'refused'
      readonly address: string
      readonly byte: number
      readonly errors: readonly Dlt645Error[]
    }

/** Why a good frame is not the answer: our own echo, another meter, another question, or nonsense in it. */
export type Dlt645ReplyFault = 'echo' | 'wrong_address' | 'wrong_control' | 'wrong_identifier' | 'wrong_length'

/** Reads a frame as the answer to `request`; data comes without identifier and sequence byte. */
export function parseDlt645Reply(frame: Dlt645Frame, request: Dlt645Request): Result<Dlt645Reply, Dlt645ReplyFault> {
  if ((frame.control & REPLY_BIT) === 0) return fail('echo')
  if (!matchesAddress(frame.address, request.address)) return fail('wrong_address')
  const asked = controlOf(request)
  const answered = frame.control & ~(REPLY_BIT | ERROR_BIT | MORE_BIT)
  if (answered !== asked) return fail('wrong_control')
  if ((frame.control & ERROR_BIT) !== 0) return refusal(frame)
  return request.kind === 'address' ? addressReply(frame) : dataReply(frame, request)
}

/** Digit by digit; an A in the request stands for any. */
export function matchesAddress(answered: string, asked: string): boolean {
  const digits = asked.toLowerCase()
  return answered.length === digits.length && [...digits].every((digit, i) => digit === 'a' || digit === answered[i])
}

function controlOf(request: Dlt645Request): number {
  if (request.kind === 'address') return 0x13
  if (request.kind === 'more') return 0x12
  return request.edition === '1997' ? 0x01 : 0x11
}

function refusal(frame: Dlt645Frame): Result<Dlt645Reply, Dlt645ReplyFault> {
  const [byte] = frame.data
  if (byte === undefined || frame.data.length !== 1) return fail('wrong_length')
  const errors = DLT645_ERRORS.filter((_, bit) => (byte & (1 << bit)) !== 0)
  return ok({ kind: 'refused', address: frame.address, byte, errors })
}

function addressReply(frame: Dlt645Frame): Result<Dlt645Reply, Dlt645ReplyFault> {
  if (frame.data.length !== 6) return fail('wrong_length')
  const address = Array.from(frame.data, (byte) => byte.toString(16).padStart(2, '0'))
    .reverse()
    .join('')
  return ok({ kind: 'address', address })
}

function dataReply(
  frame: Dlt645Frame,
  request: Exclude<Dlt645Request, { kind: 'address' }>,
): Result<Dlt645Reply, Dlt645ReplyFault> {
  const identifier = identifierBytes(request.di, request.kind === 'read' ? (request.edition ?? '2007') : '2007')
  if (frame.data.length < identifier.length) return fail('wrong_length')
  if (!identifier.every((byte, i) => byte === frame.data[i])) return fail('wrong_identifier')
  let end = frame.data.length
  if (request.kind === 'more') {
    if (frame.data.length === identifier.length || frame.data.at(-1) !== request.sequence) return fail('wrong_length')
    end -= 1
  }
  const more = (frame.control & MORE_BIT) !== 0
  return ok({ kind: 'data', address: frame.address, data: frame.data.slice(identifier.length, end), more })
}

/** What a stretch of received bytes holds for a request. */
export type FoundDlt645Reply =
  | { readonly kind: 'reply'; readonly reply: Dlt645Reply; readonly start: number; readonly end: number }
  /** A frame has begun but is not whole. */
  | { readonly kind: 'more'; readonly passed: PassedFrames }
  | { readonly kind: 'none'; readonly passed: PassedFrames }

/** What was found instead: frames with a wrong checksum, and good ones that answer something else. */
export interface PassedFrames {
  readonly badChecksums: number
  readonly faults: readonly Dlt645ReplyFault[]
}

/** Looks for the answer to `request` anywhere in `bytes`, past wake-up bytes, echo, noise and other meters' frames. */
export function findDlt645Reply(bytes: Uint8Array, request: Dlt645Request): FoundDlt645Reply {
  const faults: Dlt645ReplyFault[] = []
  let badChecksums = 0
  let from = 0
  for (;;) {
    const cut = cutDlt645Frame(bytes, from)
    badChecksums += cut.badChecksums
    if (cut.kind !== 'frame') return { kind: cut.kind, passed: { badChecksums, faults } }
    const reply = parseDlt645Reply(cut.frame, request)
    if (reply.ok) return { kind: 'reply', reply: reply.value, start: cut.frame.start, end: cut.frame.end }
    faults.push(reply.fault)
    from = cut.frame.end
  }
}
