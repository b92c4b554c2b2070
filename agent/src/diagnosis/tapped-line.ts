import type { Clock, Result } from '@metergate/protocol'
import type { LineDown, LineListener, LinePort, LineSettings } from '../bus/line-port.js'

/** Bytes as they passed, with their instant in milliseconds since the tap was made. */
export interface Tapped {
  readonly atMs: number
  readonly direction: 'out' | 'in'
  readonly bytes: Uint8Array
}

/** More than this is no record for a ticket any more; the beginning is what matters. */
const MOST_ENTRIES = 20_000

/** A line that notes every byte passing over it and changes nothing. */
export class TappedLine implements LinePort {
  readonly #line: LinePort
  readonly #clock: Clock
  readonly #begun: number
  readonly #tape: Tapped[] = []

  constructor(line: LinePort, clock: Clock) {
    this.#line = line
    this.#clock = clock
    this.#begun = clock.mono()
  }

  get nature(): LinePort['nature'] {
    return this.#line.nature
  }

  get tape(): readonly Tapped[] {
    return this.#tape
  }

  open(settings: LineSettings, listener: LineListener): Promise<Result<void, LineDown>> {
    return this.#line.open(settings, {
      onData: (bytes, at) => {
        this.#note('in', bytes, at)
        listener.onData(bytes, at)
      },
      onDown: (why) => listener.onDown(why),
    })
  }

  write(bytes: Uint8Array, answerLength?: number): Promise<Result<void, LineDown>> {
    this.#note('out', bytes, this.#clock.mono())
    return this.#line.write(bytes, answerLength)
  }

  look(): Promise<void> {
    return this.#line.look()
  }

  drain(): Promise<void> {
    return this.#line.drain()
  }

  close(): Promise<void> {
    return this.#line.close()
  }

  #note(direction: Tapped['direction'], bytes: Uint8Array, at: number): void {
    if (this.#tape.length < MOST_ENTRIES) this.#tape.push({ atMs: at - this.#begun, direction, bytes: bytes.slice() })
  }
}
