import { setMaxListeners } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, invariant, minutes, seconds } from '@metergate/protocol'
import { SeededRandom, Timeline, Trace, VirtualClock } from '@metergate/simulator'
import { GatewayProcess } from './box.js'
import type { PlantedBug } from './bugs.js'
import { WorldCloud } from './cloud.js'
import { drawFaults, type Ending, type WorldFaults } from './faults.js'
import { Life, MortalClock } from './life.js'
import { Link } from './link.js'
import { LogWatch } from './log-watch.js'
import { copyStore, forgetNumbers, Medium, storeBytes } from './medium.js'
import { type BootFacts, checkFresh, deviceFacts, judge, type Violation } from './oracle.js'
import { EPOCH_MS, worldConfig, worldMeters } from './plant.js'
import { type FaultCounts, Provoked } from './provoked.js'
import { Ledger } from './told-store.js'
import { Wire } from './wire.js'

export interface WorldOptions {
  readonly seed: number
  readonly bug?: PlantedBug
  /** Drawn from the seed when left out. */
  readonly faults?: WorldFaults
  readonly onLine?: (line: string) => void
}

export interface WorldOutcome {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** Two runs of a seed are the same run exactly when these agree. */
  readonly trace: string
  readonly told: number
  readonly polls: number
  readonly boots: number
  readonly batches: number
  readonly intervals: number
  readonly provoked: FaultCounts
}

/** After the faults: long enough for every pause that was under way to end and the backlog to drain. */
const CALM_MS = minutes(22)
/** Timers of loops and time-outs in a gateway of three meters, called-off ones included until their instant. */
const MOST_TIMERS = 40
const FRESH_AFTER_MS = minutes(5)
/** Nothing old is left for so long: everything has come right. */
const QUIET_MS = minutes(2)

/** Runs one world from its seed and judges it. */
export async function runWorld(options: WorldOptions): Promise<WorldOutcome> {
  const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const folder = mkdtempSync(join(base, 'metergate-world-'))
  try {
    const world = await World.create(options, folder)
    return await world.run()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

class World {
  private readonly trace = new Trace()
  private readonly provoked = new Provoked()
  private readonly random: SeededRandom
  private readonly loaded = worldConfig()
  private readonly ledger = new Ledger()
  private readonly boots: BootFacts[] = []
  private readonly violations: Violation[] = []
  private readonly log: LogWatch
  private readonly wire: Wire
  private readonly link: Link
  private readonly medium: Medium
  private readonly meters
  private process: { readonly life: Life; readonly opened: GatewayProcess; readonly stop: AbortController } | undefined
  private stopped: Promise<void> | undefined
  private clock: VirtualClock | undefined
  private ntpSince: number | undefined
  private folders = 0
  private last = -1
  private current: string

  private constructor(
    private readonly options: WorldOptions,
    private readonly folder: string,
    private readonly faults: WorldFaults,
    private readonly timeline: Timeline,
    private readonly cloud: WorldCloud,
  ) {
    this.random = new SeededRandom(`run-${options.seed}`)
    this.meters = worldMeters(options.seed)
    this.log = new LogWatch(() => timeline.now())
    const { trace, random, meters, provoked } = this
    this.wire = new Wire({
      timeline,
      random: random.fork('wire'),
      faults: faults.bus,
      faultyMs: faults.faultyMs,
      meters,
      epochAt: this.epochAt,
      trace,
      provoked,
    })
    const { faultyMs } = faults
    this.link = new Link({
      timeline,
      random: random.fork('link'),
      faults: faults.link,
      faultyMs,
      cloud,
      trace,
      provoked,
      bug: options.bug,
    })
    this.medium = new Medium(timeline, random.fork('medium'), faults.disk, provoked)
    this.current = join(folder, 'box-0')
  }

  static async create(options: WorldOptions, folder: string): Promise<World> {
    const timeline = new Timeline()
    const cloud = await WorldCloud.open(join(folder, 'cloud.sqlite'), () => EPOCH_MS + timeline.now())
    return new World(options, folder, options.faults ?? drawFaults(options.seed), timeline, cloud)
  }

  async run(): Promise<WorldOutcome> {
    const { faults, timeline } = this
    mkdirSync(this.current, { recursive: true })
    for (const { atMs, byMs } of faults.clock.steps) timeline.after(atMs, () => this.stepClock(byMs))
    this.boot(0)
    for (let at = 0; at < faults.faultyMs; at += minutes(1)) {
      await timeline.advance(minutes(1))
      this.checkSize()
    }
    const outcome = await this.calm()
    await this.cloud.store.close()
    return outcome
  }

  /** No more faults: a fresh reading within five minutes, then everything where it belongs. */
  private async calm(): Promise<WorldOutcome> {
    const { timeline } = this
    this.say('calm')
    this.process?.life.spare()
    await timeline.advance(FRESH_AFTER_MS)
    this.violations.push(...(await checkFresh(this.cloud, this.loaded)))
    let quietMs = 0
    for (let ms: number = FRESH_AFTER_MS; ms < CALM_MS && quietMs < QUIET_MS; ms += minutes(1)) {
      await timeline.advance(minutes(1))
      quietMs = !this.faults.longCalm && this.isDrained() ? quietMs + minutes(1) : 0
    }
    this.checkSize()
    const { process } = this
    invariant(process?.life.alive, 'the last process lives on')
    const device = deviceFacts(process.opened.store)
    if (timeline.waiting > MOST_TIMERS)
      this.violations.push({ invariantName: 'I8', what: `${timeline.waiting} timers are left running` })
    process.stop.abort()
    await timeline.settle(this.stopped ?? Promise.resolve(), minutes(2))
    const verdict = await judge({
      cloud: this.cloud,
      ledger: this.ledger,
      boots: this.boots,
      served: this.wire.served,
      meters: this.meters,
      loaded: this.loaded,
      device,
    })
    this.violations.push(...verdict.violations, ...this.log.violations)
    for (const { invariantName, what } of this.violations) this.say(`VIOLATION ${invariantName}: ${what}`)
    return {
      seed: this.options.seed,
      violations: this.violations,
      trace: this.trace.hash(),
      told: this.ledger.count,
      polls: this.wire.served.length,
      boots: this.boots.length,
      batches: verdict.batches,
      intervals: verdict.intervals,
      provoked: this.provoked.counts,
    }
  }

  /** Nothing waits but what is too young to be sealed. */
  private isDrained(): boolean {
    const store = this.process?.opened.store
    if (!store || store.isLeaving()) return false
    const { streams, degraded } = store.health()
    if (degraded !== undefined) return false
    return streams.every(
      ({ unacknowledged, unsealed, oldestUnsealedAgeMs = 0 }) =>
        unacknowledged === unsealed && oldestUnsealedAgeMs < QUIET_MS,
    )
  }

  // ---- the box

  private readonly epochAt = (ms: number): number => EPOCH_MS + ms

  private boot(number: number): void {
    const { faults, timeline, options } = this
    const ending = timeline.now() < faults.faultyMs ? faults.endings[number] : undefined
    // A crash of the process leaves the machine, its boot id and its clocks as they are; every other one is a power cycle.
    const clock = this.clock && (number % 2 === 1 || number === this.last) ? this.clock : this.machine()
    this.last = number
    const life = new Life(ending?.kind === 'crash_at_step' ? ending.step : Number.POSITIVE_INFINITY)
    life.onDeath = () => this.died(number, ending)
    const random = this.random.fork(`process-${number}`)
    const mortal: Clock = new MortalClock(clock, life)
    this.say(`process ${number} starts, boot ${clock.bootId}`)
    const opened = GatewayProcess.open({
      folder: this.current,
      clock: mortal,
      life,
      random,
      loaded: this.loaded,
      wire: this.wire,
      medium: this.medium,
      faults,
      ledger: this.ledger,
      uplink: this.link.uplink(mortal, life),
      log: this.log,
      clockEvidence: () => (this.ntpSince === undefined ? undefined : { source: 'timesyncd', errorMs: 100 }),
      bug: options.bug,
    })
    if (!opened.ok) {
      this.say(`process ${number} cannot start: ${opened.fault.why}`)
      // Whatever keeps a service alive tries again.
      if (life.alive) timeline.after(seconds(10), () => this.boot(number))
      return
    }
    // After the start, which would find marks below what the rows hold.
    if (options.bug === 'reuses_numbers') forgetNumbers(this.current)
    if (!life.alive) {
      timeline.after(0, () => void opened.value.store.close())
      return
    }
    const stop = new AbortController()
    // Sixteen exchanges at once end by this one signal.
    setMaxListeners(0, stop.signal)
    this.process = { life, opened: opened.value, stop }
    this.stopped = opened.value.gateway.start(stop.signal)
    if (ending?.kind === 'crash') timeline.after(ending.afterMs, () => life.kill())
    if (ending?.kind === 'stop') timeline.after(ending.afterMs, () => void this.stopCleanly(number, ending))
  }

  /** A machine that was switched on: a new boot id, a monotonic clock from zero, and perhaps 1970. */
  private machine(): VirtualClock {
    const { timeline, faults } = this
    const { without, driftPpm, ntpAfterMs } = faults.clock
    const wrong = without
      ? -(EPOCH_MS + timeline.now()) + this.random.next() * 60_000
      : (this.random.next() - 0.5) * 1_000
    const bootId = `boot-${this.boots.length}`
    if (without) this.provoked.add('boot_in_1970')
    const clock = new VirtualClock(timeline, {
      bootId,
      epochAtZeroMs: EPOCH_MS,
      wallErrorMs: Math.round(wrong),
      driftPpm,
    })
    this.clock = clock
    this.ntpSince = undefined
    this.boots.push({ bootId, bornMs: timeline.now(), rate: 1 + driftPpm / 1e6 })
    if (ntpAfterMs !== undefined) timeline.after(ntpAfterMs, () => this.synchronise(clock))
    return clock
  }

  /** The network's time: sets the clock, and holds it from now on until somebody sets it wrong. */
  private synchronise(clock: VirtualClock): void {
    if (clock !== this.clock) return
    clock.stepWall(clock.trueWall() - clock.wall())
    this.ntpSince = this.timeline.now()
    this.say('the network sets the clock')
    this.timeline.after(minutes(5), () => {
      if (this.ntpSince !== undefined) this.synchronise(clock)
    })
  }

  private stepClock(byMs: number): void {
    this.clock?.stepWall(byMs)
    this.provoked.add('clock_step')
    this.ntpSince = undefined
    this.say(`the wall clock is set by ${byMs} ms`)
  }

  private died(number: number, ending: Ending | undefined): void {
    const { timeline } = this
    invariant(ending, 'only what was to end dies')
    this.provoked.add(ending.kind)
    this.say(`process ${number} dies`)
    const old = this.process?.opened.store
    this.process = undefined
    this.folders += 1
    const next = join(this.folder, `box-${this.folders}`)
    copyStore(this.current, next)
    this.current = next
    // Makes an end of the file handles once its code has run to where it waits for ever.
    timeline.after(0, () => void old?.close())
    timeline.after(this.pause(ending), () => this.boot(number + 1))
  }

  private async stopCleanly(number: number, ending: Ending): Promise<void> {
    const { process } = this
    // In the calm nobody stops it: a program that has just started shows nothing yet, and that is no fault.
    if (!process?.life.alive || this.timeline.now() >= this.faults.faultyMs) return
    this.provoked.add('stop')
    this.say(`process ${number} is asked to stop`)
    process.stop.abort()
    await this.stopped
    this.process = undefined
    this.timeline.after(this.pause(ending), () => this.boot(number + 1))
  }

  /** Power comes back when the faults end, at the latest. */
  private pause({ downMs }: Ending): number {
    return Math.min(downMs, Math.max(0, this.faults.faultyMs - this.timeline.now()))
  }

  private checkSize(): void {
    const { capBytes } = this.faults.disk
    const size = storeBytes(this.current)
    if (size > capBytes * 1.1)
      this.violations.push({ invariantName: 'I8', what: `store ${size} bytes, cap ${capBytes}` })
  }

  private say(line: string): void {
    const text = `${(this.timeline.now() / 1000).toFixed(3)} ${line}`
    this.trace.add(text)
    this.options.onLine?.(text)
  }
}
