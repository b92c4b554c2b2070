import type { Scheduler } from '../kernel/scheduler.js'
import type { ByteLink } from './byte-link.js'
import type { SerialLine } from './serial-line.js'
import type { SerialSettings } from './timing.js'

/** A line with its adapter inside this process: no pty, any scheduler, parity and all. */
export class InProcessLine {
  readonly #line: SerialLine
  readonly #scheduler: Scheduler
  #link: InProcessLink | undefined
  #plugged = true

  constructor(line: SerialLine, scheduler: Scheduler) {
    this.#line = line
    this.#scheduler = scheduler
    line.onMasterData((bytes) => this.#link?.receive(bytes))
  }

  get plugged(): boolean {
    return this.#plugged
  }

  /** Opens the adapter at these settings, or gives undefined while it is unplugged. A second opening takes over. */
  open(settings: SerialSettings): ByteLink | undefined {
    if (!this.#plugged) return undefined
    const link = new InProcessLink((bytes) => {
      if (this.#link === link) this.#line.masterSend(bytes, settings, this.#scheduler.now())
    })
    this.#link = link
    return link
  }

  /** Pulls the adapter: the open link closes, bytes under way are lost. */
  unplug(): void {
    this.#plugged = false
    const link = this.#link
    this.#link = undefined
    link?.closeFromFarSide()
  }

  replug(): void {
    this.#plugged = true
  }
}

class InProcessLink implements ByteLink {
  readonly #send: (bytes: Uint8Array) => void
  readonly #dataListeners: ((bytes: Uint8Array) => void)[] = []
  readonly #closeListeners: (() => void)[] = []
  #open = true

  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send
  }

  write(bytes: Uint8Array): void {
    if (this.#open) this.#send(bytes.slice())
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#dataListeners.push(listener)
  }

  onClose(listener: () => void): void {
    this.#closeListeners.push(listener)
  }

  close(): void {
    this.#open = false
  }

  receive(bytes: Uint8Array): void {
    if (this.#open) for (const listener of this.#dataListeners) listener(bytes)
  }

  closeFromFarSide(): void {
    if (!this.#open) return
    this.#open = false
    for (const listener of this.#closeListeners) listener()
  }
}
