import { type Clock, type DurationMs, durationMs, type MeterId, type MonoMs } from '@metergate/protocol'
import type { BusFault } from '../bus/bus-fault.js'
import { Backoff, type BackoffOptions, DEFAULT_BACKOFF } from '../meter/backoff.js'
import type { MeterSession, PollGroup, PollOutcome } from '../meter/meter-session.js'
import { firstSlot, nextSlot } from './grid.js'

/** How often each group of one meter is wanted. */
export type Cadences = Readonly<Record<PollGroup, DurationMs>>

export interface PolledMeter {
  readonly session: MeterSession
  readonly cadences: Cadences
}

export interface PollSink {
  /** Every poll of a meter that counts as alive, good or not. */
  reading(outcome: PollOutcome): void
  /** The meter went silent; its polls stop and it is probed now and then. */
  silent(meter: MeterId, fault: BusFault | undefined, missed: number): void
  /** It answers again. */
  back(meter: MeterId, silentForMs: number): void
  /** Slots that passed while the line was busy. */
  skipped(meter: MeterId, slots: number): void
}

/** A probe in vain takes this long at most on ordinary lines; a shorter pause in the schedule is not used for one. */
const PROBE_MS = 600
/** A probe may be this early when there is a pause to make it in, so that it need not push a poll aside when it is due. */
const PROBE_AHEAD_MS = 2_000
/** While the line is down a probe only tries to open it, this often. */
const LINE_DOWN_MS = 1_000
/** Groups due this close together are asked in one pass. */
const TOGETHER_MS = 50
/** With nothing due the loop still looks up this often, so that a step of the schedule is never slept through. */
const LONGEST_NAP_MS = 60_000

interface Entry {
  readonly id: MeterId
  readonly meter: PolledMeter
  readonly due: Map<PollGroup, MonoMs>
  /** When its last poll began. */
  askedAt: number
}

/**
 * Polls the meters of one line, each group on the clock's grid. The line is one talker, so this is one loop: the poll due
 * first goes first; a meter that stopped answering leaves the schedule and is probed, one probe between two polls, so that
 * a dead meter never takes the cadence of the live ones (see {@link Backoff}).
 */
export class PollLoop {
  readonly #entries: readonly Entry[]
  readonly #backoff: Backoff
  #lineIsDown = false

  constructor(
    private readonly clock: Clock,
    meters: readonly PolledMeter[],
    private readonly sink: PollSink,
    private readonly options: BackoffOptions = DEFAULT_BACKOFF,
  ) {
    this.#entries = meters.map((meter) => ({
      id: meter.session.setup.id,
      meter,
      due: new Map(),
      askedAt: Number.NEGATIVE_INFINITY,
    }))
    this.#backoff = new Backoff(clock, options)
  }

  /** Polls until `signal` aborts; resolves then. A poll under way is broken off and leaves nothing. */
  async start(signal: AbortSignal): Promise<void> {
    for (const entry of this.#entries) this.#schedule(entry)
    try {
      await this.#work(signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = this.clock.mono()
      const live = this.#nextLive()
      const pauseMs = live === undefined ? LONGEST_NAP_MS : live.at - now
      const aheadMs = pauseMs >= PROBE_MS ? PROBE_AHEAD_MS : 0
      // A line without pauses probes too: what is due goes first, and the share it may take is bounded.
      const probe = this.#entryOf(this.#backoff.dueProbe(aheadMs))
      if (probe) await this.#probe(probe, signal)
      else if (live && pauseMs <= TOGETHER_MS / 2) await this.#poll(live.entry, signal)
      else await this.clock.sleep(this.#napMs(now, live?.at, this.#backoff.nextProbeAt(aheadMs)), signal)
    }
  }

  #napMs(now: number, ...instants: readonly (number | undefined)[]): DurationMs {
    const waits = instants.map((at) => (at === undefined ? LONGEST_NAP_MS : at - now))
    return durationMs(Math.max(1, Math.min(LONGEST_NAP_MS, ...waits)))
  }

  #entryOf(id: string | undefined): Entry | undefined {
    return id === undefined ? undefined : this.#entries.find((entry) => entry.id === id)
  }

  #schedule({ meter, due }: Entry): void {
    for (const group of ['power', 'energy', 'rare'] as const) {
      if (meter.session.itemsOf(group).length > 0) due.set(group, firstSlot(this.clock, meter.cadences[group]))
    }
    // What is wanted once an hour is wanted once at the start, too.
    if (due.has('rare')) due.set('rare', due.get('energy') ?? due.get('power') ?? this.clock.mono())
  }

  /**
   * Due first goes first; of those due together the one asked longest ago. So each keeps its place, hence its cadence, and where the
   * line has too little time for all it is never the same meter that loses its slot.
   */
  #nextLive(): { readonly entry: Entry; readonly at: number } | undefined {
    const live = this.#entries.filter(({ id }) => this.#backoff.isLive(id))
    const first = Math.min(...live.map(earliest))
    let best: Entry | undefined
    for (const entry of live)
      if (earliest(entry) <= first + TOGETHER_MS && (!best || entry.askedAt < best.askedAt)) best = entry
    return best && Number.isFinite(first) ? { entry: best, at: first } : undefined
  }

  async #poll(entry: Entry, signal: AbortSignal): Promise<void> {
    const begun = this.clock.mono()
    entry.askedAt = begun
    const groups = [...entry.due].filter(([, at]) => at <= begun + TOGETHER_MS).map(([group]) => group)
    const outcome = await entry.meter.session.poll(groups, signal)
    if (signal.aborted) return
    for (const group of groups) this.#reschedule(entry, group, begun)
    this.sink.reading(outcome)
    if (this.#verdict(entry, outcome, begun) === 'went_silent')
      this.sink.silent(entry.id, outcome.fault, this.options.deadAfter)
  }

  async #probe(entry: Entry, signal: AbortSignal): Promise<void> {
    const begun = this.clock.mono()
    const before = this.#backoff.presence(entry.id)
    const outcome = await entry.meter.session.poll([...entry.due.keys()], signal)
    if (signal.aborted || this.#verdict(entry, outcome, begun) !== 'came_back') return
    this.sink.back(entry.id, before.kind === 'silent' ? this.clock.mono() - before.since : 0)
    this.sink.reading(outcome)
    this.#schedule(entry)
  }

  /** What an outcome says of the meter. A refusal is an answer; a line that is down says nothing about its meters. */
  #verdict(entry: Entry, { answered, fault }: PollOutcome, begun: number): 'went_silent' | 'came_back' | undefined {
    if (answered === 0 && fault?.kind === 'line_down') {
      this.#lineIsDown = true
      this.#backoff.lineDown(LINE_DOWN_MS)
      return undefined
    }
    // Nothing was asked, as the meter refuses all of it: a group that says nothing of the others, which may find it dead.
    if (answered === 0 && fault === undefined && this.#backoff.isLive(entry.id)) return undefined
    // Whoever fell silent with the line may be back with it.
    if (this.#lineIsDown) this.#backoff.probeAllSoon()
    this.#lineIsDown = false
    if (answered > 0 || fault === undefined || fault.kind === 'exception') return this.#backoff.answered(entry.id)
    return this.#backoff.missed(entry.id, this.clock.mono() - begun)
  }

  #reschedule(entry: Entry, group: PollGroup, begun: MonoMs): void {
    const due = entry.due.get(group)
    if (due === undefined) return
    const next = nextSlot(this.clock, due, entry.meter.cadences[group], begun)
    entry.due.set(group, next.due)
    if (next.skipped > 0) this.sink.skipped(entry.id, next.skipped)
  }
}

/** When the first of a meter's groups is due; never, when it has none. */
const earliest = ({ due }: Entry): number => Math.min(...due.values())
