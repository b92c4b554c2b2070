import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { LinePort } from '@metergate/agent'
import { type Clock, ok, type Result, randomInt, withCrc } from '@metergate/protocol'
import { SeededRandom, Timeline, VirtualClock } from '@metergate/simulator'
import { guarded, type RigMaster } from './bus-line.js'
import { answerOf, isTrue, type RigProtocol, type RigRead } from './bus-truth.js'
import type { RigResult } from './rig.js'

/** A read that takes longer than this on the line's own clock hangs. */
const LONGEST_READ_MS = 10_000
/** The heap may wander by this much between the first tenth and the end. */
const HEAP_MIB = 8
const HEAP_SLICE = 0.1

type Mutation = (bytes: number[], random: SeededRandom) => number[]

const spliced: Mutation = (bytes, random) => {
  const at = randomInt(random, bytes.length + 1)
  const removed = randomInt(random, 4)
  const added = Array.from(random.bytes(1 + randomInt(random, 4)))
  return [...bytes.slice(0, at), ...added, ...bytes.slice(at + removed)]
}

const flipped: Mutation = (bytes, random) => {
  const copy = [...bytes]
  for (let i = 0; i <= randomInt(random, 4); i += 1) {
    const at = randomInt(random, copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << randomInt(random, 8))
  }
  return copy
}

/** What no meter should ever say: each kind has found, or could find, a parser that trusts its input. */
const MUTATIONS: readonly Mutation[] = [
  flipped,
  spliced,
  (bytes, random) => bytes.slice(0, randomInt(random, bytes.length)),
  (bytes, random) => bytes.slice(randomInt(random, bytes.length)),
  (bytes) => [...bytes, ...bytes],
  (_, random) => Array.from(random.bytes(1 + randomInt(random, 300))),
  // Lengths that promise more than comes.
  (bytes, random) =>
    bytes.map((byte, index) =>
      index === 2 || index === 9 || index === 13 ? 0xff : byte ^ (random.next() < 0.01 ? 1 : 0),
    ),
  // Starts of frames, over and over.
  (_, random) =>
    Array.from({ length: 1 + randomInt(random, 400) }, () => [0x68, 0xfe, 0x16, 0x01, 0x03][randomInt(random, 5)] ?? 0),
  // A right check over a wrong frame.
  (bytes, random) => [...withCrc(Uint8Array.from(flipped(bytes.slice(0, -2), random)))],
  (bytes, random) => spliced(flipped(bytes, random), random),
]

/** A line whose far end answers with mutated frames, in chunks that mean nothing. */
class FuzzLine implements LinePort {
  readonly nature = 'serial'
  #listener: Parameters<LinePort['open']>[1] | undefined

  constructor(
    private readonly timeline: Timeline,
    private readonly clock: Clock,
    private readonly random: SeededRandom,
    private readonly answerTo: (request: Uint8Array) => Uint8Array | undefined,
  ) {}

  mutated = 0

  async open(...[, listener]: Parameters<LinePort['open']>): ReturnType<LinePort['open']> {
    this.#listener = listener
    return ok(undefined)
  }

  async write(request: Uint8Array): ReturnType<LinePort['write']> {
    const answer = this.answerTo(request)
    if (!answer) return ok(undefined)
    // One answer in eight is left whole, so that the master does not stay in its repairs for ever.
    const isWhole = this.random.next() < 0.125
    const mutate = MUTATIONS[randomInt(this.random, MUTATIONS.length)] ?? flipped
    if (!isWhole) this.mutated += 1
    const bytes = isWhole ? [...answer] : mutate([...answer], this.random)
    const cut = this.random.next() < 0.5 ? bytes.length : randomInt(this.random, bytes.length + 1)
    let atMs = 5 + this.random.next() * 60
    for (const part of [bytes.slice(0, cut), bytes.slice(cut)]) {
      if (part.length === 0) continue
      atMs += this.random.next() * 30
      this.timeline.after(atMs, () => this.#listener?.onData(Uint8Array.from(part), this.clock.mono()))
    }
    return ok(undefined)
  }

  async look(): Promise<void> {}
  async drain(): Promise<void> {}
  async close(): Promise<void> {}
}

interface Fuzzed {
  reads: number
  good: number
  /** Mutations that still carry a right check: CRC-16 lets one in 65 536 pass, the 8-bit sum of DL/T 645 one in 256. */
  undetectable: number
  hangs: number
  worstRealMs: number
  readonly throws: string[]
}

/**
 * So many mutated frames of a protocol through the bus. A violation is anything thrown past it, a read that hangs, or
 * memory that grows. `master`: a planted one must be found out.
 */
export async function busFuzz(
  protocol: RigProtocol,
  wanted: number,
  master: RigMaster = guarded(protocol),
): Promise<RigResult> {
  const random = new SeededRandom(36)
  const timeline = new Timeline()
  const clock = new VirtualClock(timeline)
  const line = new FuzzLine(timeline, clock, random.fork('line'), (request) =>
    [1, 2, 3].map((unit) => answerOf(protocol, request, unit)).find((bytes) => bytes !== undefined),
  )
  const read = master(line, clock)
  const seen: Fuzzed = { reads: 0, good: 0, undetectable: 0, hangs: 0, worstRealMs: 0, throws: [] }
  let early: number | undefined
  const work = async (): Promise<void> => {
    while (line.mutated < wanted && seen.throws.length < 10) {
      await fuzzOnce(protocol, read, clock, random, seen)
      if (early === undefined && line.mutated > wanted * HEAP_SLICE) early = heapMiB()
    }
  }
  await timeline.settle(work(), 1e13)
  const late = heapMiB()
  const grown = late - (early ?? late)
  return {
    rig: 'bus-fuzz',
    runs: line.mutated,
    violations: seen.throws.length + seen.hangs + (grown > HEAP_MIB ? 1 : 0),
    notes: {
      protocol,
      ...seen,
      heapMiB: round(late),
      heapGrownMiB: round(grown),
      worstRealMs: round(seen.worstRealMs),
    },
  }
}

async function fuzzOnce(
  protocol: RigProtocol,
  read: (request: RigRead) => Promise<Result<Uint8Array, unknown>>,
  clock: Clock,
  random: SeededRandom,
  seen: Fuzzed,
): Promise<void> {
  const request: RigRead = {
    unit: 1 + randomInt(random, 3),
    function: random.next() < 0.7 ? 3 : 4,
    block: randomInt(random, 50) * 4,
    count: 1 + randomInt(random, 40),
  }
  const [begun, real] = [clock.mono(), performance.now()]
  try {
    const outcome = await read(request)
    if (outcome.ok) seen.good += 1
    if (outcome.ok && !isTrue(protocol, request, outcome.value)) seen.undetectable += 1
  } catch (error) {
    seen.throws.push(error instanceof Error ? `${error.message} ${error.stack}` : String(error))
  }
  seen.reads += 1
  seen.worstRealMs = Math.max(seen.worstRealMs, performance.now() - real)
  if (clock.mono() - begun > LONGEST_READ_MS) seen.hangs += 1
}

const round = (value: number): number => Math.round(value * 10) / 10

/** What is still held after a collection. */
function heapMiB(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
  return process.memoryUsage().heapUsed / 2 ** 20
}
