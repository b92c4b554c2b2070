import { cutDlt645Frame, encodeDlt645Answer, hasValidCrc, type SerialFormat, withCrc } from '@metergate/protocol'

export type RigProtocol = 'modbus' | 'dlt645'
/** One question of a rig: `block` is a start address, or the number of a data identifier. */
export interface RigRead {
  readonly unit: number
  readonly function: 3 | 4
  readonly block: number
  readonly count: number
}

export const SETTINGS: Readonly<Record<RigProtocol, { readonly baud: number; readonly format: SerialFormat }>> = {
  modbus: { baud: 9600, format: '8N1' },
  dlt645: { baud: 2400, format: '8E1' },
}

export const UNITS = [1, 2, 3] as const
/** A second unit with the address of another answers as if its number were so much higher. */
export const DOUBLE = 100
export const addressOf = (unit: number): string => String(unit).padStart(12, '0')
export const diOf = (block: number): string => `0201${(block & 0xff).toString(16).padStart(2, '0')}00`

/** What unit, function and place hold: different everywhere, so that a value of another question always shows. */
function word(unit: number, fn: number, address: number): number {
  return (unit * 7919 + fn * 104_729 + address * 31 + 17) & 0xffff
}

const words = (unit: number, fn: number, address: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => word(unit, fn, address + index)).flatMap((value) => [
    value >> 8,
    value & 0xff,
  ])

/** The only right answer to a question. */
export function truth(protocol: RigProtocol, read: RigRead): Uint8Array {
  return protocol === 'modbus'
    ? Uint8Array.from(words(read.unit, read.function, read.block, read.count))
    : Uint8Array.from(words(read.unit, 0x11, read.block & 0xff, 2))
}

export const isTrue = (protocol: RigProtocol, read: RigRead, data: Uint8Array): boolean =>
  Buffer.from(data).equals(truth(protocol, read))

/** A slave's answer to a frame, if it is for it. `salt`: as its {@link DOUBLE} would answer. */
export const answerOf = (protocol: RigProtocol, frame: Uint8Array, unit: number, salt = 0): Uint8Array | undefined =>
  protocol === 'modbus' ? modbusAnswer(frame, unit, salt) : dlt645Answer(frame, unit, salt)

function modbusAnswer(frame: Uint8Array, unit: number, salt: number): Uint8Array | undefined {
  const request = frame.subarray(Math.max(0, frame.length - 8))
  if (request.length !== 8 || request[0] !== unit || !hasValidCrc(request, 0, 8)) return undefined
  const [, fn = 0, high = 0, low = 0, , count = 0] = request
  return withCrc(Uint8Array.of(unit, fn, 2 * count, ...words(unit + salt, fn, high * 256 + low, count)))
}

function dlt645Answer(heard: Uint8Array, unit: number, salt: number): Uint8Array | undefined {
  const cut = cutDlt645Frame(heard)
  if (cut.kind !== 'frame' || cut.frame.control !== 0x11 || cut.frame.address !== addressOf(unit)) return undefined
  const block = cut.frame.data[1] ?? 0
  return encodeDlt645Answer(
    addressOf(unit),
    0x91,
    Uint8Array.of(...cut.frame.data.subarray(0, 4), ...words(unit + salt, 0x11, block, 2)),
  )
}

/** A Modbus TCP device's answer to a request: the same registers, with the request's transaction and unit. */
export function tcpAnswer(request: Uint8Array): Uint8Array | undefined {
  const [t1 = 0, t0 = 0, , , , , unit = 0, fn = 0, high = 0, low = 0, , count = 0] = request
  if (request.length !== 12) return undefined
  const data = words(unit, fn, high * 256 + low, count)
  return Uint8Array.of(t1, t0, 0, 0, 0, 3 + data.length, unit, fn, data.length, ...data)
}
