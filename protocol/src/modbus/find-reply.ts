import { EXCEPTION_LENGTH, encodeReadRequest, expectedReplyLength, hasValidCrc, type ReadRequest } from './frame.js'

/** What a stretch of received bytes holds for a request. `start` and `end` are offsets of the answer. */
export type FoundReply =
  | {
      readonly kind: 'reply'
      readonly data: Uint8Array
      readonly start: number
      readonly end: number
      readonly echoes: number
    }
  | {
      readonly kind: 'exception'
      readonly code: number
      readonly start: number
      readonly end: number
      readonly echoes: number
    }
  /** Nothing complete yet. */
  | { readonly kind: 'none'; readonly echoes: number }

/**
 * Looks for the answer to `request` anywhere in `bytes`: skips the request's own echo, noise before the frame
 * and anything whose unit, function, byte count or CRC is another's. Looks at each byte once, never throws.
 */
export function findReply(bytes: Uint8Array, request: ReadRequest): FoundReply {
  const echo = encodeReadRequest(request.unit, request.function, request.address, request.count)
  const length = expectedReplyLength(request.function, request.count)
  let echoes = 0
  let start = 0
  while (start + EXCEPTION_LENGTH <= bytes.length) {
    if (startsWith(bytes, start, echo)) {
      echoes += 1
      start += echo.length
      continue
    }
    if (bytes[start] === request.unit) {
      const found = answerAt(bytes, start, request, length, echoes)
      if (found) return found
    }
    start += 1
  }
  return { kind: 'none', echoes }
}

function answerAt(
  bytes: Uint8Array,
  start: number,
  request: ReadRequest,
  length: number,
  echoes: number,
): FoundReply | undefined {
  const fn = bytes[start + 1]
  const third = bytes[start + 2]
  if (third === undefined) return undefined
  if (fn === (request.function | 0x80)) {
    const end = start + EXCEPTION_LENGTH
    return hasValidCrc(bytes, start, end) ? { kind: 'exception', code: third, start, end, echoes } : undefined
  }
  const end = start + length
  if (fn !== request.function || third !== length - 5 || end > bytes.length) return undefined
  if (!hasValidCrc(bytes, start, end)) return undefined
  return { kind: 'reply', data: bytes.slice(start + 3, end - 2), start, end, echoes }
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  return at + prefix.length <= bytes.length && prefix.every((byte, i) => bytes[at + i] === byte)
}
