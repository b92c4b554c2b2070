import { createServer, type Server, type Socket } from 'node:net'
import { type FaultPlan, TCP_FAULTS } from '../fault/faults.js'
import type { Scheduler } from '../kernel/scheduler.js'
import { withCrc } from '../meter/crc16.js'
import type { ModbusMeter } from '../meter/modbus-meter.js'
import { answerPdu, keepsSilent, ModbusStation } from '../meter/modbus-station.js'
import type { SerialLine } from './serial-line.js'
import type { SerialSettings } from './timing.js'

const HEADER_BYTES = 7
const MAX_ADU_BYTES = 260
/** A gateway's answer for a unit that is not there (application protocol V1.1b3, chapter 7). */
const TARGET_FAILED = 0x0b

/** Listens on 127.0.0.1; port 0 takes a free one. Gives the port. */
function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })
}

/** Closes a server with its connections. */
function shut(server: Server, sockets: ReadonlySet<Socket>): void {
  server.close()
  for (const socket of sockets) socket.destroy()
}

/**
 * The meters by Modbus TCP: no wire to share, each request answered after the unit's turnaround. Of the faults those apply that
 * need no wire: a dead, slow or late unit, refusals, block limits, answers of another unit or function.
 */
export class ModbusTcpServer {
  readonly #meters: readonly ModbusMeter[]
  readonly #scheduler: Scheduler
  readonly #epochAt: (schedulerMs: number) => number
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((socket) => this.#serve(socket))

  readonly #faults: FaultPlan | undefined

  constructor(
    meters: readonly ModbusMeter[],
    scheduler: Scheduler,
    epochAt: (schedulerMs: number) => number,
    faults?: FaultPlan,
  ) {
    this.#meters = meters
    this.#scheduler = scheduler
    this.#epochAt = epochAt
    this.#faults = faults
  }

  start(port: number): Promise<number> {
    return listen(this.#server, port)
  }

  stop(): void {
    shut(this.#server, this.#sockets)
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let pending = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk])
      while (pending.length >= HEADER_BYTES) {
        const length = 6 + pending.readUInt16BE(4)
        if (pending.readUInt16BE(2) !== 0 || length < HEADER_BYTES + 1 || length > MAX_ADU_BYTES) {
          socket.destroy()
          return
        }
        if (pending.length < length) return
        this.#answer(socket, pending.subarray(0, length))
        pending = pending.subarray(length)
      }
    })
  }

  #answer(socket: Socket, request: Buffer): void {
    const meter = this.#meters.find((candidate) => candidate.unit === request[6])
    const pdu = new Uint8Array(request.subarray(HEADER_BYTES))
    if (meter && keepsSilent(meter, pdu)) return
    const head = Buffer.from(request.subarray(0, 6))
    this.#scheduler.after(meter?.spec.turnaroundMs ?? 0, () => {
      const body = meter
        ? answerPdu(meter, pdu, this.#epochAt(this.#scheduler.now()))
        : Uint8Array.of((pdu[0] ?? 0) | 0x80, TARGET_FAILED)
      const shaped = this.#shape(meter, Uint8Array.of(request[6] ?? 0, ...body))
      if (!shaped) return
      this.#scheduler.after(shaped.afterMs, () => {
        head.writeUInt16BE(shaped.unitAndPdu.length, 4)
        if (!socket.destroyed) socket.write(Buffer.concat([head, shaped.unitAndPdu]))
      })
    })
  }

  /** The unit's faults on what a gateway would pass on; undefined when it says nothing. */
  #shape(
    meter: ModbusMeter | undefined,
    unitAndPdu: Uint8Array,
  ): { readonly unitAndPdu: Uint8Array; readonly afterMs: number } | undefined {
    if (!meter || !this.#faults) return { unitAndPdu, afterMs: 0 }
    if (this.#faults.isDead(meter.name)) return undefined
    const station = new ModbusStation(meter, { baud: 9600, format: undefined })
    const shaped = this.#faults.shape(station, withCrc(unitAndPdu), TCP_FAULTS)
    return shaped && { unitAndPdu: shaped.bytes.subarray(0, -2), afterMs: shaped.extraDelayMs }
  }
}

/** A serial server in transparent mode: RTU frames over TCP onto a line; every client hears every answer. */
export class RtuOverTcpServer {
  readonly #line: SerialLine
  readonly #settings: SerialSettings
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((socket) => this.#serve(socket))

  /** The line must be this server's own: it takes all that the master hears. */
  constructor(line: SerialLine, settings: SerialSettings) {
    this.#line = line
    this.#settings = settings
  }

  start(port: number): Promise<number> {
    this.#line.onMasterData((bytes) => {
      for (const socket of this.#sockets) socket.write(bytes)
    })
    return listen(this.#server, port)
  }

  stop(): void {
    shut(this.#server, this.#sockets)
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => this.#line.masterSend(new Uint8Array(chunk), this.#settings))
  }
}
