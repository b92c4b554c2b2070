import { hours, minutes } from '@metergate/protocol'
import { noFaults, type WorldFaults } from './faults.js'
import type { Violation } from './oracle.js'

/**
 * Mistakes that can be switched on, to prove that the oracle would see them. `acks_before_commit`: ingest acknowledges
 * and drops. `reuses_numbers`: after a start numbers go on from the last sealed one. `frees_on_any_2xx`: a login page
 * counts as an acknowledgement. `purges_by_wall_clock`: what looks old by the wall clock is given up.
 * `last_value_on_failure`: a failed poll shows the last value. `believes_any_clock`: every stamp says `S`.
 * `gives_up`: after three failures in a row nothing is tried any more. `forgets_cap`: the store knows no bound.
 */
export const PLANTED_BUGS = [
  'acks_before_commit',
  'reuses_numbers',
  'frees_on_any_2xx',
  'purges_by_wall_clock',
  'last_value_on_failure',
  'believes_any_clock',
  'gives_up',
  'forgets_cap',
] as const
export type PlantedBug = (typeof PLANTED_BUGS)[number]

/** Where a mistake shows: the faults that bring it out, and the promises it breaks. */
export interface Trap {
  readonly faults: WorldFaults
  readonly breaks: readonly Violation['invariantName'][]
}

const CALM = noFaults(minutes(20))
const { link, clock, bus, disk } = CALM
const crash = (afterMs: number) => ({ kind: 'crash' as const, afterMs, downMs: 3_000 })

/** For each mistake a short world in which it has something to do. */
export const TRAPS: Readonly<Record<PlantedBug, Trap>> = {
  acks_before_commit: { faults: CALM, breaks: ['I1', 'I3'] },
  // Often enough that some crash falls between a commit and the next sealing.
  reuses_numbers: {
    faults: { ...CALM, endings: Array.from({ length: 8 }, (_, n) => crash(95_000 + n * 7_000)) },
    breaks: ['I2'],
  },
  frees_on_any_2xx: {
    faults: { ...CALM, link: { ...link, portals: [{ from: minutes(5), until: minutes(9) }] } },
    breaks: ['I1'],
  },
  purges_by_wall_clock: {
    faults: {
      ...CALM,
      link: { ...link, outages: [{ from: 0, until: minutes(18) }] },
      clock: { ...clock, steps: [{ atMs: minutes(17), byMs: hours(24 * 365) }] },
    },
    breaks: ['I1'],
  },
  last_value_on_failure: { faults: { ...CALM, bus: { ...bus, noAnswer: 0.2 } }, breaks: ['I4'] },
  believes_any_clock: { faults: { ...CALM, clock: { ...clock, without: true } }, breaks: ['I6'] },
  gives_up: { faults: { ...CALM, link: { ...link, lostRequest: 0.9 } }, breaks: ['I7'] },
  forgets_cap: { faults: { ...CALM, disk: { ...disk, capBytes: 128 * 1024 } }, breaks: ['I8'] },
}
