import { hours, minutes, seconds } from '@metergate/protocol'
import { SeededRandom } from '@metergate/simulator'

/** A stretch of the world's time, milliseconds since it began. */
export interface Span {
  readonly from: number
  readonly until: number
}

/** How the agent's process ends. `step`: after so many calls of its ports, wherever in the code that is. */
export type Ending =
  | { readonly kind: 'crash'; readonly afterMs: number; readonly downMs: number }
  | { readonly kind: 'crash_at_step'; readonly step: number; readonly downMs: number }
  | { readonly kind: 'stop'; readonly afterMs: number; readonly downMs: number }

/** Everything that can go wrong in one world, drawn from its seed. Chances are per exchange, frame or transaction. */
export interface WorldFaults {
  /** How long things go wrong; then comes a calm while, in which everything must come right by itself. */
  readonly faultyMs: number
  /** The calm lasts as long as it may even when everything has come right sooner: what happens only then is seen as well. */
  readonly longCalm: boolean
  /** One process after the other; when the list is used up, the last one lives on. */
  readonly endings: readonly Ending[]
  readonly link: {
    readonly outages: readonly Span[]
    /** Somebody on the way answers everything with a login page. */
    readonly portals: readonly Span[]
    readonly lostRequest: number
    readonly lostAnswer: number
    readonly duplicate: number
    /** The request reaches the cloud after the gateway has given it up. */
    readonly late: number
    /** Another status, or a 2xx that is none of ours. */
    readonly status: number
    /** A batch is said to be too large or malformed by somebody on the way. */
    readonly refused: number
    readonly slowestMs: number
  }
  readonly disk: {
    readonly capBytes: number
    readonly queueBytes: number
    readonly ballastBytes: number
    /** Almost no free room on the file system. */
    readonly nearlyFull: readonly Span[]
    /** Transactions fail with this chance while it lasts. */
    readonly failing: readonly (Span & {
      readonly chance: number
      readonly code: 'SQLITE_FULL' | 'SQLITE_IOERR_WRITE'
    })[]
  }
  readonly clock: {
    readonly driftPpm: number
    /** A box without a battery clock: each boot begins in 1970. */
    readonly without: boolean
    /** Time until the network's time sets the clock, in each boot; undefined: never. */
    readonly ntpAfterMs: number | undefined
    readonly steps: readonly { readonly atMs: number; readonly byMs: number }[]
  }
  readonly bus: {
    readonly noAnswer: number
    readonly garbled: number
    readonly cutShort: number
    readonly exception: number
    readonly late: number
    readonly noise: number
    readonly silent: readonly (Span & { readonly meter: number })[]
    readonly unplugged: readonly Span[]
  }
}

const MIB = 1024 * 1024

/** A world in which nothing goes wrong for so long, to put single faults into. */
export function noFaults(faultyMs: number): WorldFaults {
  return {
    faultyMs,
    longCalm: false,
    endings: [],
    link: {
      outages: [],
      portals: [],
      lostRequest: 0,
      lostAnswer: 0,
      duplicate: 0,
      late: 0,
      status: 0,
      refused: 0,
      slowestMs: 200,
    },
    disk: { capBytes: 64 * MIB, queueBytes: 8 * MIB, ballastBytes: 0, nearlyFull: [], failing: [] },
    clock: { driftPpm: 20, without: false, ntpAfterMs: undefined, steps: [] },
    bus: { noAnswer: 0, garbled: 0, cutShort: 0, exception: 0, late: 0, noise: 0, silent: [], unplugged: [] },
  }
}

/** Draws a world. Each class of fault is there in every other world only, so that single ones and mixtures both occur. */
export function drawFaults(seed: number): WorldFaults {
  const root = new SeededRandom(`world-${seed}`)
  // An outage or a stop of hours now and then; most mixtures show what they have in half of one, two minutes before a quarter hour ends.
  const faultyMs = seed % 50 === 0 ? hours(4) : minutes(28)
  const spans = spansOf(faultyMs)
  const half = (random: SeededRandom): boolean => random.chance(0.5)
  const chance = (random: SeededRandom, most: number): number => (half(random) ? random.next() * most : 0)
  const link = root.fork('link')
  const disk = root.fork('disk')
  const clock = root.fork('clock')
  const bus = root.fork('bus')
  const portal = root.fork('portal')
  return {
    faultyMs,
    longCalm: seed % 10 === 0,
    endings: half(root) ? drawEndings(root.fork('endings'), faultyMs) : [],
    link: {
      outages: half(link) ? spans(link, 2, (faultyMs * 3) / 4) : [],
      portals: portal.chance(0.2) ? spans(portal, 1, minutes(20)) : [],
      lostRequest: chance(link, 0.2),
      lostAnswer: chance(link, 0.4),
      duplicate: chance(link, 0.2),
      late: chance(link, 0.15),
      status: chance(link, 0.2),
      refused: link.chance(0.2) ? link.next() * 0.1 : 0,
      slowestMs: half(link) ? 200 : 5_000,
    },
    disk: {
      capBytes: half(disk) ? 64 * MIB : Math.floor((0.2 + disk.next() * 0.6) * MIB),
      queueBytes: half(disk) ? 8 * MIB : 8 * 1024 + Math.floor(disk.next() * 64 * 1024),
      ballastBytes: half(disk) ? 0 : 64 * 1024,
      nearlyFull: half(disk) ? spans(disk, 2, minutes(20)) : [],
      failing: half(disk) ? failures(disk, spans(disk, 3, minutes(20))) : [],
    },
    clock: {
      driftPpm: (clock.next() - 0.5) * 160,
      without: clock.chance(0.4),
      ntpAfterMs: half(clock) ? Math.floor((clock.next() * faultyMs) / 2) : undefined,
      steps: half(clock) ? drawSteps(clock, faultyMs) : [],
    },
    bus: {
      noAnswer: chance(bus, 0.1),
      garbled: chance(bus, 0.1),
      cutShort: chance(bus, 0.05),
      exception: chance(bus, 0.03),
      late: chance(bus, 0.05),
      noise: chance(bus, 0.1),
      silent: half(bus)
        ? spans(bus, 2, minutes(20)).map((span) => ({ ...span, meter: Math.floor(bus.next() * 3) }))
        : [],
      unplugged: half(bus) ? spans(bus, 2, minutes(10)) : [],
    },
  }
}

function spansOf(withinMs: number) {
  return (random: SeededRandom, most: number, longestMs: number): Span[] =>
    Array.from({ length: 1 + Math.floor(random.next() * most) }, () => {
      const from = Math.floor(random.next() * withinMs)
      return { from, until: Math.min(withinMs, from + Math.floor(random.next() * longestMs)) }
    })
}

/** Half of them before the process has got far: starting is when most is written. */
function drawEndings(random: SeededRandom, faultyMs: number): Ending[] {
  return Array.from({ length: 1 + Math.floor(random.next() * 6) }, (): Ending => {
    const downMs = random.chance(0.8) ? 3_000 : Math.floor((random.next() * faultyMs) / 3)
    const dice = random.next()
    if (dice < 0.6) return { kind: 'crash_at_step', step: Math.floor(2 ** (random.next() * 13)), downMs }
    const afterMs = Math.floor((random.next() * faultyMs) / 3)
    return { kind: dice < 0.85 ? 'crash' : 'stop', afterMs, downMs }
  })
}

function failures(random: SeededRandom, spans: readonly Span[]): WorldFaults['disk']['failing'] {
  return spans.map((span) => ({
    ...span,
    chance: random.chance(0.5) ? 1 : random.next() * 0.5,
    code: random.chance(0.5) ? ('SQLITE_FULL' as const) : ('SQLITE_IOERR_WRITE' as const),
  }))
}

/** From seconds to years, either way. */
function drawSteps(random: SeededRandom, faultyMs: number) {
  const sizes = [seconds(5), minutes(10), hours(1), hours(24), hours(24 * 730)]
  return Array.from({ length: 1 + Math.floor(random.next() * 4) }, () => {
    const size = sizes[Math.floor(random.next() * sizes.length)] ?? seconds(5)
    return { atMs: Math.floor(random.next() * faultyMs), byMs: Math.round((random.next() - 0.5) * 2 * size) }
  })
}

export const within = (spans: readonly Span[], at: number): boolean =>
  spans.some(({ from, until }) => at >= from && at < until)
