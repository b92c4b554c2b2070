import type { Dlt645Item, ModbusItem } from '@metergate/protocol'
import type { Dlt645Read, ModbusRead } from '../bus/register-bus.js'

/** Where an item's value begins in the data of its read, in bytes (in bits for functions 1 and 2). */
export interface PlacedModbusItem {
  readonly item: ModbusItem
  readonly offset: number
}

export interface PlannedModbusRead {
  readonly protocol: 'modbus'
  readonly function: ModbusRead['function']
  readonly address: number
  readonly count: number
  readonly items: readonly PlacedModbusItem[]
}

export interface PlannedDlt645Read {
  readonly protocol: 'dlt645'
  readonly di: string
  readonly edition: '2007' | '1997'
  readonly items: readonly { readonly item: Dlt645Item; readonly offset: number }[]
}

/** One request of a plan: what to ask any unit of this model, and which items its data holds. */
export type PlannedRead = PlannedModbusRead | PlannedDlt645Read

/** A planned read addressed to a unit. */
export function modbusRequest(read: PlannedModbusRead, unit: number): ModbusRead {
  return { protocol: 'modbus', unit, function: read.function, address: read.address, count: read.count }
}

/** A planned read addressed to a meter of 12 digits. */
export function dlt645Request(read: PlannedDlt645Read, address: string): Dlt645Read {
  return { protocol: 'dlt645', address, di: read.di, edition: read.edition }
}

/** Names an item's place in the meter. */
export function itemKey(
  item: ModbusItem | Dlt645Item,
  read: Pick<PlannedModbusRead, 'protocol' | 'function'> | { readonly protocol: 'dlt645' },
): string {
  if ('di' in item) return `di:${item.di}`
  return `${read.protocol === 'modbus' ? read.function : 0}:${item.address}:${item.type}`
}

/** A read as the meter sees it. */
export const wordsOf = (read: PlannedRead): string =>
  read.protocol === 'modbus' ? `${read.function} ${read.address} ${read.count}` : read.di

/** Whether a read can be parted: a DL/T 645 identifier is one block of the meter's own. */
export const isMerged = (read: PlannedRead): read is PlannedModbusRead =>
  read.protocol === 'modbus' && read.items.length > 1
