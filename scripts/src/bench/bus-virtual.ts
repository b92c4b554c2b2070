import { MeterSession, type PolledMeter, PollLoop, type PollSink, SerialBus, unitKey } from '@metergate/agent'
import { durationMs, type MeterId, meterIdSchema, type Stamp } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { buildLine, InProcessLine, Timeline, VirtualClock } from '@metergate/simulator'
import { InProcessPort } from '../system/in-process-port.js'
import { benchPlant, benchProfile, LINE, minimumMs, TURNAROUND_MS } from './bus-case.js'

const NOW = Date.UTC(2026, 10, 23, 2)
const SETTLE_MS = 100_000
/** Longer than a probe in vain takes, and the step in which one is looked for. */
const STEP_MS = 1_000
const EVERY = durationMs(250)

export interface VirtualCase {
  readonly meters: number
  readonly dead: readonly number[]
  /** Minutes of line time that are measured. */
  readonly minutes: number
}

export interface VirtualFigures {
  /** Cycle time of the live meters over the theoretical minimum. */
  readonly ratio: number
  /** Requests a strict slave ignored because less than t3.5 of silence went before. */
  readonly ignored: number
  /** From the moment the dead units could answer again to the first reading of the last of them; the first of them was probed just before. */
  readonly backAfterMs: number
}

/**
 * The bus bench's line in virtual time, with strict slaves: what the poll loop and the line discipline cost by themselves, the same
 * on every machine and under any load. The agent's computing takes no time here; {@link benchBus} measures that.
 */
export async function virtualBench({ meters, dead, minutes }: VirtualCase): Promise<VirtualFigures> {
  const timeline = new Timeline()
  const clock = new VirtualClock(timeline, { epochAtZeroMs: NOW })
  let ignored = 0
  let probedAt = Number.NEGATIVE_INFINITY
  const simulated = buildLine({
    spec: benchPlant(meters),
    profiles: loadBuiltinProfiles(),
    scheduler: timeline,
    epochAt: (at) => NOW + at,
    holdAtMs: NOW,
    strictGaps: true,
    onEvent: (event) => {
      if (event.kind !== 'request') return
      const unit = event.frame[0] ?? 0
      if (event.heardBy.length === 0 && !dead.includes(unit)) ignored += 1
      if (unit === dead[0]) probedAt = clock.mono()
    },
  })
  const port = new InProcessPort(new InProcessLine(simulated.line, timeline), clock)
  const units = Array.from({ length: meters }, (_, index) => index + 1)
  const polled = pollSessions(new SerialBus(port, clock, { settings: LINE, units: factsOf(units) }), clock, units)
  const times = new Map<MeterId, number[]>()
  const back = new Map<MeterId, number>()
  const loop = new PollLoop(clock, polled, recorder(clock, times, back))
  const stop = new AbortController()
  const done = loop.start(stop.signal)
  for (const unit of dead) simulated.faults.setUnit(String(unit), { dead: true })
  await timeline.advance(SETTLE_MS)
  times.clear()
  await timeline.advance(minutes * 60_000)
  const spans = [...times].map(([, at]) => ((at.at(-1) ?? 0) - (at[0] ?? 0)) / (at.length - 1))
  const cycleMs = spans.reduce((sum, each) => sum + each, 0) / spans.length
  // The worst moment to come to life: when the probe that would have found it has just been in vain.
  while (dead.length > 0 && clock.mono() - probedAt > STEP_MS) await timeline.advance(STEP_MS)
  await timeline.advance(STEP_MS)
  const healedAt = clock.mono()
  simulated.faults.heal()
  await timeline.advance(180_000)
  stop.abort()
  await timeline.settle(done)
  const missing = dead.some((unit) => !back.has(idOf(unit)))
  return {
    ratio: cycleMs / minimumMs(meters - dead.length),
    ignored,
    backAfterMs: missing ? Number.POSITIVE_INFINITY : Math.max(0, ...[...back.values()].map((at) => at - healedAt)),
  }
}

const idOf = (unit: number): MeterId => meterIdSchema.parse(`meter-${unit}`)

/** What the line is told of these units. */
export const factsOf = (units: readonly number[]) =>
  new Map(units.map((unit) => [unitKey({ protocol: 'modbus', unit }), { turnaround: benchProfile().turnaround_ms }]))

/** One session for each unit, every group asked at the same cadence. */
export function pollSessions(
  bus: SerialBus,
  clock: VirtualClock,
  units: readonly number[],
  every = EVERY,
): PolledMeter[] {
  const profile = benchProfile()
  const settings = { ...LINE, turnaroundMs: TURNAROUND_MS }
  const stamp = (): Stamp => ({ boot: clock.bootId, mono: clock.mono(), wall: clock.wall(), quality: 'S' })
  return units.map((unit) => ({
    session: new MeterSession(
      { id: idOf(unit), profile, target: { unit }, ratio: undefined, limits: {}, settings },
      bus,
      stamp,
      () => clock.mono(),
    ),
    cadences: { power: every, energy: every, rare: every },
  }))
}

function recorder(clock: VirtualClock, times: Map<MeterId, number[]>, back: Map<MeterId, number>): PollSink {
  return {
    reading: ({ record, answered }) => {
      if (answered > 0) times.set(record.meter, [...(times.get(record.meter) ?? []), clock.mono()])
    },
    silent: () => undefined,
    back: (meter) => void back.set(meter, clock.mono()),
    skipped: () => undefined,
  }
}
