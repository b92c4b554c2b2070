import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { type Clock, durationMs, fail, ok, type Result } from '@metergate/protocol'
import { lineDownWhy } from '../i18n/line-down-texts.js'
import { hostAndPort } from '../system/host-and-port.js'
import type { LineDown, LineListener, LinePort, LineSettings } from './line-port.js'

const CONNECT_MS = 3000

/** A TCP connection as a line: to a serial server in transparent mode (RTU over TCP), or to a Modbus TCP device. */
export class TcpLine implements LinePort {
  readonly nature = 'socket'
  readonly #host: string
  readonly #port: number
  readonly #clock: Clock
  #socket: Socket | undefined

  constructor(host: string, port: number, clock: Clock) {
    this.#host = host
    this.#port = port
    this.#clock = clock
  }

  get #name(): string {
    return hostAndPort(this.#host, this.#port)
  }

  /** Speed and format are the serial server's own setting: changing them here changes nothing there. */
  async open(_settings: LineSettings, listener: LineListener): Promise<Result<void, LineDown>> {
    if (this.#socket) return ok(undefined)
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true, keepAlive: true })
    const failed = await this.#connected(socket)
    if (failed !== undefined) {
      socket.destroy()
      return fail({ kind: 'line_down', why: failed })
    }
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => listener.onData(new Uint8Array(bytes), this.#clock.mono()))
    const lost = (reason: 'brokeOff' | 'hungUp') => (): void => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      socket.destroy()
      listener.onDown(lineDownWhy(reason, { host: this.#name }))
    }
    socket.on('error', lost('brokeOff'))
    socket.on('close', lost('hungUp'))
    return ok(undefined)
  }

  async write(bytes: Uint8Array): Promise<Result<void, LineDown>> {
    const socket = this.#socket
    if (!socket) return fail({ kind: 'line_down', why: lineDownWhy('notConnected', { host: this.#name }) })
    return new Promise((resolve) => {
      socket.write(bytes, (error) =>
        resolve(error ? fail({ kind: 'line_down', why: `${this.#name}: ${error.message}` }) : ok(undefined)),
      )
    })
  }

  /** Sockets hand over in the poll phase: one turn of the event loop. */
  async look(): Promise<void> {
    await turn()
    await turn()
  }

  async drain(): Promise<void> {}

  async close(): Promise<void> {
    const socket = this.#socket
    this.#socket = undefined
    if (!socket) return
    socket.removeAllListeners('data')
    socket.destroy()
  }

  /** Undefined once connected, else why not. */
  async #connected(socket: Socket): Promise<string | undefined> {
    const stop = new AbortController()
    const outcome = new Promise<string | undefined>((resolve) => {
      socket.once('connect', () => resolve(undefined))
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(this.#explain(error)))
    })
    const tooLate = this.#clock.sleep(durationMs(CONNECT_MS), stop.signal).then(
      () => lineDownWhy('unanswered', { host: this.#name, seconds: String(CONNECT_MS / 1000) }),
      () => undefined,
    )
    const first = await Promise.race([outcome, tooLate])
    stop.abort()
    // Later errors of a connection given up on have nobody to tell.
    socket.on('error', () => {})
    return first
  }

  #explain(error: NodeJS.ErrnoException): string {
    if (error.code === 'ECONNREFUSED') return lineDownWhy('refused', { host: this.#name })
    if (error.code === 'ENOTFOUND') return lineDownWhy('unknownHost', { host: this.#host })
    return `${this.#name}: ${error.message}`
  }
}
