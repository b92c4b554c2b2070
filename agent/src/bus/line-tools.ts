import { type Clock, unreachable } from '@metergate/protocol'
import { SerialPort } from 'serialport'
import type { LinePort } from './line-port.js'
import { ModbusTcpBus } from './modbus-tcp-bus.js'
import type { LineAddress } from './open-bus.js'
import type { RegisterBus } from './register-bus.js'
import { SerialLine } from './serial-line.js'
import { TcpLine } from './tcp-line.js'

/** What commands that look at a line itself, rather than at configured meters, work with. */
export interface LineTools {
  readonly clock: Clock
  /** Paths of the serial ports an RS485 adapter could be. */
  listPorts(): Promise<readonly string[]>
  /** The line as bytes; undefined for Modbus TCP, which has no line. Nothing is opened yet. */
  line(address: LineAddress): LinePort | undefined
  /** A Modbus TCP device or gateway. */
  modbusTcp(host: string, port: number): RegisterBus
}

export function systemLineTools(clock: Clock): LineTools {
  return {
    clock,
    listPorts,
    line: (address) => {
      switch (address.kind) {
        case 'serial':
          return new SerialLine(address.path, clock)
        case 'rtu_over_tcp':
          return new TcpLine(address.host, address.port, clock)
        case 'modbus_tcp':
          return undefined
        default:
          return unreachable(address)
      }
    },
    modbusTcp: (host, port) => new ModbusTcpBus(new TcpLine(host, port, clock), clock),
  }
}

/** The kernel lists COM ports that exist only on paper; they are tried only where there is nothing else. */
async function listPorts(): Promise<readonly string[]> {
  const paths = (await SerialPort.list().catch(() => [])).map(({ path }) => path)
  const likely = paths.filter((path) => !/^\/dev\/ttyS\d+$/.test(path))
  return likely.length > 0 ? likely : paths
}
