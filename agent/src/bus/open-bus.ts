import { type Clock, type SerialFormat, unreachable } from '@metergate/protocol'
import type { UnitFacts } from './line-guard.js'
import { ModbusTcpBus } from './modbus-tcp-bus.js'
import type { UnitKey } from './question.js'
import type { RegisterBus } from './register-bus.js'
import { SerialBus } from './serial-bus.js'
import { SerialLine } from './serial-line.js'
import { TcpLine } from './tcp-line.js'

/** Where a line is, as the configuration names it. */
export type LineAddress =
  | { readonly kind: 'serial'; readonly path: string; readonly baud: number; readonly format: SerialFormat }
  /** A serial server in transparent mode. Speed and format are those set there, for time-outs and prices. */
  | {
      readonly kind: 'rtu_over_tcp'
      readonly host: string
      readonly port: number
      readonly baud?: number
      readonly format?: SerialFormat
    }
  | { readonly kind: 'modbus_tcp'; readonly host: string; readonly port: number }

/**
 * The bus for a line. Nothing is opened yet: the first read does it, and every later one after the line was lost.
 * `units`: what is particular about the units on it, by `unitKey`.
 */
export function createBus(
  address: LineAddress,
  clock: Clock,
  units: ReadonlyMap<UnitKey, UnitFacts> = new Map(),
): RegisterBus {
  switch (address.kind) {
    case 'serial':
      return new SerialBus(new SerialLine(address.path, clock), clock, {
        settings: { baud: address.baud, format: address.format },
        units,
      })
    case 'rtu_over_tcp':
      return new SerialBus(new TcpLine(address.host, address.port, clock), clock, {
        settings: { baud: address.baud ?? 9600, format: address.format ?? '8N1' },
        units: withoutSettings(units),
      })
    case 'modbus_tcp':
      return new ModbusTcpBus(new TcpLine(address.host, address.port, clock), clock, units)
    default:
      return unreachable(address)
  }
}

/** The speed of a serial server cannot be changed from here. */
function withoutSettings(units: ReadonlyMap<UnitKey, UnitFacts>): ReadonlyMap<UnitKey, UnitFacts> {
  return new Map([...units].map(([key, { settings: _, ...facts }]) => [key, facts]))
}
