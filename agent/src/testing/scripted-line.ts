import { type Clock, durationMs, ok, type Result } from '@metergate/protocol'
import type { LineDown, LineListener, LinePort, LineSettings } from '../bus/line-port.js'
import { wireMs } from '../bus/line-port.js'

/** Bytes that come `afterMs` after the last byte of the request, in chunks as given. */
export interface ScriptedChunk {
  readonly afterMs: number
  readonly bytes: Uint8Array
}

/** What the far end does with a request: the chunks that come back. `silenceMs`: how long the line had been silent before it. */
export type Script = (
  request: Uint8Array,
  facts: { readonly silenceMs: number; readonly settings: LineSettings },
) => readonly ScriptedChunk[]

/** A line in virtual time whose far end is a function. Chunks of an earlier request go on coming during later ones. */
export class ScriptedLine implements LinePort {
  readonly nature: LinePort['nature']
  readonly opened: LineSettings[] = []
  /** Shortest silence kept before any request. */
  leastSilenceMs = Number.POSITIVE_INFINITY
  requests = 0
  lastRequest = new Uint8Array(0)
  /** Called by `look`: what had arrived while the process was busy. */
  onLook: ((deliver: (bytes: Uint8Array) => void) => void) | undefined
  script: Script
  readonly #clock: Clock
  #listener: LineListener | undefined
  #settings: LineSettings | undefined
  #busyUntil = Number.NEGATIVE_INFINITY
  #isOpen = false
  /** Refuses to open while set. */
  absent: string | undefined

  constructor(clock: Clock, script: Script, nature: LinePort['nature'] = 'serial') {
    this.#clock = clock
    this.script = script
    this.nature = nature
  }

  async open(settings: LineSettings, listener: LineListener): Promise<Result<void, LineDown>> {
    if (this.absent !== undefined) return { ok: false, fault: { kind: 'line_down', why: this.absent } }
    this.#listener = listener
    this.#settings = settings
    this.#isOpen = true
    this.opened.push(settings)
    return ok(undefined)
  }

  async write(bytes: Uint8Array): Promise<Result<void, LineDown>> {
    const settings = this.#settings
    if (!this.#isOpen || !settings) return { ok: false, fault: { kind: 'line_down', why: 'not open' } }
    this.requests += 1
    this.lastRequest = bytes.slice()
    const silence = this.#clock.mono() - this.#busyUntil
    this.leastSilenceMs = Math.min(this.leastSilenceMs, silence)
    const request = wireMs(bytes.length, settings)
    this.#busyUntil = Math.max(this.#busyUntil, this.#clock.mono() + request)
    for (const chunk of this.script(bytes, { silenceMs: silence, settings })) void this.#deliver(chunk, request)
    return ok(undefined)
  }

  async look(): Promise<void> {
    this.onLook?.((bytes) => this.babble(bytes))
  }

  /** Bytes nobody asked for. */
  babble(bytes: Uint8Array): void {
    if (!this.#isOpen) return
    this.#busyUntil = Math.max(this.#busyUntil, this.#clock.mono())
    this.#listener?.onData(bytes, this.#clock.mono())
  }

  async drain(): Promise<void> {}

  async close(): Promise<void> {
    this.#isOpen = false
  }

  unplug(why = 'unplugged'): void {
    this.#isOpen = false
    this.absent = why
    this.#listener?.onDown(why)
  }

  async #deliver({ afterMs, bytes }: ScriptedChunk, request: number): Promise<void> {
    await this.#clock.sleep(durationMs(request + afterMs))
    if (!this.#isOpen) return
    this.#busyUntil = Math.max(this.#busyUntil, this.#clock.mono())
    this.#listener?.onData(bytes, this.#clock.mono())
  }
}
