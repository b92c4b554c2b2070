import { fail, ok, type Result } from '../result.js'

/** `not_available`: every byte FF. `bad_frame`: a nibble above 9. */
export type NoDlt645Value = 'not_available' | 'bad_frame'

/**
 * A BCD number, low byte first, +33H already taken off. Signed items carry the sign in the top bit of the last
 * byte and a magnitude below it, not two's complement. All-FF means the meter has no such value (a missing
 * phase); other non-BCD nibbles do occur behind a right checksum and void the value, not the link.
 */
export function decodeDlt645Value(bytes: Uint8Array, signed: boolean): Result<bigint, NoDlt645Value> {
  if (bytes.length === 0) return fail('bad_frame')
  if (bytes.every((byte) => byte === 0xff)) return fail('not_available')
  const top = bytes.at(-1) ?? 0
  const negative = signed && (top & 0x80) !== 0
  const digits = Array.from(bytes, (byte, i) => (negative && i === bytes.length - 1 ? byte & 0x7f : byte))
    .reverse()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
  if (!/^\d+$/.test(digits)) return fail('bad_frame')
  const magnitude = BigInt(digits)
  return ok(negative ? -magnitude : magnitude)
}

/** The reverse of {@link decodeDlt645Value}; undefined when the number does not fit `length` bytes. */
export function encodeDlt645Value(value: bigint, length: number, signed: boolean): Uint8Array | undefined {
  const magnitude = value < 0n ? -value : value
  const most = signed ? 8n * 10n ** BigInt(2 * length - 1) : 10n ** BigInt(2 * length)
  if (magnitude >= most || (value < 0n && !signed)) return undefined
  const digits = magnitude.toString().padStart(2 * length, '0')
  const bytes = Uint8Array.from({ length }, (_, i) => {
    const at = digits.length - 2 * (i + 1)
    return Number.parseInt(digits.slice(at, at + 2), 16)
  })
  if (value < 0n) bytes[length - 1] = (bytes[length - 1] ?? 0) | 0x80
  return bytes
}
