import { type AnchorRecord, type Clock, durationMs, type EpochMs, type MonoMs } from '@metergate/protocol'
import type { ClockEvidence, ClockFinding, ClockTrust } from '../reading/clock-trust.js'
import type { ServerTimeSample } from '../sync/server-time.js'
import type { Logger } from '../system/logger.js'
import type { Journal } from './journal.js'
import { pauseThenRepeat, repeat } from './repeat.js'

const WATCH_EVERY = durationMs(5_000)
const ASK_SYSTEM_EVERY = durationMs(60_000)

export interface ClockWatchParts {
  readonly clock: Clock
  readonly trust: ClockTrust
  readonly logger: Logger
  readonly journal: Journal
  /** Whether the operating system vouches for its clock. */
  readonly clockEvidence: () => Promise<ClockEvidence | undefined>
  /** Whether energy waits until somebody vouches for the clock. */
  readonly waitsForClock: () => boolean
  /** Once an anchor is on disk: readings that waited for it can be dated. */
  readonly onAnchor: (anchor: NonNullable<ClockFinding['anchor']>) => void
}

/** Watches the wall clock: a step is written down, and whoever vouches for the time gives an anchor to date readings by. */
export class ClockWatch {
  #saidThatItWaits = false

  constructor(private readonly parts: ClockWatchParts) {}

  /** Compares wall and monotonic time every few seconds until `signal` aborts. */
  watch(signal: AbortSignal): Promise<void> {
    return repeat(this.parts.clock, WATCH_EVERY, signal, () => void this.#learn(this.parts.trust.watch()))
  }

  /** Asks the operating system once. */
  async askSystem(): Promise<void> {
    const { clock, trust } = this.parts
    // A step until now is seen first: the answer then speaks of the clock after it.
    void this.#learn(trust.watch())
    const asked = clock.mono()
    const evidence = await this.parts.clockEvidence()
    if (evidence) void this.#learn(trust.systemEvidence(evidence, asked))
  }

  keepAskingSystem(signal: AbortSignal): Promise<void> {
    return pauseThenRepeat(this.parts.clock, ASK_SYSTEM_EVERY, signal, async () => {
      await this.askSystem()
      this.#sayThatItWaits()
    })
  }

  /** The cloud told its time in an answer. */
  heardServer({ serverWall, roundTripMs }: Pick<ServerTimeSample, 'serverWall' | 'roundTripMs'>): void {
    void this.#learn(this.parts.trust.serverTime(serverWall, roundTripMs))
  }

  /** A person compared the clock with a good one. True once what follows from it is on disk. */
  technicianConfirms(shown: { readonly wall: EpochMs; readonly mono: MonoMs }, errorMs: number): Promise<boolean> {
    return this.#learn(this.parts.trust.technicianConfirms(shown, errorMs))
  }

  /** A minute after the start whoever can vouch for the clock usually has. Said once, until the time is known. */
  #sayThatItWaits(): void {
    const waits = this.parts.waitsForClock()
    if (waits && !this.#saidThatItWaits)
      this.parts.logger.warn('no energy until the time is known: nobody vouches for the clock; see `metergate clock`')
    this.#saidThatItWaits = waits
  }

  async #learn({ anchor, steppedMs, dispute }: ClockFinding): Promise<boolean> {
    const { logger, journal, trust, onAnchor } = this.parts
    if (steppedMs !== undefined) {
      logger.warn('the wall clock was set', { by_ms: steppedMs })
      void journal.event('clock_step', { by_ms: steppedMs }, { urgent: true })
    }
    if (dispute) {
      const facts = { source: dispute.source, against: dispute.against, by_ms: dispute.byMs }
      logger.warn('two sources of the time disagree', facts)
      void journal.event('clock_dispute', facts, { urgent: true })
    }
    if (!anchor) return true
    const record: AnchorRecord = { kind: 'anchor', stamp: trust.stamp(), ...anchor }
    const stored = await journal.keep([record], true)
    if (stored) onAnchor(anchor)
    return stored
  }
}
