import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { rootFolder } from '../root.js'
import {
  bootIn1970,
  clockSteps,
  fakeTimeLibrary,
  sigterm,
  slowFlush,
  twoInstances,
  unsyncedBoots,
} from './agent-rigs.js'
import { busRigs } from './bus-rigs.js'
import { cloudDiskFull, cloudPowerCut, databaseCrash, databaseGone, hasPostgres, sameBatch } from './cloud-rigs.js'
import { migrationKilled, mutations, readOnly } from './damage-rigs.js'
import { fullDisk } from './full-disk-rig.js'
import { herd } from './herd.js'
import { badLink, believedLink, lostAnswers, sickPeers } from './link-rigs.js'
import { runPlanted } from './plant-mistake.js'
import { PLANTED_MISTAKES } from './planted-mistakes.js'
import type { RigResult } from './rig.js'
import { cap, failingCall, fileLimit, flushes, killLoop, powerCut, wear } from './store-rigs.js'

/**
 * `node scripts/dist/rigs/main.js [rig…] [--long] [--keep=FOLDER]`: one line of JSON per rig. Mounts are made in a mount
 * namespace of its own; without root, what needs one is skipped and said so. Exit code 1 when a rig finds a violation, or
 * when a control that must fail does not. Damaged stores that were not dealt with are kept in FOLDER.
 */
const long = process.argv.includes('--long')
const keep = process.argv.find((each) => each.startsWith('--keep='))?.slice('--keep='.length)
const INSIDE = '--inside'
const OWN_NET = '--own-net'
/** A store of each schema ever released. */
const FIXTURES = join(rootFolder(), 'agent/src/store/fixtures')
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1)
/** Every call in the long form, every twentieth in the short one: starting takes the first thirty or so. */
const some = (all: number): readonly number[] => upTo(all).filter((nth) => long || nth % 20 === 0)
/** Beyond starting, where the store must go on by itself. */
const deep = (): readonly number[] => (long ? upTo(120) : [45, 65, 85, 105])

const tracer = (): string | undefined => (spawnSync('strace', ['-V']).status === 0 ? undefined : 'strace')
const fakeTime = (): string | undefined => (fakeTimeLibrary() === undefined ? 'libfaketime' : undefined)

/** Two seconds of delay, a fifth of the connections reset, and a backlog that takes half an hour: which of them are reset no longer decides. */
const BAD_LINK = {
  name: 'bad-link',
  rounds: 160_000,
  freshMs: 10_000,
  everyMs: 60_000,
  delayMs: 2_000,
  reset: 0.2,
  limitMs: 3_600_000,
  leastShare: 0.7,
  freshWithinMs: 600_000,
}
/** A backlog long enough that one reset more or less does not decide how much of the link is used. */
const SHORT_BAD_LINK = {
  ...BAD_LINK,
  rounds: 1_200,
  freshMs: 1_000,
  everyMs: 1_000,
  delayMs: 200,
  limitMs: 60_000,
  leastShare: 0.3,
}
/** Three weeks offline, a reading a minute of 8 meters, then 64 kbit/s. */
const THREE_WEEKS = {
  name: 'three-weeks',
  rounds: 30_240,
  freshMs: 60_000,
  everyMs: 60_000,
  delayMs: 0,
  reset: 0,
  limitMs: 2_400_000,
  leastShare: 0.7,
  freshWithinMs: 90_000,
}
const SHORT_WEEKS = { ...THREE_WEEKS, rounds: 1_000, freshMs: 1_000, everyMs: 1_000, limitMs: 60_000, leastShare: 0.3 }

interface Rig {
  readonly mounts: boolean
  /** A control has a planted mistake: it must find violations. */
  readonly control?: true
  /** In a network of its own, so that the shaper slows down nobody else. */
  readonly net?: true
  /** Says what the machine lacks for it. */
  readonly needs?: () => string | undefined
  run(): Promise<RigResult>
}

const RIGS: Readonly<Record<string, Rig>> = {
  'kill-loop': { mounts: false, run: () => killLoop(long ? 200 : 8) },
  'power-cut': { mounts: true, run: () => powerCut(long ? 200 : 5, 'FULL') },
  'power-cut-control': { mounts: true, control: true, run: () => powerCut(long ? 20 : 3, 'NORMAL') },
  'failing-fsync': { mounts: false, needs: tracer, run: () => failingCall('fsync', 'EIO', some(40)) },
  'failing-write': { mounts: false, needs: tracer, run: () => failingCall('write', 'ENOSPC', some(60)) },
  'failing-write-burst': { mounts: false, needs: tracer, run: () => failingCall('write', 'EIO', deep(), 5) },
  'failing-write-too-big': { mounts: false, needs: tracer, run: () => failingCall('write', 'EFBIG', deep(), 3) },
  flushes: { mounts: false, needs: tracer, run: () => flushes(long ? 200 : 20, 'FULL') },
  'flushes-control': { mounts: false, needs: tracer, control: true, run: () => flushes(20, 'NORMAL') },
  'file-limit': { mounts: false, run: () => fileLimit(long ? 300 : 150) },
  cap: { mounts: false, run: () => cap(long ? 16 : 0.5) },
  mutations: { mounts: false, run: () => mutations(long ? 300 : 10, false, keep) },
  'mutations-control': { mounts: false, control: true, run: () => mutations(3, true) },
  'read-only': { mounts: true, run: () => readOnly(long ? 120 : 3) },
  'migration-killed': { mounts: false, needs: tracer, run: () => migrationKilled(long ? upTo(80) : [17], FIXTURES) },
  'migration-killed-control': {
    mounts: false,
    needs: tracer,
    control: true,
    run: () => migrationKilled([40], FIXTURES, true),
  },
  'full-disk': { mounts: true, run: fullDisk },
  wear: { mounts: true, run: () => wear(long ? 8640 : 600) },
  'two-instances': { mounts: false, run: () => twoInstances(long ? 10 : 1) },
  sigterm: { mounts: false, run: () => sigterm(long ? 60 : 2) },
  'slow-flush': { mounts: false, needs: tracer, run: () => slowFlush(long ? 120 : 8) },
  'boot-in-1970': { mounts: false, needs: fakeTime, run: () => bootIn1970(long ? 60 : 4) },
  'clock-steps': { mounts: false, needs: fakeTime, run: () => clockSteps(long ? 20 : 2) },
  'unsynced-boots': { mounts: true, needs: fakeTime, run: unsyncedBoots },
  'cloud-same-batch': { mounts: false, run: () => sameBatch('sqlite', long ? 100 : 2) },
  'cloud-same-batch-pg': { mounts: false, needs: hasPostgres, run: () => sameBatch('postgres', long ? 100 : 2) },
  'cloud-power-cut': { mounts: true, run: () => cloudPowerCut(long ? 100 : 2) },
  'cloud-power-cut-control': { mounts: true, needs: tracer, control: true, run: () => cloudPowerCut(2, true) },
  'cloud-database-crash': { mounts: false, needs: hasPostgres, run: () => databaseCrash(long ? 50 : 2) },
  'cloud-database-gone': {
    mounts: false,
    needs: hasPostgres,
    run: () => databaseGone(long ? 300_000 : 4_000, long ? 2_000 : 20_000),
  },
  'cloud-disk-full': { mounts: true, run: cloudDiskFull },
  herd: {
    mounts: false,
    run: () =>
      herd(
        long ? { gateways: 2_000, batches: 12, withinMs: 900_000 } : { gateways: 100, batches: 6, withinMs: 120_000 },
      ),
  },
  /** As small as a herd can be that is turned away: what the planted mistakes are held against. */
  'herd-crowd': { mounts: false, run: () => herd({ gateways: 600, batches: 6, withinMs: 90_000 }) },
  'lost-answers': { mounts: false, run: () => lostAnswers(long ? 600 : 4) },
  'sick-peers': { mounts: false, run: () => sickPeers(long ? 1_000 : 16, 1_000) },
  'sick-peers-patient': { mounts: false, run: () => sickPeers(8, long ? 30_000 : 2_000) },
  'sick-peers-control': { mounts: false, control: true, run: () => sickPeers(8, 500, 4_000) },
  'link-control': { mounts: false, control: true, run: believedLink },
  'bad-link': { mounts: true, net: true, run: () => badLink(long ? BAD_LINK : SHORT_BAD_LINK) },
  'three-weeks': { mounts: true, net: true, run: () => badLink(long ? THREE_WEEKS : SHORT_WEEKS) },
  ...busRigs(long),
}

/** What a rig on the copy needs, its control needs. */
function planted(): Record<string, Rig> {
  return Object.fromEntries(
    Object.entries(PLANTED_MISTAKES).map(([name, mistake]) => {
      const { foundBy } = mistake
      const { mounts = false, needs } = ('rig' in foundBy ? RIGS[foundBy.rig] : undefined) ?? {}
      return [name, { mounts, control: true, ...(needs ? { needs } : {}), run: () => runPlanted(name, mistake) }]
    }),
  )
}

const ALL: Readonly<Record<string, Rig>> = { ...RIGS, ...planted() }
const isKnown = (word: string): boolean =>
  word.startsWith('--') ? /^--(long|keep=.+|inside|own-net)$/.test(word) : Object.hasOwn(ALL, word)
const strange = process.argv.slice(2).find((word) => !isKnown(word))
if (strange !== undefined) {
  process.stderr.write(
    `there is no rig and no option "${strange}"; rigs: ${Object.keys(ALL).join(' ')}; options: --long --keep=FOLDER\n`,
  )
  process.exit(2)
}

if (process.platform === 'linux' && process.getuid?.() === 0 && !process.argv.includes(INSIDE)) {
  const args = ['-m', '--propagation', 'private', process.execPath, ...process.argv.slice(1), INSIDE]
  process.exit(spawnSync('unshare', args, { stdio: 'inherit' }).status ?? 1)
}

const wanted = process.argv.slice(2).filter((each) => !each.startsWith('--'))
let failed = false
for (const [name, rig] of Object.entries(ALL)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  if (rig.mounts && !process.argv.includes(INSIDE)) {
    print({ rig: name, skipped: 'needs root on Linux, to mount' })
    continue
  }
  const lacking = rig.needs?.()
  if (lacking !== undefined) {
    print({ rig: name, skipped: `needs ${lacking}` })
    continue
  }
  if (rig.net && !process.argv.includes(OWN_NET)) {
    const args = [
      '-n',
      process.execPath,
      process.argv[1] ?? '',
      name,
      ...process.argv.filter((each) => each.startsWith('--')),
      OWN_NET,
    ]
    failed = spawnSync('unshare', args, { stdio: 'inherit' }).status !== 0 || failed
    continue
  }
  const result = await rig.run()
  const good = rig.control ? result.violations > 0 : result.violations === 0
  failed ||= !good
  print({ ...result, rig: name, good })
}
process.exitCode = failed ? 1 : 0

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
