import { durationMs, invariant, meterIdSchema } from '@metergate/protocol'
import { findProfile, loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { describe, expect, it } from 'vitest'
import type { BusFault } from '../bus/bus-fault.js'
import { SerialBus } from '../bus/serial-bus.js'
import { MeterSession } from '../meter/meter-session.js'
import { ScriptedLine } from '../testing/scripted-line.js'
import { answerTo, exception, parseRequest } from '../testing/scripted-meter.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { PollLoop } from './poll-loop.js'

const line = { baud: 9600, format: '8N1' } as const
const profiles = loadBuiltinProfiles()
const MINUTE = 60_000

interface Seen {
  readonly polls: Map<string, number[]>
  readonly silent: { readonly meter: string; readonly fault: BusFault['kind'] | undefined; readonly at: number }[]
  readonly back: { readonly meter: string; readonly silentForMs: number; readonly at: number }[]
  skipped: number
}

/** Meters 1..count on a line at 9600 baud in virtual time, each asked for its power values every `periodMs`. */
class Bench {
  readonly clock = new VirtualClock()
  readonly dead = new Set<number>()
  readonly refusing = new Set<number>()
  /** Units a gateway says it heard nothing of. */
  readonly unreached = new Set<number>()
  /** What the meters say to a read of their power values, if not these. */
  lacking: 'exception' | 'silence' | undefined
  readonly asked: number[] = []
  readonly seen: Seen = { polls: new Map(), silent: [], back: [], skipped: 0 }
  readonly port = new ScriptedLine(this.clock, (request) => {
    const { unit = 0, address = 0 } = parseRequest(request) ?? {}
    this.asked.push(unit)
    const lacks = address >= 8192 ? this.lacking : undefined
    if (this.dead.has(unit) || lacks === 'silence') return []
    const code = lacks ? 2 : this.refusing.has(unit) ? 6 : this.unreached.has(unit) ? 0x0b : undefined
    const bytes = code === undefined ? answerTo(request) : exception(unit, 3, code)
    return [{ afterMs: 15 + bytes.length * (10_000 / line.baud), bytes }]
  })
  readonly #stop = new AbortController()

  constructor(count: number, periodMs: number) {
    const profile = findProfile('chint-dtsu666', profiles)
    invariant(profile, 'the library has the DTSU666')
    const bus = new SerialBus(this.port, this.clock, { settings: line })
    const meters = Array.from({ length: count }, (_, index) => ({
      session: new MeterSession(
        {
          id: meterIdSchema.parse(`m${index + 1}`),
          profile,
          target: { unit: index + 1 },
          ratio: undefined,
          limits: {},
          settings: { ...line, turnaroundMs: 15 },
        },
        bus,
        (mono) => ({ boot: this.clock.bootId, mono, wall: this.clock.wall(), quality: 'S' }),
        () => this.clock.mono(),
      ),
      cadences: { power: durationMs(periodMs), energy: durationMs(MINUTE), rare: durationMs(60 * MINUTE) },
    }))
    const loop = new PollLoop(this.clock, meters, {
      reading: ({ record, answered }) => {
        if (answered > 0) this.#note(record.meter)
      },
      silent: (meter, fault) => this.seen.silent.push({ meter, fault: fault?.kind, at: this.clock.mono() }),
      back: (meter, silentForMs) => this.seen.back.push({ meter, silentForMs, at: this.clock.mono() }),
      skipped: (_, slots) => {
        this.seen.skipped += slots
      },
    })
    this.ended = loop.start(this.#stop.signal)
  }

  readonly ended: Promise<void>

  /** Good polls of each meter in the next `ms`. */
  async count(ms: number): Promise<number[]> {
    const from = this.clock.mono()
    await this.clock.advance(ms)
    return [...this.seen.polls.values()].map((instants) => instants.filter((at) => at >= from).length)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.clock.runUntil(this.ended)
  }

  #note(meter: string): void {
    this.seen.polls.set(meter, [...(this.seen.polls.get(meter) ?? []), this.clock.mono()])
  }
}

const sum = (counts: readonly number[]): number => counts.reduce((total, each) => total + each, 0)

describe('dead meters on a line', () => {
  it.each([
    [8, 1, 0.98],
    [32, 3, 0.97],
  ])('of %i meters %i dead: the others keep at least %f of their cadence', async (all, dead, share) => {
    // 189 ms each, and 141 ms more once a minute: four fifths of the line.
    const periodMs = all * 250
    const bench = new Bench(all, periodMs)
    await bench.count(10_000)
    for (let unit = 1; unit <= dead; unit++) bench.dead.add(unit)
    await bench.count(2 * MINUTE)
    const slots = 100
    const counts = await bench.count(slots * periodMs)
    const live = counts.filter((polls) => polls > 0)
    expect(live).toHaveLength(all - dead)
    expect(Math.min(...live) / slots).toBeGreaterThanOrEqual(share)
    await bench.stop()
  })

  it.each([
    [8, 1, 0.98],
    [32, 3, 0.97],
  ])('of %i meters %i dead on a line without a pause: the others get at least %f of it', async (all, dead, share) => {
    const alone = new Bench(all - dead, 100)
    await alone.count(MINUTE)
    const best = sum(await alone.count(3 * MINUTE))
    await alone.stop()

    const bench = new Bench(all, 100)
    for (let unit = 1; unit <= dead; unit++) bench.dead.add(unit)
    await bench.count(5 * MINUTE)
    const before = bench.port.requests
    expect(sum(await bench.count(3 * MINUTE)) / best).toBeGreaterThanOrEqual(share)
    expect(bench.seen.skipped).toBeGreaterThan(0)

    // A line that is never free still looks after its dead.
    expect(bench.port.requests).toBeGreaterThan(before)
    const revived = bench.clock.mono()
    bench.dead.clear()
    await bench.count(MINUTE + 2_000)
    expect(bench.seen.back).toHaveLength(dead)
    for (const { at } of bench.seen.back) expect(at - revived).toBeLessThanOrEqual(MINUTE + 1_000)
    await bench.stop()
  })

  it('is back within one probe period of being able to answer, and in the schedule again', async () => {
    const bench = new Bench(8, 2_000)
    await bench.count(10_000)
    bench.dead.add(3)
    await bench.count(30 * MINUTE)
    bench.dead.delete(3)
    const revived = bench.clock.mono()
    await bench.count(MINUTE + 1_000)
    const [back] = bench.seen.back
    expect(bench.seen.silent).toMatchObject([{ meter: 'm3', fault: 'timeout' }])
    expect(back?.meter).toBe('m3')
    expect((back?.at ?? Number.POSITIVE_INFINITY) - revived).toBeLessThanOrEqual(MINUTE)
    expect(back?.silentForMs).toBeGreaterThan(29 * MINUTE)
    // Thirty slots; one meter's is lost when all are asked for their energy too, which is more than two seconds hold.
    expect(Math.min(...(await bench.count(MINUTE)))).toBeGreaterThanOrEqual(29)
    await bench.stop()
  })

  it('are not those that refuse: an exception is an answer', async () => {
    const bench = new Bench(2, 1_000)
    bench.refusing.add(2)
    await bench.count(5 * MINUTE)
    expect(bench.seen.silent).toEqual([])
    await bench.stop()
  })

  it('are found out although they refuse all that is asked of them oftenest', async () => {
    const bench = new Bench(1, 1_000)
    bench.lacking = 'exception'
    await bench.count(5 * MINUTE)
    bench.dead.add(1)
    await bench.count(5 * MINUTE)
    expect(bench.seen.silent).toMatchObject([{ meter: 'm1', fault: 'timeout' }])
    await bench.stop()
  })

  it('are not those that say nothing to what is asked of them oftenest, once that has been found out', async () => {
    const bench = new Bench(1, 1_000)
    bench.lacking = 'silence'
    await bench.count(30 * MINUTE)
    bench.seen.silent.length = 0
    await bench.count(60 * MINUTE)
    expect(bench.seen.silent).toEqual([])
    expect((await bench.count(10 * MINUTE))[0]).toBeGreaterThanOrEqual(9)
    await bench.stop()
  })

  it('are those of which a gateway says that it heard nothing', async () => {
    const bench = new Bench(2, 1_000)
    bench.unreached.add(2)
    await bench.count(2 * MINUTE)
    expect(bench.seen.silent).toMatchObject([{ meter: 'm2', fault: 'timeout' }])
    bench.asked.length = 0
    await bench.count(2 * MINUTE)
    // Probes, each of which ends with its first read.
    expect(bench.asked.filter((unit) => unit === 2).length).toBeLessThanOrEqual(4)
    bench.unreached.clear()
    await bench.count(MINUTE + 1_000)
    expect(bench.seen.back).toMatchObject([{ meter: 'm2' }])
    await bench.stop()
  })

  it('are not those behind an adapter that was pulled; who fell silent before is asked as soon as it is back', async () => {
    const bench = new Bench(4, 1_000)
    await bench.count(5_000)
    bench.dead.add(4)
    await bench.count(10 * MINUTE)
    expect(bench.seen.silent.map(({ meter }) => meter)).toEqual(['m4'])
    bench.port.unplug()
    await bench.count(10 * MINUTE)
    expect(bench.seen.silent.map(({ meter }) => meter)).toEqual(['m4'])
    bench.dead.clear()
    bench.port.absent = undefined
    await bench.count(5_000)
    expect(bench.seen.back.map(({ meter }) => meter)).toEqual(['m4'])
    expect(Math.min(...(await bench.count(MINUTE)))).toBeGreaterThanOrEqual(59)
    await bench.stop()
  })

  it('cost nothing but their probes when none is left', async () => {
    const bench = new Bench(3, 1_000)
    for (const unit of [1, 2, 3]) bench.dead.add(unit)
    await bench.count(10 * MINUTE)
    const before = bench.port.requests
    await bench.count(10 * MINUTE)
    // Each once a minute, at most with one resynchronising read.
    expect(bench.port.requests - before).toBeLessThanOrEqual(3 * 10 * 2 + 6)
    expect(bench.port.requests - before).toBeGreaterThanOrEqual(3 * 10 - 3)
    bench.port.unplug()
    await bench.count(3 * MINUTE)
    await bench.stop()
  })
})

describe('meters due together', () => {
  it('keep their places, so that each is read at its own even distance', async () => {
    const bench = new Bench(8, 2_000)
    await bench.count(10_000)
    // Between two full minutes, when energy is asked too.
    await bench.clock.advance(MINUTE)
    const from = bench.clock.mono()
    await bench.count(40_000)
    for (const instants of bench.seen.polls.values()) {
      const seen = instants.filter((at) => at >= from)
      expect(seen.length).toBe(20)
      for (const [index, at] of seen.slice(1).entries()) expect(at - (seen[index] ?? at)).toBeCloseTo(2_000, 0)
    }
    await bench.stop()
  })

  it('lose a slot in turns where the line has too little time for all of them', async () => {
    const bench = new Bench(8, 2_000)
    await bench.count(10_000)
    const counts = await bench.count(16 * MINUTE)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2)
    await bench.stop()
  })
})

describe('a step of the wall clock', () => {
  it.each([3_600_000, -3_600_000, 777, -7.2e10])('of %d ms neither bursts nor stalls the polls', async (step) => {
    const bench = new Bench(2, 1_000)
    await bench.count(10_000)
    bench.clock.stepWall(step)
    const counts = await bench.count(MINUTE)
    for (const polls of counts) {
      expect(polls).toBeGreaterThanOrEqual(57)
      expect(polls).toBeLessThanOrEqual(63)
    }
    for (const instants of bench.seen.polls.values()) {
      const gaps = instants.slice(1).map((at, index) => at - (instants[index] ?? at))
      expect(Math.max(...gaps)).toBeLessThan(1_500)
    }
    await bench.stop()
  })
})
