import { z } from 'zod'
import { runRig } from '../rigs/run-rig.js'
import type { BenchResult, Row, Target } from './figures.js'

/** A figure that one of the rigs measures beside what it proves. */
export interface RigBench<T> {
  readonly rig: string
  readonly title: string
  readonly how: string
  readonly notes: z.ZodType<T>
  readonly row: (notes: T) => Row
  readonly targets: (notes: T) => readonly Target[]
}

/** Runs the rig (its long form unless `quick`) and shows its figures; what cannot run here is said with its reason. */
export async function benchOfRig<T>(bench: RigBench<T>, quick: boolean): Promise<BenchResult> {
  const { title, how, rig } = bench
  const { line, words } = await runRig(rig, !quick)
  if (!line) throw new Error(`${rig} broke off: ${words.slice(-500)}`)
  if (line.skipped !== undefined) return { title, how, rows: [{ rig, 'not measured': line.skipped }] }
  const notes = bench.notes.parse(line.notes)
  const violated: Target = { what: 'promises broken meanwhile', figure: line.violations ?? 1, bound: 0 }
  // A short form has no time for what a target is about; what it breaks counts all the same.
  return { title, how, rows: [bench.row(notes)], targets: [...(quick ? [] : bench.targets(notes)), violated] }
}

const wearNotes = z.object({ commits: z.number(), bytesPerCommit: z.number(), mbPerDayAt10s: z.number() })
/** What a day writes to the medium, counted at the block device. */
export const WEAR: RigBench<z.infer<typeof wearNotes>> = {
  rig: 'wear',
  title: 'store: bytes a day that reach the medium',
  how: 'ext4 on a loop device, counted at the device; a commit of 8 meters × 20 quantities each 10 s, sealed by the minute as in the default profile',
  notes: wearNotes,
  row: ({ commits, bytesPerCommit, mbPerDayAt10s }) => ({
    commits,
    'bytes/commit': bytesPerCommit,
    'MB/day': mbPerDayAt10s,
  }),
  targets: ({ mbPerDayAt10s }) => [{ what: 'MB a day on the medium', figure: mbPerDayAt10s, bound: 150 }],
}

const flushNotes = z.object({
  readings: z.number(),
  flushes: z.number(),
  absent: z.number(),
  longestGapMs: z.number(),
})
/** Polls while every flush takes half a second. */
export const SLOW_FLUSH: RigBench<z.infer<typeof flushNotes>> = {
  rig: 'slow-flush',
  title: 'store: every flush takes 500 ms',
  how: 'the whole agent under strace, which holds up each fsync and fdatasync by half a second; polls may come later, none may fail',
  notes: flushNotes,
  row: ({ readings, flushes, absent, longestGapMs }) => ({
    readings,
    'slow flushes': flushes,
    'absent values': absent,
    'longest pause ms': longestGapMs,
  }),
  targets: ({ absent }) => [{ what: 'values absent', figure: absent, bound: 0 }],
}

const weeksNotes = z.object({
  backlogBytes: z.number(),
  seconds: z.number(),
  shareOfLink: z.number(),
  slowestFreshMs: z.number(),
})
/** 21 days offline, then a thin link. */
export const THREE_WEEKS: RigBench<z.infer<typeof weeksNotes>> = {
  rig: 'three-weeks',
  title: 'sync: 21 days offline, drained at 64 kbit/s',
  how: 'a real agent and cloud, 8 meters read once a minute for three weeks, then a link shaped by tc to 64 kbit/s while a fresh reading comes each minute',
  notes: weeksNotes,
  row: ({ backlogBytes, seconds, shareOfLink, slowestFreshMs }) => ({
    'backlog kB': Math.round(backlogBytes / 1000),
    'drained s': seconds,
    'share of the link': shareOfLink,
    'slowest fresh reading s': slowestFreshMs / 1000,
  }),
  targets: ({ shareOfLink, slowestFreshMs }) => [
    { what: 'share of the link', figure: shareOfLink, bound: 0.7, is: 'at_least' },
    { what: 'slowest fresh reading, s', figure: slowestFreshMs / 1000, bound: 90 },
  ],
}
