import { parseArgs } from 'node:util'
import { createBus, DEFAULT_BACKOFF, MeterSession, PollLoop, SystemClock, unitKey } from '@metergate/agent'
import { durationMs, type MeterId, meterIdSchema, type Stamp } from '@metergate/protocol'
import modbusSerial from 'modbus-serial'
import { benchProfile, bestPlan, blocksOf, LINE, TIMEOUT_MS, TURNAROUND_MS } from './bus-case.js'

/**
 * One contender of the bus bench in a process of its own, so that its CPU time and memory are its own. Polls units
 * 1..meters as fast as it can and prints one line of JSON for the measured window.
 */
const { values: args } = parseArgs({
  options: {
    device: { type: 'string', default: '' },
    kind: { type: 'string', default: 'metergate' },
    meters: { type: 'string', default: '8' },
    /** Units that will not answer, as `3` or `3,9,20`: only to know which meters' cadence counts. */
    dead: { type: 'string', default: '' },
    cycles: { type: 'string', default: '3' },
    /** Measured instead of cycles, when a dead unit is probed now and then. */
    'window-ms': { type: 'string', default: '0' },
  },
})

/** Requests before anything is measured. */
const WARM_REQUESTS = 300

const meters = Number(args.meters)
const cycles = Number(args.cycles)
const windowMs = Number(args['window-ms'])
const dead = new Set(args.dead.split(',').filter(Boolean).map(Number))
const units = Array.from({ length: meters }, (_, index) => index + 1)
const live = units.filter((unit) => !dead.has(unit))
const clock = new SystemClock()

/** What a contender reports; `failed`: requests to live meters without a good answer. */
export interface MasterReport {
  readonly cycleMs: number
  readonly requests: number
  readonly requestsPerCycle: number
  readonly failed: number
  readonly cpuMs: number
  /** The part of it spent in the kernel. */
  readonly systemMs: number
  readonly rssMiB: number
}

function report(
  cycleMs: number,
  cyclesRun: number,
  requests: number,
  failed: number,
  cpu: NodeJS.CpuUsage,
): MasterReport {
  return {
    cycleMs,
    requests,
    requestsPerCycle: requests / cyclesRun,
    failed,
    cpuMs: (cpu.user + cpu.system) / 1000,
    systemMs: cpu.system / 1000,
    rssMiB: process.memoryUsage().rss / 2 ** 20,
  }
}

/** The agent's own poll loop, with a cadence no line can keep, so that it never waits. */
async function metergate(): Promise<MasterReport> {
  const profile = benchProfile()
  const facts = new Map(
    units.map((unit) => [unitKey({ protocol: 'modbus', unit }), { turnaround: profile.turnaround_ms }] as const),
  )
  const bus = createBus({ kind: 'serial', path: args.device, ...LINE }, clock, facts)
  const times = new Map<MeterId, number[]>()
  let failed = 0
  let silent = 0
  const stamp = (): Stamp => ({ boot: clock.bootId, mono: clock.mono(), wall: clock.wall(), quality: 'S' })
  const sessions = units.map((unit) => {
    const settings = { ...LINE, turnaroundMs: TURNAROUND_MS }
    const id = meterIdSchema.parse(`meter-${unit}`)
    return new MeterSession({ id, profile, target: { unit }, ratio: undefined, limits: {}, settings }, bus, stamp, () =>
      clock.mono(),
    )
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
  const least = (): number =>
    Math.min(...live.map((unit) => times.get(meterIdSchema.parse(`meter-${unit}`))?.length ?? 0))
  const until = async (isDone: () => boolean): Promise<void> => {
    // Seldom: what the bench itself costs is counted with the rest.
    while (!isDone()) await clock.sleep(durationMs(250))
  }
  // A gateway runs for years: what compiling its code once costs is not what a request costs.
  await until(() => least() >= 2 && silent >= dead.size && bus.health().line.requests >= WARM_REQUESTS)
  times.clear()
  failed = 0
  const before = { requests: bus.health().line.requests, cpu: process.cpuUsage(), at: clock.mono() }
  await until(() => least() > cycles && clock.mono() - before.at >= windowMs)
  const cpu = process.cpuUsage(before.cpu)
  const requests = bus.health().line.requests - before.requests
  const own = [...times.values()]
  const spans = own.map((at) => ((at.at(-1) ?? 0) - (at[0] ?? 0)) / (at.length - 1))
  const cycleMs = spans.reduce((sum, each) => sum + each, 0) / spans.length
  const result = report(cycleMs, (clock.mono() - before.at) / cycleMs, requests, failed, cpu)
  stop.abort()
  await done
  await bus.close()
  return result
}

/** A loop on modbus-serial as people write it: `blocks` per meter, one after the other, on to the next after a time-out. */
async function plainLoop(
  blocks: readonly { readonly address: number; readonly count: number }[],
): Promise<MasterReport> {
  const client = new modbusSerial.default()
  await client.connectRTUBuffered(args.device, { baudRate: LINE.baud })
  client.setTimeout(TIMEOUT_MS)
  const { read_function: fn } = benchProfile()
  let [requests, failed] = [0, 0]
  const cycle = async (): Promise<void> => {
    for (const unit of units) {
      client.setID(unit)
      for (const { address, count } of blocks) {
        requests += 1
        try {
          await (fn === 4 ? client.readInputRegisters(address, count) : client.readHoldingRegisters(address, count))
        } catch {
          if (!dead.has(unit)) failed += 1
        }
      }
    }
  }
  // As many as for metergate before anything is measured, but for the naive loop, whose cycle takes half a minute.
  while (windowMs === 0 && requests < WARM_REQUESTS) await cycle()
  requests = 0
  failed = 0
  const before = { cpu: process.cpuUsage(), at: clock.mono() }
  for (let done = 0; done < cycles; done += 1) await cycle()
  const cycleMs = (clock.mono() - before.at) / cycles
  const result = report(cycleMs, cycles, requests, failed, process.cpuUsage(before.cpu))
  await new Promise<void>((resolve) => client.close(() => resolve()))
  return result
}

function contender(): Promise<MasterReport> {
  const plan = bestPlan()
  switch (args.kind) {
    case 'blocked':
      return plainLoop(blocksOf(plan))
    case 'naive':
      return plainLoop(
        blocksOf(plan).flatMap(({ items }) => items.map(({ item }) => ({ address: item.address, count: 2 }))),
      )
    default:
      return metergate()
  }
}

process.stdout.write(`${JSON.stringify(await contender())}\n`)
