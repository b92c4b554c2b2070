import { type AnchorRecord, type Clock, durationMs } from '@metergate/protocol'
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
  /** Once an anchor is on disk: readings that waited for it can be dated. */
  readonly onAnchor: (anchor: NonNullable<ClockFinding['anchor']>) => void
}

/** Watches the wall clock: a step is written down, and whoever vouches for the time gives an anchor to date readings by. */
export class ClockWatch {
  constructor(private readonly parts: ClockWatchParts) {}

  /** Compares wall and monotonic time every few seconds until `signal` aborts. */
  watch(signal: AbortSignal): Promise<void> {
    return repeat(this.parts.clock, WATCH_EVERY, signal, () => this.#learn(this.parts.trust.watch()))
  }

  /** Asks the operating system once. */
  async askSystem(): Promise<void> {
    const { clock, trust } = this.parts
    // A step until now is seen first: the answer then speaks of the clock after it.
    this.#learn(trust.watch())
    const asked = clock.mono()
    const evidence = await this.parts.clockEvidence()
    if (evidence) this.#learn(trust.systemEvidence(evidence, asked))
  }

  keepAskingSystem(signal: AbortSignal): Promise<void> {
    return pauseThenRepeat(this.parts.clock, ASK_SYSTEM_EVERY, signal, () => this.askSystem())
  }

  /** The cloud told its time in an answer. */
  heardServer({ serverWall, roundTripMs }: Pick<ServerTimeSample, 'serverWall' | 'roundTripMs'>): void {
    this.#learn(this.parts.trust.serverTime(serverWall, roundTripMs))
  }

  #learn({ anchor, steppedMs, dispute }: ClockFinding): void {
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
    if (!anchor) return
    const record: AnchorRecord = { kind: 'anchor', stamp: trust.stamp(), ...anchor }
    void journal.keep([record], true).then((stored) => {
      if (stored) onAnchor(anchor)
    })
  }
}
