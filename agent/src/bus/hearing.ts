import { type Clock, type EpochMs, epochMs, fail, type MonoMs, ok, type Result } from '@metergate/protocol'
import { type BusFault, refusalOf } from './bus-fault.js'
import type { Inbox } from './inbox.js'
import { type LinePort, type LineSettings, wireMs } from './line-port.js'
import type { OpenEnd, Question, Sighting, UnitKey } from './question.js'
import type { UnitTiming } from './unit-timing.js'

/** An answer that is certainly the question's own. */
export interface Heard {
  readonly data: Uint8Array
  readonly more: boolean
  readonly at: { readonly mono: MonoMs; readonly wall: EpochMs }
  readonly turnaroundMs: number
  readonly durationMs: number
}

/** `value`: wait for an answer that is certainly this question's. `resync`: any answer of its shape will do, it is thrown away. */
export type Purpose = 'value' | 'resync'

/** A line that babbles is heard this long beyond the time-out. */
const BABBLE_MS = 1000
/** Reply of a serial server: what the network may add. */
const NETWORK_MS = 200

/** A frame that some unit sent. */
export type Frame = Extract<Sighting, { kind: 'answer' | 'refusal' }>
export type Judgement = 'mine' | 'late'

/** What the wait for an answer needs of the guard. */
export interface Ears {
  readonly clock: Clock
  readonly port: LinePort
  readonly inbox: Inbox
  readonly timing: UnitTiming
  expects(unit: UnitKey, shape: string): boolean
  judge(sighting: Frame): Judgement
  stray(bytes: Uint8Array): void
  echo(): void
  talked(at: number): void
  hangUp(why: string): Promise<void>
  down(why: string): Result<never, BusFault>
}

/** The wait for one answer, from the last byte sent to the verdict. */
export class Hearing {
  readonly #question: Question
  readonly #purpose: Purpose
  readonly #begun: number
  readonly #sent: number
  readonly #settings: LineSettings
  readonly #ears: Ears
  #latestWake = 0

  constructor(question: Question, purpose: Purpose, begun: number, sent: number, settings: LineSettings, ears: Ears) {
    this.#question = question
    this.#purpose = purpose
    this.#begun = begun
    this.#sent = sent
    this.#settings = settings
    this.#ears = ears
  }

  async outcome(signal: AbortSignal | undefined): Promise<Result<Heard, BusFault>> {
    const { clock, inbox, port } = this.#ears
    const deadline = this.#sent + this.#ears.timing.timeoutMs + this.#viaNetworkMs()
    const giveUp = deadline + wireMs(this.#question.longestAnswer, this.#settings) + BABBLE_MS
    for (;;) {
      const { answer, open } = this.#hear(false)
      if (answer) return answer
      if (inbox.down !== undefined) return this.#ears.down(inbox.down)
      const gapEnd = (inbox.lastAt ?? clock.mono()) + this.#question.gapMs
      // What looks like the beginning of an answer may be noise, and the answer still to come.
      const mayBeNoise = open?.kind === 'partial' && this.#question.outwaitsNoise
      const until = Math.min(giveUp, mayBeNoise ? Math.max(deadline, gapEnd) : open ? gapEnd : deadline)
      const heard = inbox.heard
      await inbox.wait(until, Math.max(open?.need ?? 0, this.#question.shortest, this.#grown(open)), signal)
      if (clock.mono() < until && inbox.heard > heard) continue
      if (inbox.down !== undefined) continue
      // A timer of a blocked event loop fires before the bytes that came meanwhile are handed over: look again.
      this.#latestWake = Math.max(this.#latestWake, clock.mono() - until)
      await port.look()
      if (inbox.heard > heard && clock.mono() < giveUp + this.#latestWake) continue
      return this.#hear(true).answer ?? this.#nothing(open)
    }
  }

  /** Without an unfinished frame the next byte may begin one, with a damaged one the next may complete a later one. */
  #grown(open: OpenEnd | undefined): number {
    return open?.kind === 'partial' ? 0 : this.#ears.inbox.bytes.length + 1
  }

  #hear(final: boolean): { answer?: Result<Heard, BusFault>; open?: OpenEnd | undefined } {
    const { inbox } = this.#ears
    const { sightings, open } = this.#question.scan(inbox.bytes, this.#ears.expects, final)
    let at = 0
    for (const sighting of sightings) {
      this.#ears.stray(inbox.bytes.subarray(at, sighting.start))
      at = sighting.end
      if (sighting.kind === 'echo') {
        this.#ears.echo()
        continue
      }
      const answer = this.#answer(sighting)
      if (!answer) continue
      inbox.drop(at)
      return { answer }
    }
    inbox.drop(at)
    return { open: open && { ...open, start: open.start - at, need: open.need - at } }
  }

  #answer(sighting: Frame): Result<Heard, BusFault> | undefined {
    const { unit, shape, refusal } = this.#question
    const fits = sighting.unit === unit && (sighting.shape === shape || sighting.shape === refusal)
    const certain = this.#ears.judge(sighting) === 'mine'
    if (!fits || (!certain && this.#purpose !== 'resync')) return undefined
    this.#ears.talked(this.#ears.inbox.arrivalOf(sighting.end - 1))
    const heard = this.#heard(sighting)
    if (certain && this.#latestWake === 0) this.#ears.timing.answered(heard.turnaroundMs)
    if (sighting.kind === 'answer') return ok(heard)
    // Where only the order of answers is to be proved, a gateway's word closes the question like any other refusal.
    const isGateways = this.#purpose === 'value' && unit.startsWith('modbus:')
    return fail(
      isGateways
        ? refusalOf(sighting.code, Math.round(heard.turnaroundMs))
        : { kind: 'exception', code: sighting.code },
    )
  }

  #heard(frame: Frame): Heard {
    const { clock, inbox } = this.#ears
    const mono = inbox.arrivalOf(frame.end - 1)
    return {
      data: frame.data,
      more: frame.more,
      at: { mono, wall: epochMs(Math.round(clock.wall() - (clock.mono() - mono))) },
      turnaroundMs: Math.max(0, inbox.beginningOf(frame, this.#settings) - this.#sent),
      durationMs: mono - this.#begun,
    }
  }

  async #nothing(open: OpenEnd | undefined): Promise<Result<Heard, BusFault>> {
    const { inbox, clock } = this.#ears
    // A piece of our own request that came back is no answer, not even a damaged one.
    const isEcho = Buffer.from(this.#question.bytes).includes(Buffer.from(inbox.bytes))
    const received = isEcho ? '' : Buffer.from(inbox.bytes).toString('hex')
    this.#ears.stray(inbox.bytes)
    inbox.drop(inbox.bytes.length)
    await this.#ears.hangUp('closed after an unanswered request, so that a late answer is not delivered')
    if (open?.kind === 'crc' && !isEcho) return fail({ kind: 'crc', received })
    if (open && !isEcho) return fail({ kind: 'bad_frame', received, why: 'the answer broke off' })
    if (received.length > 0)
      return fail({ kind: 'bad_frame', received, why: 'bytes came, but no answer to this request' })
    return fail({ kind: 'timeout', waitedMs: Math.round(clock.mono() - this.#sent) })
  }

  /** A serial server sends the request on over its own wire, and the answer back in one piece. */
  #viaNetworkMs(): number {
    if (this.#ears.port.nature !== 'socket') return 0
    return NETWORK_MS + wireMs(this.#question.bytes.length + this.#question.answerLength, this.#settings)
  }
}
