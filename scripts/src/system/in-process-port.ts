import type { LineDown, LineListener, LinePort, LineSettings } from '@metergate/agent'
import { type Clock, fail, ok, type Result } from '@metergate/protocol'
import type { ByteLink, InProcessLine } from '@metergate/simulator'

/** The agent's side of a simulated line without a pty: any clock, parity and all. */
export class InProcessPort implements LinePort {
  readonly nature = 'serial'
  readonly #line: InProcessLine
  readonly #clock: Clock
  #link: ByteLink | undefined
  #settings: LineSettings | undefined

  constructor(line: InProcessLine, clock: Clock) {
    this.#line = line
    this.#clock = clock
  }

  async open(settings: LineSettings, listener: LineListener): Promise<Result<void, LineDown>> {
    const isSame = this.#settings?.baud === settings.baud && this.#settings.format === settings.format
    if (this.#link && isSame) return ok(undefined)
    const link = this.#line.open(settings)
    if (!link) return fail({ kind: 'line_down', why: 'the simulated adapter is unplugged' })
    link.onData((bytes) => listener.onData(bytes, this.#clock.mono()))
    link.onClose(() => {
      if (this.#link === link) this.#link = undefined
      listener.onDown('the simulated adapter was pulled')
    })
    this.#link = link
    this.#settings = settings
    return ok(undefined)
  }

  async write(bytes: Uint8Array): Promise<Result<void, LineDown>> {
    if (!this.#link) return fail({ kind: 'line_down', why: 'not open' })
    this.#link.write(bytes)
    return ok(undefined)
  }

  async look(): Promise<void> {}
  async drain(): Promise<void> {}

  async close(): Promise<void> {
    this.#link?.close()
    this.#link = undefined
    this.#settings = undefined
  }
}
