import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { randomInt } from '@metergate/protocol'
import { SeededRandom, Timeline, VirtualClock } from '@metergate/simulator'
import { FuzzLine } from './bus-fuzz-line.js'
import { guarded, guardedTcp, type RigMaster } from './bus-line.js'
import { type FuzzProtocol, MUTATIONS } from './bus-mutations.js'
import { isProven } from './bus-proof.js'
import { answerOf, isTrue, type RigRead, tcpAnswer, UNITS } from './bus-truth.js'
import type { RigResult } from './rig.js'

/** A read that takes longer than this on the line's own clock hangs. */
const LONGEST_READ_MS = 10_000
/** The heap may wander by this much between the first tenth and the end. */
const HEAP_MIB = 8
const HEAP_SLICE = 0.1

/** What became of the mutations of one kind. */
interface Fate {
  sent: number
  /** The true value was read all the same: the mutation left it whole, or spoilt something behind it. */
  true: number
  /** Another value was read, from a frame that is right in everything the protocol checks: see {@link isProven}. */
  undetectable: number
  /** A value was read that stands in no right frame. */
  unproven: number
}

interface Fuzzed {
  reads: number
  good: number
  undetectable: number
  unproven: number
  hangs: number
  worstRealMs: number
  readonly throws: string[]
  readonly kinds: Record<string, Fate>
}

/**
 * So many mutated frames of a protocol through the bus. A violation is a value that stands in no right frame, anything thrown past the
 * bus, a read that hangs, or memory that grows. `master`: a planted one must be found out.
 */
export async function busFuzz(
  protocol: FuzzProtocol,
  wanted: number,
  master: RigMaster = protocol === 'modbus_tcp' ? guardedTcp : guarded(protocol),
): Promise<RigResult> {
  const fuzz = new Fuzz(protocol, master)
  const { mutated, grownMiB, heapMiB: late } = await fuzz.run(wanted)
  const { seen } = fuzz
  return {
    rig: 'bus-fuzz',
    runs: mutated,
    violations: seen.throws.length + seen.hangs + seen.unproven + (grownMiB > HEAP_MIB ? 1 : 0),
    notes: {
      protocol,
      ...seen,
      heapMiB: round(late),
      heapGrownMiB: round(grownMiB),
      worstRealMs: round(seen.worstRealMs),
    },
  }
}

class Fuzz {
  readonly seen: Fuzzed = {
    reads: 0,
    good: 0,
    undetectable: 0,
    unproven: 0,
    hangs: 0,
    worstRealMs: 0,
    throws: [],
    kinds: {},
  }
  readonly #random = new SeededRandom(36)
  readonly #timeline = new Timeline()
  readonly #clock = new VirtualClock(this.#timeline)
  readonly #line: FuzzLine
  readonly #read: ReturnType<RigMaster>

  constructor(
    private readonly protocol: FuzzProtocol,
    master: RigMaster,
  ) {
    this.#line = new FuzzLine(this.#timeline, this.#clock, this.#random.fork('line'), MUTATIONS[protocol], {
      nature: protocol === 'modbus_tcp' ? 'socket' : 'serial',
      answerTo: (request) =>
        protocol === 'modbus_tcp'
          ? tcpAnswer(request)
          : UNITS.map((unit) => answerOf(protocol, request, unit)).find((bytes) => bytes !== undefined),
      onSpoilt: (name) => {
        this.#fate(name).sent += 1
      },
    })
    this.#read = master(this.#line, this.#clock)
  }

  async run(wanted: number): Promise<{ mutated: number; grownMiB: number; heapMiB: number }> {
    let early: number | undefined
    const work = async (): Promise<void> => {
      while (this.#line.mutated < wanted && this.seen.throws.length < 10 && this.seen.unproven < 100) {
        await this.#once()
        if (early === undefined && this.#line.mutated > wanted * HEAP_SLICE) early = heapMiB()
      }
    }
    await this.#timeline.settle(work(), 1e13)
    const late = heapMiB()
    return { mutated: this.#line.mutated, grownMiB: late - (early ?? late), heapMiB: late }
  }

  async #once(): Promise<void> {
    const { seen } = this
    const request = this.#question()
    const [begun, real] = [this.#clock.mono(), performance.now()]
    try {
      const outcome = await this.#read(request)
      if (outcome.ok) this.#judge(request, outcome.value)
    } catch (error) {
      seen.throws.push(error instanceof Error ? error.message : String(error))
    }
    seen.reads += 1
    seen.worstRealMs = Math.max(seen.worstRealMs, performance.now() - real)
    if (this.#clock.mono() - begun > LONGEST_READ_MS) seen.hangs += 1
  }

  #judge(request: RigRead, data: Uint8Array): void {
    const { heard, asked, spoilt } = this.#line
    const isRight = isTrue(this.protocol === 'dlt645' ? 'dlt645' : 'modbus', request, data)
    const isFramed = isProven(this.protocol, request, data, heard, asked)
    const fate = isFramed ? (isRight ? 'true' : 'undetectable') : 'unproven'
    this.seen.good += 1
    if (fate !== 'true') this.seen[fate] += 1
    if (spoilt !== undefined) this.#fate(spoilt)[fate] += 1
  }

  #fate(name: string): Fate {
    this.seen.kinds[name] ??= { sent: 0, true: 0, undetectable: 0, unproven: 0 }
    return this.seen.kinds[name]
  }

  #question(): RigRead {
    const random = this.#random
    return {
      unit: 1 + randomInt(random, 3),
      function: random.next() < 0.7 ? 3 : 4,
      block: randomInt(random, 50) * 4,
      count: 1 + randomInt(random, 40),
    }
  }
}

const round = (value: number): number => Math.round(value * 10) / 10

/** What is still held after a collection. */
function heapMiB(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
  return process.memoryUsage().heapUsed / 2 ** 20
}
