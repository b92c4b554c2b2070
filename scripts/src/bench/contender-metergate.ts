import { createBus, DEFAULT_BACKOFF, MeterSession, PollLoop, SystemClock, unitKey } from '@metergate/agent'
import { durationMs, type MeterId, meterIdSchema, type Stamp } from '@metergate/protocol'
import { benchProfile, LINE, TURNAROUND_MS } from './bus-case.js'
import { type MasterReport, report, type Task, unitsOf, WARM_REQUESTS } from './contender.js'

const meterOf = (unit: number): MeterId => meterIdSchema.parse(`meter-${unit}`)

/** The agent's own poll loop, with a cadence no line can keep, so that it never waits. */
export async function metergateLoop(task: Task): Promise<MasterReport> {
  const { dead, cycles, windowMs } = task
  const clock = new SystemClock()
  const units = unitsOf(task)
  const live = units.filter((unit) => !dead.has(unit))
  const profile = benchProfile()
  const facts = new Map(
    units.map((unit) => [unitKey({ protocol: 'modbus', unit }), { turnaround: profile.turnaround_ms }] as const),
  )
  const bus = createBus({ kind: 'serial', path: task.device, ...LINE }, clock, facts)
  const times = new Map<MeterId, number[]>()
  let failed = 0
  let silent = 0
  const stamp = (): Stamp => ({ boot: clock.bootId, mono: clock.mono(), wall: clock.wall(), quality: 'S' })
  const settings = { ...LINE, turnaroundMs: TURNAROUND_MS }
  const sessions = units.map((unit) => {
    const meter = { id: meterOf(unit), profile, target: { unit }, ratio: undefined, limits: {}, settings }
    return new MeterSession(meter, bus, stamp, () => clock.mono())
  })
  const every = durationMs(250)
  const loop = new PollLoop(
    clock,
    sessions.map((session) => ({ session, cadences: { power: every, energy: every, rare: every } })),
    {
      reading: ({ record, fault }) => {
        if (dead.has(Number(record.meter.slice('meter-'.length)))) return
        if (fault) failed += 1
        times.set(record.meter, [...(times.get(record.meter) ?? []), clock.mono()])
      },
      silent: () => {
        silent += 1
      },
      back: () => {},
      skipped: () => {},
    },
    // A unit that has been dead for long is probed once a minute: that is what is measured, without the first, quicker probes.
    { ...DEFAULT_BACKOFF, firstMs: DEFAULT_BACKOFF.longestMs },
  )
  const stop = new AbortController()
  const done = loop.start(stop.signal)
  const least = (): number => Math.min(...live.map((unit) => times.get(meterOf(unit))?.length ?? 0))
  const until = async (isDone: () => boolean): Promise<void> => {
    // Seldom: what the bench itself costs is counted with the rest.
    while (!isDone()) await clock.sleep(durationMs(250))
  }
  await until(() => least() >= 2 && silent >= dead.size && bus.health().line.requests >= WARM_REQUESTS)
  times.clear()
  failed = 0
  const before = { requests: bus.health().line.requests, since: process.cpuUsage(), at: clock.mono() }
  await until(() => least() > cycles && clock.mono() - before.at >= windowMs)
  const cycleMs = cycleOf([...times.values()])
  const spanMs = clock.mono() - before.at
  const requests = bus.health().line.requests - before.requests
  const result = report({ spanMs, cycles: spanMs / cycleMs, requests, failed, since: before.since })
  stop.abort()
  await done
  await bus.close()
  return result
}

/** Mean time between two readings of a meter, over all meters. */
function cycleOf(times: readonly (readonly number[])[]): number {
  const spans = times.map((at) => ((at.at(-1) ?? 0) - (at[0] ?? 0)) / (at.length - 1))
  return spans.reduce((sum, each) => sum + each, 0) / spans.length
}
