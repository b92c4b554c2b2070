import { stat } from 'node:fs/promises'
import { type Clock, durationMs, fail, ok, type Result, type SerialFormat } from '@metergate/protocol'
import { SerialPort } from 'serialport'
import type { LineDown, LineListener, LinePort, LineSettings } from './line-port.js'
import { type PortIdentity, portIdentity, relocated } from './port-identity.js'

const FORMATS: Record<SerialFormat, { dataBits: 8; parity: 'none' | 'even' | 'odd'; stopBits: 1 | 2 }> = {
  '8N1': { dataBits: 8, parity: 'none', stopBits: 1 },
  '8E1': { dataBits: 8, parity: 'even', stopBits: 1 },
  '8O1': { dataBits: 8, parity: 'odd', stopBits: 1 },
  '8N2': { dataBits: 8, parity: 'none', stopBits: 2 },
}

/** Control lines as they are after opening, and no 16 ms of waiting in the adapter. */
const LOW_LATENCY = { brk: false, dtr: true, rts: true, lowLatency: true }

/** While an answer is on the wire its bytes are fetched this often, not chunk by chunk: a read costs more than a byte. */
const FETCH_EVERY_MS = 40
/** The driver may be ahead of our reckoning by this much. */
const MARGIN_MS = 3

type OpenPort = Awaited<ReturnType<typeof SerialPort.binding.open>>
type OpenOptions = (typeof FORMATS)[SerialFormat] & {
  readonly path: string
  readonly baudRate: number
  readonly lock: true
}

const openPort = async (options: OpenOptions): Promise<OpenPort> => SerialPort.binding.open(options)

/**
 * A serial port. Found again after an unplug, under another name too: a path under /dev/serial/by-id stays the same, and of any
 * other the USB vendor, product and serial number are remembered from the last time it was open.
 */
export class SerialLine implements LinePort {
  readonly nature = 'serial'
  readonly #path: string
  readonly #clock: Clock
  #port: OpenPort | undefined
  #settings: LineSettings | undefined
  #identity: PortIdentity | undefined
  #identified: string | undefined
  /** Until then the wire is still busy with the request or its answer. */
  #busyUntil = Number.NEGATIVE_INFINITY
  #pause = new AbortController()

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  async open(settings: LineSettings, listener: LineListener): Promise<Result<void, LineDown>> {
    if (this.#port && this.#settings?.format === settings.format) return this.#changeSpeed(this.#port, settings)
    await this.close()
    const path = await this.#find()
    const options = { path, baudRate: settings.baud, ...FORMATS[settings.format], lock: true as const }
    const opened = await attempt(openPort(options))
    if (!opened.ok) return fail(this.#downBecause(opened.fault, path))
    this.#port = opened.value
    this.#settings = settings
    // Adapters on a FTDI chip otherwise hold bytes back for up to 16 ms; others do not know the setting.
    await attempt(opened.value.set(LOW_LATENCY))
    await this.#identify(path)
    void this.#fetch(opened.value, listener)
    return ok(undefined)
  }

  async write(bytes: Uint8Array, answerMs = 0): Promise<Result<void, LineDown>> {
    const port = this.#port
    if (!port) return fail({ kind: 'line_down', why: `${this.#path} is not open` })
    this.#busyUntil = this.#clock.mono() + answerMs - MARGIN_MS
    const written = await attempt(port.write(Buffer.from(bytes)))
    if (written.ok) return ok(undefined)
    // A port that cannot be written to is not the port it was: open it anew.
    await this.close()
    return fail(this.#downBecause(written.fault, this.#path))
  }

  /** One turn of the event loop lets the driver's readiness arrive, one trip through the thread pool its bytes. */
  async look(): Promise<void> {
    this.#pause.abort()
    await turn()
    await stat(this.#path).catch(() => undefined)
    await turn()
  }

  async drain(): Promise<void> {
    if (this.#port) await attempt(this.#port.drain())
  }

  async close(): Promise<void> {
    const port = this.#port
    this.#port = undefined
    this.#settings = undefined
    this.#pause.abort()
    if (port?.isOpen) await attempt(port.close())
  }

  /** Hands over what comes until the port is closed or gone. */
  async #fetch(port: OpenPort, listener: LineListener): Promise<void> {
    const buffer = Buffer.alloc(512)
    while (this.#port === port) {
      const read = await attempt(port.read(buffer, 0, buffer.length))
      if (this.#port !== port) return
      if (!read.ok) {
        await this.close()
        return listener.onDown(`${this.#path} went away (${read.fault.message}); is the adapter plugged in?`)
      }
      listener.onData(Uint8Array.from(buffer.subarray(0, read.value.bytesRead)), this.#clock.mono())
      const busyMs = Math.min(this.#busyUntil - this.#clock.mono(), FETCH_EVERY_MS)
      if (busyMs <= 0) continue
      this.#pause = new AbortController()
      await attempt(this.#clock.sleep(durationMs(busyMs), this.#pause.signal))
    }
  }

  async #changeSpeed(port: OpenPort, settings: LineSettings): Promise<Result<void, LineDown>> {
    if (this.#settings?.baud === settings.baud) return ok(undefined)
    const changed = await attempt(port.update({ baudRate: settings.baud }))
    if (!changed.ok) return fail(this.#downBecause(changed.fault, this.#path))
    this.#settings = settings
    return ok(undefined)
  }

  async #find(): Promise<string> {
    const present = await stat(this.#path).then(
      () => true,
      () => false,
    )
    return present ? this.#path : ((await relocated(this.#identity)) ?? this.#path)
  }

  /** Once per name: listing ports starts a program, and a line of mixed formats is opened anew every few seconds. */
  async #identify(path: string): Promise<void> {
    if (this.#identified === path) return
    this.#identified = path
    this.#identity = (await portIdentity(path)) ?? this.#identity
  }

  #downBecause(error: Error, path: string): LineDown {
    const { message } = error
    if (/no such file|ENOENT/i.test(message))
      return {
        kind: 'line_down',
        why: `there is no ${path}; is the RS485 adapter plugged in? \`ls -l /dev/serial/by-id\` shows those that are`,
      }
    if (/EIO|i\/o error|ENXIO|ENODEV/i.test(message))
      return { kind: 'line_down', why: `${path} went away (${message}); is the adapter plugged in?` }
    if (/permission|EACCES/i.test(message))
      return { kind: 'line_down', why: `no permission for ${path}; add the user to the group of the port (dialout)` }
    if (/lock|busy/i.test(message))
      return { kind: 'line_down', why: `${path} is used by another program; stop it, a line has one master` }
    return { kind: 'line_down', why: `${path}: ${message}` }
  }
}

/** What the driver throws is expected of an adapter: a value. */
async function attempt<T>(work: Promise<T>): Promise<Result<T, Error>> {
  try {
    return ok(await work)
  } catch (error) {
    return fail(error instanceof Error ? error : new Error(String(error)))
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
