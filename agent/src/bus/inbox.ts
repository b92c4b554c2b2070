import type { Clock, MonoMs } from '@metergate/protocol'
import { Alarm } from './alarm.js'
import { type LineSettings, wireMs } from './line-port.js'

/** Longest stretch worth keeping: four of the longest frames. Older bytes of a babbling line are let go. */
const MOST_BYTES = 1024

const NOTHING = new Uint8Array(0)

/** Who waits for bytes: one at a time. */
interface Waiter {
  readonly until: number
  readonly wanted: number
  readonly signal: AbortSignal | undefined
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Where bytes land until somebody makes sense of them. Waiting is woken by the bytes themselves, never by polling. */
export class Inbox {
  readonly #clock: Clock
  #bytes: Uint8Array = NOTHING
  /** Chunk borders: offset of the end of each chunk in `#bytes`, and when it came. */
  #chunks: { end: number; at: MonoMs }[] = []
  #lastAt: MonoMs | undefined
  #heard = 0
  #down: string | undefined
  #waiter: Waiter | undefined
  /** The signal whose abort is listened for; a daemon's is the same from answer to answer, so it is asked only once. */
  #heeded: AbortSignal | undefined
  readonly #alarm: Alarm
  readonly #onAbort = (): void => {
    const waiter = this.#waiter
    if (waiter?.signal?.aborted) this.#free()?.reject(waiter.signal.reason)
  }

  constructor(clock: Clock) {
    this.#clock = clock
    this.#alarm = new Alarm(
      clock,
      () => this.#rung(),
      (reason) => this.#free()?.reject(reason),
    )
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** When the last byte came, ever. */
  get lastAt(): MonoMs | undefined {
    return this.#lastAt
  }

  /** Bytes heard since the beginning; grows with every byte, so that "anything new?" is a comparison. */
  get heard(): number {
    return this.#heard
  }

  /** Why the line is down, if it went down since `reset`. */
  get down(): string | undefined {
    return this.#down
  }

  push(bytes: Uint8Array, at: MonoMs): void {
    this.#heard += bytes.length
    this.#lastAt = at
    this.#bytes = this.#bytes.length === 0 ? bytes : joined(this.#bytes, bytes)
    this.#chunks.push({ end: this.#bytes.length, at })
    if (this.#bytes.length > MOST_BYTES) this.drop(this.#bytes.length - MOST_BYTES)
    if (this.#waiter && this.#bytes.length >= this.#waiter.wanted) this.#free()?.resolve()
  }

  lost(why: string): void {
    this.#down = why
    this.#free()?.resolve()
  }

  /** After a fresh opening. */
  reset(): void {
    this.#down = undefined
  }

  /** When the byte at `offset` came. */
  arrivalOf(offset: number): MonoMs {
    const chunk = this.#chunks.find((each) => each.end > offset) ?? this.#chunks.at(-1)
    return chunk?.at ?? this.#lastAt ?? this.#clock.mono()
  }

  /**
   * When the bytes from `start` to `end` began to come. A chunk is stamped when it is handed over; on a wire the first byte cannot have
   * come later than its length before the last.
   */
  beginningOf({ start, end }: { readonly start: number; readonly end: number }, settings: LineSettings): number {
    return Math.min(this.arrivalOf(start), this.arrivalOf(end - 1) - wireMs(end - start, settings))
  }

  /** Takes the first `count` bytes away. */
  drop(count: number): void {
    if (count >= this.#bytes.length) {
      this.#bytes = NOTHING
      this.#chunks = []
      return
    }
    this.#bytes = this.#bytes.slice(count)
    this.#chunks = this.#chunks.flatMap(({ end, at }) => (end > count ? [{ end: end - count, at }] : []))
  }

  /** Resolves once `wanted` bytes lie here, the line is down, or `until` has come, whichever is first. */
  wait(until: number, wanted: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#down !== undefined || this.#bytes.length >= wanted || until <= this.#clock.mono())
      return Promise.resolve()
    this.#heed(signal)
    return new Promise((resolve, reject) => {
      this.#waiter = { until, wanted, signal, resolve, reject }
      this.#alarm.set(until)
    })
  }

  /** Nobody will wait any more for now: no timer is left behind. */
  rest(): void {
    this.#alarm.off()
    this.#heed(undefined)
  }

  #rung(): void {
    const waiter = this.#waiter
    if (!waiter) return
    if (this.#clock.mono() >= waiter.until) this.#free()?.resolve()
    else this.#alarm.set(waiter.until)
  }

  #free(): Waiter | undefined {
    const waiter = this.#waiter
    this.#waiter = undefined
    return waiter
  }

  #heed(signal: AbortSignal | undefined): void {
    if (this.#heeded === signal) return
    this.#heeded?.removeEventListener('abort', this.#onAbort)
    signal?.addEventListener('abort', this.#onAbort)
    this.#heeded = signal
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
