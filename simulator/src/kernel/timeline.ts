import { invariant } from '@metergate/protocol'
import type { Scheduler } from './scheduler.js'

interface Event {
  readonly at: number
  /** Breaks ties: events of the same instant happen in the order they were asked for. */
  readonly order: number
  readonly action: () => void
  cancelled: boolean
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/**
 * Virtual time: a queue of events and the instant of the last one. Nothing happens between events, so a day
 * passes as fast as its events can be run, and the same events always happen in the same order.
 */
export class Timeline implements Scheduler {
  readonly #heap: Event[] = []
  #now: number
  #order = 0
  #ran = 0

  constructor(startMs = 0) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  /** Events run so far. */
  get ran(): number {
    return this.#ran
  }

  /** Events still waiting (cancelled ones included until their instant). */
  get waiting(): number {
    return this.#heap.length
  }

  after(delayMs: number, action: () => void): () => void {
    invariant(Number.isFinite(delayMs), `not a delay: ${delayMs}`)
    const event: Event = {
      at: this.#now + Math.max(0, delayMs),
      order: this.#order,
      action,
      cancelled: false,
    }
    this.#order += 1
    this.#push(event)
    return () => {
      event.cancelled = true
    }
  }

  /** Runs everything due within `durationMs` and ends exactly there, letting promises settle after each event. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs
    await drainMicrotasks()
    while (this.#step(end)) await drainMicrotasks()
    this.#now = end
  }

  /**
   * Runs events until `promise` settles and gives its outcome. Throws when nothing is left to happen or
   * `limitMs` of virtual time has passed: in virtual time a hang shows at once.
   */
  async settle<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let settled = false
    const mark = (): void => {
      settled = true
    }
    promise.then(mark, mark)
    const end = this.#now + limitMs
    await drainMicrotasks()
    while (!settled) {
      invariant(this.#step(end), `promise not settled at ${this.#now} ms of virtual time: ${this.#why(end)}`)
      await drainMicrotasks()
    }
    return promise
  }

  /** Runs everything due within `durationMs` without waiting for promises: for parts that only use call-backs. */
  advanceSync(durationMs: number): void {
    const end = this.#now + durationMs
    while (this.#step(end));
    this.#now = end
  }

  #why(end: number): string {
    return this.#heap.length === 0 ? 'no event is waiting' : `the limit ${end} ms is reached`
  }

  #step(end: number): boolean {
    for (;;) {
      const next = this.#heap[0]
      if (!next || next.at > end) return false
      this.#pop()
      if (next.cancelled) continue
      this.#now = next.at
      this.#ran += 1
      next.action()
      return true
    }
  }

  #push(event: Event): void {
    const heap = this.#heap
    let index = heap.push(event) - 1
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = heap[parentIndex]
      if (!parent || before(parent, event)) break
      heap[index] = parent
      index = parentIndex
    }
    heap[index] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let index = 0
    for (;;) {
      const left = heap[2 * index + 1]
      const right = heap[2 * index + 2]
      if (!left) break
      const goRight = right !== undefined && before(right, left)
      const child = goRight ? right : left
      if (before(last, child)) break
      heap[index] = child
      index = 2 * index + (goRight ? 2 : 1)
    }
    heap[index] = last
  }
}

/** A macrotask later every promise job is done, however long the chain. */
function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
