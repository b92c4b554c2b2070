import type { LinePort } from '@metergate/agent'
import { type Clock, ok, type Random, randomInt } from '@metergate/protocol'
import type { Timeline } from '@metergate/simulator'
import { INTACT, type Mutation } from './bus-mutations.js'

interface FarEnd {
  readonly nature: LinePort['nature']
  answerTo(request: Uint8Array): Uint8Array | undefined
  /** An answer was spoilt in this way. */
  onSpoilt(name: string): void
}

/** One answer in so many is left whole, so that the master does not stay in its repairs for ever. */
const WHOLE = 0.125
/** More than the longest frames that a stream may still be in the middle of. */
const KEPT_BYTES = 65_536

/** A line whose far end answers with mutated frames, in chunks that mean nothing. */
export class FuzzLine implements LinePort {
  readonly nature: LinePort['nature']
  /** What came since the last request (of a socket: lately, on this connection), that request, and how its answer was spoilt. */
  readonly heard: number[] = []
  asked: Uint8Array = new Uint8Array(0)
  spoilt: string | undefined
  mutated = 0
  #listener: Parameters<LinePort['open']>[1] | undefined
  /** A socket that is opened anew forgets what was under way. */
  #connection = 0
  /** When the far end has said what it is saying. */
  #saidAt = 0

  constructor(
    private readonly timeline: Timeline,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly mutations: readonly Mutation[],
    private readonly farEnd: FarEnd,
  ) {
    this.nature = farEnd.nature
  }

  async open(...[, listener]: Parameters<LinePort['open']>): ReturnType<LinePort['open']> {
    this.#listener = listener
    return ok(undefined)
  }

  async write(request: Uint8Array): ReturnType<LinePort['write']> {
    if (this.nature === 'serial') this.heard.length = 0
    else this.heard.splice(0, this.heard.length - KEPT_BYTES)
    this.asked = request
    this.spoilt = undefined
    const answer = this.farEnd.answerTo(request)
    if (!answer) return ok(undefined)
    const mutation =
      this.random.next() < WHOLE ? undefined : this.mutations[randomInt(this.random, this.mutations.length)]
    if (mutation) {
      this.mutated += 1
      this.spoilt = mutation.name
      this.farEnd.onSpoilt(mutation.name)
    }
    this.#say(mutation ? mutation.spoil([...answer], this.random, request) : [...answer], mutation?.name === INTACT[0])
    return ok(undefined)
  }

  #say(bytes: readonly number[], bySingleBytes: boolean): void {
    const connection = this.#connection
    let atMs = 5 + this.random.next() * 60
    // On a wire two answers may run into each other; what is written to a socket comes in the order in which it was written.
    if (this.nature === 'socket') atMs = Math.max(atMs, this.#saidAt - this.clock.mono())
    for (const part of bySingleBytes ? bytes.map((byte) => [byte]) : this.#twoParts(bytes)) {
      if (part.length === 0) continue
      atMs += this.random.next() * (bySingleBytes ? 2 : 30)
      this.timeline.after(atMs, () => {
        if (connection !== this.#connection) return
        this.heard.push(...part)
        this.#listener?.onData(Uint8Array.from(part), this.clock.mono())
      })
    }
    this.#saidAt = this.clock.mono() + atMs
  }

  #twoParts(bytes: readonly number[]): readonly (readonly number[])[] {
    const cut = this.random.next() < 0.5 ? bytes.length : randomInt(this.random, bytes.length + 1)
    return [bytes.slice(0, cut), bytes.slice(cut)]
  }

  async look(): Promise<void> {}
  async drain(): Promise<void> {}
  async close(): Promise<void> {
    if (this.nature !== 'socket') return
    this.#connection += 1
    this.#saidAt = 0
    this.heard.length = 0
  }
}
