import { setImmediate as turn } from 'node:timers/promises'
import { type Clock, durationMs, fail, ok, type Result, type SerialFormat } from '@metergate/protocol'
import { SerialPort } from 'serialport'
import { lineDownWhy } from '../i18n/line-down-texts.js'
import { Driver, type OpenPort } from './driver.js'
import { type LineDown, type LineListener, type LinePort, type LineSettings, wireMs } from './line-port.js'
import { type ListPorts, listPorts, type PortIdentity, portIdentity, relocated } from './port-identity.js'

const FORMATS: Record<SerialFormat, { dataBits: 8; parity: 'none' | 'even' | 'odd'; stopBits: 1 | 2 }> = {
  '8N1': { dataBits: 8, parity: 'none', stopBits: 1 },
  '8E1': { dataBits: 8, parity: 'even', stopBits: 1 },
  '8O1': { dataBits: 8, parity: 'odd', stopBits: 1 },
  '8N2': { dataBits: 8, parity: 'none', stopBits: 2 },
}

/** Control lines as they are after opening, and no 16 ms of waiting in the adapter. */
const LOW_LATENCY = { brk: false, dtr: true, rts: true, lowLatency: true }

/** While an answer is on the wire its bytes are fetched this seldom, not chunk by chunk: waking up costs more than a byte. */
const FETCH_EVERY_MS = 100
/** The driver may be ahead of our reckoning by a chunk, and a timer late by a millisecond: what is slept beyond the last byte is lost to the line. */
const MARGIN_MS = 4

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
  readonly #list: ListPorts
  #port: OpenPort | undefined
  #settings: LineSettings | undefined
  #identity: PortIdentity | undefined
  /** The name under which the adapter is known to be plugged in; unknown once it was lost. */
  #identified: string | undefined
  #driver: Driver | undefined
  #listener: LineListener | undefined
  /** Why the port closed by itself. */
  #gone: string | undefined
  /** Bytes of the answer still to come. */
  #awaited = 0
  /** Whether the driver will call when bytes come. */
  #listening = false
  /** Grows when a pause in fetching is over before its time. */
  #pause = 0

  constructor(path: string, clock: Clock, list: ListPorts = listPorts) {
    this.#path = path
    this.#clock = clock
    this.#list = list
  }

  async open(settings: LineSettings, listener: LineListener): Promise<Result<void, LineDown>> {
    if (this.#port && this.#settings?.format === settings.format) return this.#changeSpeed(this.#port, settings)
    await this.close()
    const path = await this.#find()
    const options = { path, baudRate: settings.baud, ...FORMATS[settings.format], lock: true as const }
    const opened = await attempt(openPort(options))
    if (!opened.ok) {
      this.#identified = undefined
      return fail(this.#downBecause(opened.fault, path))
    }
    const driver = new Driver(opened.value)
    this.#port = opened.value
    this.#driver = driver
    this.#listener = listener
    this.#gone = undefined
    this.#settings = settings
    this.#awaited = 0
    this.#listening = false
    // Adapters on a FTDI chip otherwise hold bytes back for up to 16 ms; others do not know the setting.
    await attempt(opened.value.set(LOW_LATENCY))
    await this.#identify(path)
    this.#listen(driver)
    return ok(undefined)
  }

  async write(bytes: Uint8Array, answerLength = 0): Promise<Result<void, LineDown>> {
    const driver = this.#driver
    if (!driver) return fail({ kind: 'line_down', why: this.#gone ?? lineDownWhy('notOpen', { port: this.#path }) })
    this.#awaited = answerLength
    this.#endPause(driver)
    const written = await attempt(driver.write(bytes))
    if (written.ok) return ok(undefined)
    // A port that cannot be written to is not the port it was: open it anew.
    this.#identified = undefined
    await this.close()
    return fail(this.#downBecause(written.fault, this.#path))
  }

  /** A turn of the event loop for what it has already taken up, then whatever lies in the driver. */
  async look(): Promise<void> {
    await turn()
    const driver = this.#driver
    if (!driver) return
    const now = driver.readNow()
    if (now.ok && now.value) this.#handOver(now.value)
    this.#endPause(driver)
    await turn()
  }

  async drain(): Promise<void> {
    if (this.#port) await attempt(this.#port.drain())
  }

  async close(): Promise<void> {
    const port = this.#port
    this.#port = undefined
    this.#driver = undefined
    this.#settings = undefined
    this.#pause += 1
    if (port?.isOpen) await attempt(port.close())
  }

  /** Has the driver call with what comes, until the port is closed or gone. */
  #listen(driver: Driver): void {
    if (this.#listening) return
    this.#listening = true
    driver.next((read) => {
      if (this.#driver !== driver) return
      this.#listening = false
      this.#fetched(driver, read)
    })
  }

  /** Takes what was read; then listens for the next bytes at once, or when the rest of the answer is about to be there. */
  #fetched(driver: Driver, read: Result<Uint8Array | undefined, Error>): void {
    if (!read.ok) {
      this.#lost(read.fault)
      return
    }
    if (read.value) this.#handOver(read.value)
    const pauseMs = this.#restMs() - MARGIN_MS
    if (pauseMs <= MARGIN_MS) {
      this.#listen(driver)
      return
    }
    this.#pause += 1
    const pause = this.#pause
    void this.#clock.sleep(durationMs(Math.min(pauseMs, FETCH_EVERY_MS))).then(() => {
      if (this.#pause === pause && this.#driver === driver) this.#fetched(driver, driver.readNow())
    })
  }

  /** A new request, or a last look: whatever comes from now on is wanted at once. */
  #endPause(driver: Driver): void {
    this.#pause += 1
    this.#listen(driver)
  }

  #lost(error: Error): void {
    this.#identified = undefined
    this.#gone = lineDownWhy('gone', { port: this.#path, message: error.message })
    const [why, listener] = [this.#gone, this.#listener]
    void this.close().then(() => listener?.onDown(why))
  }

  #handOver(bytes: Uint8Array): void {
    this.#awaited = Math.max(0, this.#awaited - bytes.length)
    this.#listener?.onData(bytes, this.#clock.mono())
  }

  /** What the rest of the answer takes on the wire. */
  #restMs(): number {
    return this.#settings ? wireMs(this.#awaited, this.#settings) : 0
  }

  async #changeSpeed(port: OpenPort, settings: LineSettings): Promise<Result<void, LineDown>> {
    if (this.#settings?.baud === settings.baud) return ok(undefined)
    const changed = await attempt(port.update({ baudRate: settings.baud }))
    if (!changed.ok) return fail(this.#downBecause(changed.fault, this.#path))
    this.#settings = settings
    return ok(undefined)
  }

  async #find(): Promise<string> {
    if (this.#identified !== undefined) return this.#identified
    return this.#identity ? relocated(this.#path, this.#identity, this.#list) : this.#path
  }

  /** Once per name: listing ports starts a program, and a line of mixed formats is opened anew every few seconds. */
  async #identify(path: string): Promise<void> {
    if (this.#identified === path) return
    this.#identified = path
    this.#identity = (await portIdentity(path, this.#list)) ?? this.#identity
  }

  #downBecause(error: Error, path: string): LineDown {
    const { message } = error
    // The driver gives no code, and its words name the path: a folder called clock is not locked.
    const words = message.replaceAll(path, '')
    if (/no such file|ENOENT/i.test(words)) return { kind: 'line_down', why: lineDownWhy('absent', { port: path }) }
    if (/is a directory|inappropriate ioctl|ENOTTY/i.test(words))
      return { kind: 'line_down', why: lineDownWhy('noPort', { port: path }) }
    if (/EIO|i\/o error|ENXIO|ENODEV/i.test(words))
      return { kind: 'line_down', why: lineDownWhy('gone', { port: path, message }) }
    if (/permission|EACCES/i.test(words)) return { kind: 'line_down', why: lineDownWhy('forbidden', { port: path }) }
    if (/lock|busy/i.test(words)) return { kind: 'line_down', why: lineDownWhy('busy', { port: path }) }
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
