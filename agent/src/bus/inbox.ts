import { type Clock, durationMs, type MonoMs } from '@metergate/protocol'

/** Longest stretch worth keeping: four of the longest frames. Older bytes of a babbling line are let go. */
const MOST_BYTES = 1024

/** Made once: an abort without a reason makes an exception with a stack, for every answer. */
const WOKEN = Symbol('woken')

/** Where bytes land until somebody makes sense of them. Waiting is woken by the bytes themselves, never by polling. */
export class Inbox {
  readonly #clock: Clock
  #bytes = new Uint8Array(0)
  /** Chunk borders: offset of the end of each chunk in `#bytes`, and when it came. */
  #chunks: { end: number; at: MonoMs }[] = []
  #lastAt: MonoMs | undefined
  #heard = 0
  #down: string | undefined
  #wake: (() => void) | undefined
  #wanted = 0

  constructor(clock: Clock) {
    this.#clock = clock
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
    const joined = new Uint8Array(this.#bytes.length + bytes.length)
    joined.set(this.#bytes)
    joined.set(bytes, this.#bytes.length)
    this.#bytes = joined
    this.#chunks.push({ end: joined.length, at })
    if (joined.length > MOST_BYTES) this.drop(joined.length - MOST_BYTES)
    if (this.#bytes.length >= this.#wanted) this.#wake?.()
  }

  lost(why: string): void {
    this.#down = why
    this.#wake?.()
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

  /** Takes the first `count` bytes away. */
  drop(count: number): void {
    this.#bytes = this.#bytes.slice(count)
    this.#chunks = this.#chunks.flatMap(({ end, at }) => (end > count ? [{ end: end - count, at }] : []))
  }

  /** Resolves once `wanted` bytes lie here, the line is down, or `until` has come, whichever is first. */
  async wait(until: number, wanted: number, signal?: AbortSignal): Promise<void> {
    const left = until - this.#clock.mono()
    if (left <= 0 || this.#down !== undefined || this.#bytes.length >= wanted) return
    // Not AbortSignal.any: its signals pile up on one that lives as long as the daemon.
    const stop = new AbortController()
    const onAbort = (): void => stop.abort(WOKEN)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#wanted = wanted
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    const slept = this.#clock.sleep(durationMs(left), stop.signal).catch((reason: unknown) => {
      if (!stop.signal.aborted) throw reason
    })
    try {
      signal?.throwIfAborted()
      await Promise.race([woken, slept])
      signal?.throwIfAborted()
    } finally {
      this.#wake = undefined
      signal?.removeEventListener('abort', onAbort)
      stop.abort(WOKEN)
    }
  }
}
