import { chmod, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { fail, parseJson, type Result } from '@metergate/protocol'
import { MOST_SOCKET_BYTES } from '../i18n/config-texts.js'
import {
  CONTROL_CALLS,
  type ControlAnswers,
  type ControlCall,
  type ControlFault,
  type ControlHandlers,
  requestLineSchema,
} from './calls.js'
import { readLine } from './line-reader.js'

/**
 * The daemon's local door: a unix-domain socket in the data folder that only its owner may open. One JSON line asks,
 * one answers, the connection ends. Nothing here listens on a network.
 */
export class ControlServer {
  #server: Server | undefined
  readonly #open = new Set<Socket>()

  constructor(
    private readonly path: string,
    private readonly handlers: ControlHandlers,
    /** Told of handlers that threw: our mistake, answered as `failed`. */
    private readonly broken: (error: unknown) => void = () => undefined,
  ) {}

  /** Listens until `signal` aborts. Throws when another process already serves this socket, or the path cannot be used. */
  async start(signal: AbortSignal): Promise<void> {
    if (Buffer.byteLength(this.path) > MOST_SOCKET_BYTES)
      throw new Error(
        `${this.path} is too long for a socket (${MOST_SOCKET_BYTES} bytes): choose a shorter store.folder`,
      )
    if (await answers(this.path)) throw new Error(`another metergate is running here: ${this.path} is in use`)
    // Left by a process that was killed: nobody answers on it.
    await unlink(this.path).catch(() => undefined)
    const server = createServer((socket) => void this.#serve(socket, signal))
    this.#server = server
    const before = process.umask(0o177)
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(this.path, resolve)
      })
    } finally {
      process.umask(before)
    }
    await chmod(this.path, 0o600)
    signal.addEventListener('abort', () => void this.stop(), { once: true })
  }

  /** Stops listening, ends open connections and removes the socket. Safe to call twice. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (!server) return
    for (const socket of this.#open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }

  async #serve(socket: Socket, signal: AbortSignal): Promise<void> {
    this.#open.add(socket)
    const gone = new AbortController()
    socket.once('close', () => {
      this.#open.delete(socket)
      gone.abort()
    })
    socket.on('error', () => socket.destroy())
    try {
      const line = await readLine(socket)
      if (line === undefined) return
      const answer = await this.#answer(line, AbortSignal.any([signal, gone.signal]))
      socket.end(`${JSON.stringify(answer)}\n`)
    } catch (error) {
      // A client that broke off is no fault of ours; anything else is.
      if (!gone.signal.aborted) this.broken(error)
      socket.end(`${JSON.stringify(fail({ kind: 'failed', why: messageOf(error) }))}\n`)
    }
  }

  async #answer(line: string, signal: AbortSignal): Promise<Result<unknown, ControlFault>> {
    const asked = requestLineSchema.safeParse(parseJson(line))
    if (!asked.success) return fail({ kind: 'bad_request', why: 'not a request this version knows' })
    return this.#call(asked.data.call, asked.data.request, signal)
  }

  async #call<C extends ControlCall>(
    call: C,
    raw: unknown,
    signal: AbortSignal,
  ): Promise<Result<ControlAnswers[C], ControlFault>> {
    const request = CONTROL_CALLS[call].request.safeParse(raw)
    if (!request.success)
      return fail({ kind: 'bad_request', why: request.error.issues.map(({ message }) => message).join('; ') })
    return this.handlers[call](request.data, signal)
  }
}

/** Whether somebody answers on the socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
