import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Sqlite } from '@metergate/agent'
import { type Announced, announcedIn, checkStore, violationsOf } from './check-store.js'
import { Findings, inFolder, makeExt4, type RigResult, run, unmount } from './rig.js'
import { pause, WriterProcess } from './writer-process.js'

type Mutation = (folder: string, chance: () => number) => string

const file = (folder: string, suffix = ''): string => join(folder, `store.sqlite${suffix}`)
function edit(path: string, change: (bytes: Buffer) => Uint8Array): void {
  writeFileSync(path, change(readFileSync(path)))
}
const flipIn = (path: string, chance: () => number): string => {
  const bytes = readFileSync(path)
  const at = Math.floor(chance() * bytes.length)
  const bit = Math.floor(chance() * 8)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
  writeFileSync(path, bytes)
  return `bit ${bit} of byte ${at} of ${basename(path)}`
}

/** What media, people and other programs do to a store that a crash left. */
const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'a flipped bit': (folder, chance) => flipIn(file(folder), chance),
  'twenty flipped bits': (folder, chance) =>
    Array.from({ length: 20 }, () => flipIn(file(folder), chance))
      .slice(0, 2)
      .join(', '),
  'a flipped bit in the log': (folder, chance) => flipIn(file(folder, '-wal'), chance),
  '4 KiB of zeros': (folder, chance) => {
    const at = Math.floor((chance() * readFileSync(file(folder)).length) / 4096) * 4096
    edit(file(folder), (bytes) => bytes.fill(0, at, Math.min(bytes.length, at + 4096)))
    return `at ${at}`
  },
  'a truncated file': (folder, chance) => {
    const size = Math.floor(readFileSync(file(folder)).length * chance())
    truncateSync(file(folder), size)
    return `to ${size}`
  },
  'a foreign header': (folder) => {
    edit(file(folder), (bytes) => Buffer.concat([Buffer.from('GIF89a'), bytes.subarray(6)]))
    return ''
  },
  'an empty file': (folder) => {
    writeFileSync(file(folder), '')
    return ''
  },
  'a folder instead of a file': (folder) => {
    cpSync(file(folder), join(folder, 'moved'))
    rmSync(file(folder))
    mkdirSync(file(folder))
    return ''
  },
  'a stale shared-memory file': (folder, chance) => {
    edit(file(folder, '-shm'), (bytes) => bytes.map(() => Math.floor(chance() * 256)))
    return ''
  },
  'a deleted log': (folder) => {
    rmSync(file(folder, '-wal'))
    return ''
  },
}

/** These take away what no file holds any more: then the store must start anew and say so, and no more can be asked. */
const TAKES_ALL = new Set(['an empty file', 'a folder instead of a file', 'a deleted log'])
/** The newest transaction of a log cannot be told from one that a power cut tore when its own end was hit. */
const LAST_COMMIT = 8

/**
 * Mutations of a store left by kill -9: it opens, the damaged file is kept, what proves itself is saved, the rest is
 * named. `silently`: a control in which a row is taken away with SQL, which nothing in the store names. `keep`: a folder for the stores
 * that were not dealt with, as they were before the start.
 */
export function mutations(count: number, silently = false, keep?: string): Promise<RigResult> {
  return inFolder(async (folder) => {
    const original = join(folder, 'original')
    mkdirSync(original)
    const writer = new WriterProcess(['--folder', original, '--noise', 'yes', '--seal-every', '9', '--ack', 'no'])
    await writer.says('stored')
    await pause(2500)
    // On a busy machine that may not have been enough for a batch to be sealed.
    for (let waited = 0; announcedIn(writer.output).length < 10 && waited < 20_000; waited += 100) await pause(100)
    writer.signal('SIGKILL')
    await writer.ended()
    const announced = announcedIn(writer.output)
    const found = new Findings()
    let setAside = 0
    for (let round = 0; round < count; round += 1) {
      const copy = join(folder, `copy-${round}`)
      cpSync(original, copy, { recursive: true })
      const [name, mutate] = Object.entries(MUTATIONS)[round % Object.keys(MUTATIONS).length] ?? ['', () => '']
      const before = found.count
      if (silently) await lookForSilentLoss(copy, announced, found)
      else {
        const what = `${name} ${mutate(copy, Math.random)}`
        setAside += await look(copy, announced, what, TAKES_ALL.has(name), found)
      }
      // Looked at in a copy of its own, so that this one is still as it was.
      if (keep !== undefined && found.count > before) cpSync(copy, join(keep, `round-${round}`), { recursive: true })
      rmSync(copy, { recursive: true })
    }
    const notes = { announced: announced.length * 8, setAside, problems: found.words }
    return { rig: 'mutations', runs: count, violations: found.count, notes }
  })
}

async function look(
  folder: string,
  announced: readonly Announced[],
  what: string,
  takesAll: boolean,
  found: Findings,
): Promise<number> {
  const begun = process.hrtime.bigint()
  const verdict = await checkStore(folder, announced)
  const ms = Number((process.hrtime.bigint() - begun) / 1_000_000n)
  const missing = takesAll || verdict.missing <= LAST_COMMIT ? 0 : verdict.missing
  // What the store has named itself, by a file set aside or by a gap record, it may also find when it verifies.
  const isTold = verdict.setAside || takesAll || verdict.gaps > 0
  const wrong = violationsOf({ ...verdict, missing, findings: isTold ? [] : verdict.findings }, true)
  found.expect(wrong === 0, () => `${what}: ${JSON.stringify(verdict)}`)
  found.expect(ms < 30_000, () => `${what}: ${ms} ms to open`)
  return verdict.setAside ? 1 : 0
}

/**
 * The control: the newest batch is gone and nothing says so. Found out means twice: the store's own look at its chain names it, and what
 * was announced is missed. The other rigs have only the latter.
 */
async function lookForSilentLoss(folder: string, announced: readonly Announced[], found: Findings): Promise<void> {
  const db = new Sqlite(file(folder))
  db.exec(`PRAGMA foreign_keys = OFF;
    DELETE FROM batch WHERE stream = 1 AND number = (SELECT max(number) FROM batch WHERE stream = 1)`)
  db.close()
  const verdict = await checkStore(folder, announced)
  const isFoundOut = verdict.missing > LAST_COMMIT && verdict.findings.length > 0
  found.expect(!isFoundOut, () => `a batch taken away in silence: ${JSON.stringify(verdict)}`)
}

/**
 * The kernel finds the file system broken and makes it read-only under the store's open files (ext4's own error path);
 * later the medium is back. The process lives, announces nothing meanwhile, goes on by itself, and names what it lost.
 */
export function readOnly(seconds: number): Promise<RigResult> {
  return inFolder(async (folder) => {
    const [image, mount, found] = [join(folder, 'image'), join(folder, 'mount'), new Findings()]
    makeExt4(image, mount, 'loop,errors=remount-ro')
    const args = [
      '--folder',
      join(mount, 'store'),
      '--cap-mib',
      '32',
      '--queue-kib',
      '64',
      '--pause-ms',
      '20',
      '--ack',
      'no',
    ]
    const writer = new WriterProcess(args)
    await writer.says('stored')
    await pause(1000)
    const device = basename(run('findmnt', '-n', '-o', 'SOURCE', mount).trim())
    writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, 'rig')
    await pause(500)
    const atFailure = announcedIn(writer.output).length
    await pause(seconds * 1000)
    const during = announcedIn(writer.output).length - atFailure
    const refusals = writer.refused
    found.expect(!writer.hasEnded, () => `it ended: ${writer.output.slice(-300)}`)
    found.expect(during === 0 && refusals > 0, () => `${during} announced and ${refusals} refused while read-only`)
    const memory = residentMiB(writer.pid)
    run('cp', image, `${image}-2`)
    run('umount', '-l', mount)
    run('mount', '-o', 'loop', `${image}-2`, mount)
    await pause(5000)
    const after = announcedIn(writer.output).length - atFailure
    found.expect(after > 0, () => `nothing stored after the medium was back: ${writer.output.slice(-300)}`)
    writer.signal('SIGKILL')
    await writer.ended()
    const verdict = await checkStore(join(mount, 'store'), announcedIn(writer.output))
    await unmount(mount)
    found.expect(violationsOf(verdict) === 0, () => JSON.stringify(verdict))
    found.expect(verdict.named > 0, () => 'nothing was named although the queue overflowed')
    const notes = { seconds, refusals, after, memoryMiB: memory, ...verdict, problems: found.words }
    return { rig: 'read-only', runs: 1, violations: found.count, notes }
  })
}

/** Resident memory of a process, MiB. */
export function residentMiB(pid: number): number {
  const path = `/proc/${pid}/status`
  const kib = existsSync(path) ? /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8'))?.[1] : undefined
  return Math.round(Number(kib ?? Number.NaN) / 1024)
}

/** Creating a store, and opening one of each schema there ever was, killed at each write: the next start completes it. */
export function migrationKilled(nths: readonly number[], fixture: string, planted = false): Promise<RigResult> {
  return inFolder(async (folder) => {
    const found = new Findings()
    let [runs, killed] = [0, 0]
    for (const from of [undefined, ...readdirSync(fixture).map((version) => join(fixture, version))]) {
      for (const nth of nths) {
        const store = join(folder, `store-${nth}-${from === undefined ? 'new' : basename(from)}`)
        if (from === undefined) mkdirSync(store)
        else cpSync(from, store, { recursive: true })
        const inject = `inject=pwrite64,write:signal=SIGKILL:when=${nth}`
        const paths = ['-P', file(store), '-P', file(store, '-wal'), '-P', file(store, '-shm')]
        const strace = [
          'strace',
          '-f',
          '-qq',
          ...paths,
          '-e',
          'trace=pwrite64,write',
          '-e',
          inject,
          '-o',
          `${store}.log`,
        ]
        const writer = new WriterProcess(['--folder', store, '--count', '1', '--ack', 'no'], strace)
        runs += 1
        killed += (await writer.ended()) === null ? 1 : 0
        if (planted && existsSync(file(store))) edit(file(store), (bytes) => bytes.fill(0, 60, 64))
        await opensWhole(store, announcedIn(writer.output), from !== undefined, `${basename(store)}`, found)
        rmSync(store, { recursive: true })
      }
    }
    // What was never killed proves nothing.
    found.expect(killed > 0, () => 'no run was killed')
    const notes = { killed, problems: found.words }
    return { rig: 'migration-killed', runs, violations: found.count, notes }
  })
}

/** The fixture's ten readings, and whatever was announced, are there after the next start. */
async function opensWhole(
  store: string,
  announced: readonly Announced[],
  isOld: boolean,
  what: string,
  found: Findings,
): Promise<void> {
  const verdict = await checkStore(store, announced)
  found.expect(violationsOf(verdict) === 0, () => `${what}: ${JSON.stringify(verdict)}`)
  const again = new WriterProcess(['--folder', store, '--count', '1', '--ack', 'no'])
  const code = await again.ended()
  const [first] = announcedIn(again.output)
  const least = isOld ? 11 : 1
  found.expect(
    code === 0 && (first?.first ?? 0) >= least,
    () => `${what}: next start ${code}, ${again.output.slice(0, 200)}`,
  )
}
