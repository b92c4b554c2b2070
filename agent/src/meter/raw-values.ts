import { registersOf } from '@metergate/protocol'
import type { PlannedRead } from './planned-read.js'

/** Register content of each item, hex as on the wire, and where it stands. */
export function rawValues(read: PlannedRead, data: Uint8Array) {
  if (read.protocol === 'dlt645') {
    return read.items.map(({ item, offset }) => ({
      quantity: item.quantity,
      raw: Buffer.from(data.subarray(offset, offset + item.bytes)).toString('hex'),
      where: `DI ${read.di}`,
    }))
  }
  return read.items.map(({ item, offset }) => ({
    quantity: item.quantity,
    raw:
      item.type === 'bit'
        ? String(((data[offset >> 3] ?? 0) >> (offset & 7)) & 1)
        : Buffer.from(data.subarray(offset, offset + registersOf(item.type) * 2)).toString('hex'),
    where: `${read.function}:${item.address}`,
  }))
}
