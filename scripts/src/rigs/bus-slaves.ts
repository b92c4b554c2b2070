import { type BackoffOptions, type BusHealth, DEFAULT_BACKOFF, PollLoop, SerialBus, unitKey } from '@metergate/agent'
import { durationMs } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { buildLine, InProcessLine, Timeline, VirtualClock } from '@metergate/simulator'
import { benchPlant, LINE, TURNAROUND_MS } from '../bench/bus-case.js'
import { factsOf, pollSessions } from '../bench/bus-virtual.js'
import { InProcessPort } from '../system/in-process-port.js'
import { Findings, type RigResult } from './rig.js'

const NOW = Date.UTC(2026, 10, 23, 2)
const UNITS = [1, 2, 3, 4, 5, 6, 7, 8]
const [DEAD, SLOW] = [3, 6]
const SLOW_MS = 3_000
const EVERY_MS = 2_000
/** What the live meters keep, and how soon they are read again after the plug is back. */
const LEAST_CADENCE = 0.95
const BACK_WITHIN_MS = 30_000
const SETTLE_MS = 120_000
const UNPLUGGED_MS = 60_000

/**
 * Eight meters polled every two seconds in virtual time, one of them dead and one answering after three seconds; then the adapter is pulled for
 * a minute. A violation is a live meter that loses cadence, falls silent or stays away, or a sick one that the health does not show.
 */
export async function busSlaves(minutes: number, backoff: BackoffOptions = DEFAULT_BACKOFF): Promise<RigResult> {
  const slaves = new Slaves(backoff)
  const findings = new Findings()
  await slaves.pass(SETTLE_MS)
  const cadence = await slaves.cadence(minutes * 60_000)
  for (const [unit, share] of cadence)
    findings.expect(share >= LEAST_CADENCE, () => `unit ${unit} keeps ${Math.round(share * 100)} % of its cadence`)
  for (const unit of UNITS)
    findings.expect(slaves.silent.has(unit) === isSick(unit), () => `unit ${unit} is taken for the wrong thing`)
  for (const unit of [DEAD, SLOW])
    findings.expect(slaves.timeouts(unit) > 0, () => `the health shows no time-out of unit ${unit}`)
  const backMs = await slaves.backAfterUnplug()
  findings.expect(backMs <= BACK_WITHIN_MS, () => `a live meter was away for ${backMs} ms after the plug came back`)
  await slaves.stop()
  return {
    rig: 'bus-slaves',
    runs: [...slaves.readings.values()].reduce((sum, each) => sum + each, 0),
    violations: findings.count,
    notes: {
      leastCadence: Math.round(Math.min(...[...cadence.values()]) * 1000) / 1000,
      backAfterUnplugMs: Math.round(backMs),
      words: findings.words,
    },
  }
}

const isSick = (unit: number): boolean => unit === DEAD || unit === SLOW
const LIVE = UNITS.filter((unit) => !isSick(unit))

class Slaves {
  /** Good readings of each unit so far. */
  readonly readings = new Map<number, number>()
  /** Units that were taken for silent. */
  readonly silent = new Set<number>()
  readonly #timeline = new Timeline()
  readonly #clock = new VirtualClock(this.#timeline, { epochAtZeroMs: NOW })
  readonly #adapter: InProcessLine
  readonly #health: () => BusHealth
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  #awaited = new Set<number>()

  constructor(backoff: BackoffOptions) {
    const { line, faults } = buildLine({
      spec: benchPlant(UNITS.length),
      profiles: loadBuiltinProfiles(),
      scheduler: this.#timeline,
      epochAt: (at) => NOW + at,
      holdAtMs: NOW,
    })
    faults.setUnit(String(DEAD), { dead: true })
    faults.setUnit(String(SLOW), { slow_ms: SLOW_MS - TURNAROUND_MS })
    this.#adapter = new InProcessLine(line, this.#timeline)
    const port = new InProcessPort(this.#adapter, this.#clock)
    const bus = new SerialBus(port, this.#clock, { settings: LINE, units: factsOf(UNITS) })
    this.#health = () => bus.health()
    const unitOf = (meter: string): number => Number(meter.replace('meter-', ''))
    const meters = pollSessions(bus, this.#clock, UNITS, durationMs(EVERY_MS))
    const loop = new PollLoop(
      this.#clock,
      meters,
      {
        reading: ({ record, answered }) => {
          if (answered > 0) this.#heard(unitOf(record.meter))
        },
        silent: (meter) => void this.silent.add(unitOf(meter)),
        back: () => undefined,
        skipped: () => undefined,
      },
      backoff,
    )
    this.#done = loop.start(this.#stop.signal)
  }

  #heard(unit: number): void {
    this.readings.set(unit, (this.readings.get(unit) ?? 0) + 1)
    this.#awaited.delete(unit)
  }

  async pass(ms: number): Promise<void> {
    await this.#timeline.advance(ms)
  }

  /** The share of its slots in which each live meter was read. */
  async cadence(ms: number): Promise<Map<number, number>> {
    const before = new Map(this.readings)
    await this.pass(ms)
    const readOf = (unit: number): number => (this.readings.get(unit) ?? 0) - (before.get(unit) ?? 0)
    return new Map(LIVE.map((unit) => [unit, readOf(unit) / (ms / EVERY_MS)]))
  }

  timeouts(unit: number): number {
    return this.#health().units.get(unitKey({ protocol: 'modbus', unit }))?.timeout ?? 0
  }

  /** Pulls the adapter for a minute; gives the time from its return to the reading of the last live meter. */
  async backAfterUnplug(): Promise<number> {
    this.#adapter.unplug()
    await this.pass(UNPLUGGED_MS)
    this.#adapter.replug()
    const replugged = this.#clock.mono()
    this.#awaited = new Set(LIVE)
    while (this.#awaited.size > 0 && this.#clock.mono() - replugged <= 2 * BACK_WITHIN_MS) await this.pass(50)
    return this.#clock.mono() - replugged
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#timeline.settle(this.#done)
  }
}
