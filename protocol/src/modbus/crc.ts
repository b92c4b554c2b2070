/** CRC-16/MODBUS: reflected polynomial 0xA001, start 0xFFFF (MODBUS over serial line V1.02, 6.2.2). */
const TABLE: readonly number[] = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  return crc
})

/** CRC of `bytes`, or of its part from `start` up to (not including) `end`. On the wire the low byte comes first. */
export function crc16(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0xffff
  for (let i = start; i < end; i++) crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0)
  return crc
}
