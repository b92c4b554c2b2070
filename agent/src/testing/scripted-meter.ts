import { withCrc } from '@metergate/protocol'

/** A request as a meter reads it, undefined when it is none. */
export function parseRequest(
  bytes: Uint8Array,
): { unit: number; fn: number; address: number; count: number } | undefined {
  if (bytes.length !== 8) return undefined
  const [unit = 0, fn = 0, a1 = 0, a0 = 0, c1 = 0, c0 = 0] = bytes
  return { unit, fn, address: a1 * 256 + a0, count: c1 * 256 + c0 }
}

/** The register a simulated meter holds at an address: tells unit, function and address apart, so that a mix-up always shows. */
export function registerAt(unit: number, fn: number, address: number): number {
  return (unit * 7919 + fn * 104729 + address * 31 + 17) & 0xffff
}

/** The answer to a read request, with the values of {@link registerAt}. */
export function answerTo(bytes: Uint8Array): Uint8Array {
  const request = parseRequest(bytes)
  if (!request) return new Uint8Array(0)
  return answer(request.unit, request.fn, request.address, request.count)
}

export function answer(unit: number, fn: number, address: number, count: number): Uint8Array {
  const data = Array.from({ length: count }, (_, i) => registerAt(unit, fn, address + i)).flatMap((word) => [
    word >> 8,
    word & 0xff,
  ])
  return withCrc(Uint8Array.of(unit, fn, data.length, ...data))
}

export function exception(unit: number, fn: number, code: number): Uint8Array {
  return withCrc(Uint8Array.of(unit, fn | 0x80, code))
}

/** Whether `data` is what the meter holds at this place. */
export function isTrue(data: Uint8Array, unit: number, fn: number, address: number, count: number): boolean {
  const expected = answer(unit, fn, address, count).slice(3, -2)
  return data.length === expected.length && data.every((byte, i) => byte === expected[i])
}
