import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Scheduler } from '../kernel/scheduler.js'
import { Pty } from './pty.js'
import type { SerialLine } from './serial-line.js'
import { SpeedProbe } from './speed-probe.js'

export interface PtyLineOptions {
  readonly line: SerialLine
  readonly scheduler: Scheduler
  /** Speed to assume until the far side's has been read. */
  readonly baud: number
  /** A symbolic link that always points at the current device, whatever its number. */
  readonly link?: string
  /** Look up the far side's speed at each request (default), or trust `baud`: saves a stty per request. */
  readonly probeSpeed?: boolean
}

/** A simulated line behind a real pty, for any program that opens serial devices. */
export class PtyLine {
  readonly #options: PtyLineOptions
  #pty: Pty | undefined
  #probe: SpeedProbe | undefined
  #baud: number
  /** Bytes whose speed is being looked up, in order. */
  #queue: Promise<void> = Promise.resolve()

  constructor(options: PtyLineOptions) {
    this.#options = options
    this.#baud = options.baud
  }

  /** Creates the device and starts to answer; gives its path. */
  start(): string {
    this.#options.line.onMasterData((bytes) => this.#pty?.write(bytes))
    return this.replug()
  }

  get path(): string | undefined {
    return this.#pty?.path
  }

  /** Removes the device as if the adapter were pulled. */
  unplug(): void {
    this.#pty?.close()
    this.#probe?.close()
    this.#pty = undefined
    this.#probe = undefined
    if (this.#options.link) rmSync(this.#options.link, { force: true })
  }

  /** A new device, under another name if the kernel gives one; the link follows. */
  replug(): string {
    this.unplug()
    const pty = new Pty((bytes) => this.#receive(bytes))
    this.#pty = pty
    if (this.#options.probeSpeed !== false) this.#probe = new SpeedProbe(pty.path)
    if (this.#options.link) {
      mkdirSync(dirname(resolve(this.#options.link)), { recursive: true })
      symlinkSync(pty.path, this.#options.link)
    }
    return pty.path
  }

  stop(): void {
    this.unplug()
  }

  /** The wire's time runs from the bytes' arrival, however long the look-up takes. */
  #receive(bytes: Uint8Array): void {
    const atMs = this.#options.scheduler.now()
    const probe = this.#probe
    const send = (): void => this.#options.line.masterSend(bytes, { baud: this.#baud, format: undefined }, atMs)
    if (!probe) {
      send()
      return
    }
    const asked = probe.ask()
    this.#queue = this.#queue.then(async () => {
      this.#baud = (await asked) ?? this.#baud
      send()
    })
  }
}
