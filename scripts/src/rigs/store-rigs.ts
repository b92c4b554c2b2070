import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { announcedIn, checkStore, recordsIn, violationsOf } from './check-store.js'
import { inFolder, makeExt4, type RigResult, run, unmount } from './rig.js'
import { pause, WriterProcess } from './writer-process.js'

export type { RigResult } from './rig.js'

/** kill -9 at random instants, the same store over all cycles: finds wrong order, not missing flushes. */
export function killLoop(cycles: number): Promise<RigResult> {
  return inFolder(async (folder) => {
    const announced = []
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      const writer = new WriterProcess(['--folder', folder])
      await writer.says('started')
      await pause(30 + Math.random() * 300)
      writer.signal('SIGKILL')
      await writer.ended()
      announced.push(...announcedIn(writer.output))
    }
    const verdict = await checkStore(folder, announced)
    // What was killed before it had stored anything proves nothing.
    const violations = violationsOf(verdict) + (announced.length > 0 ? 0 : 1)
    return { rig: 'kill-loop', runs: cycles, violations, notes: { announced: recordsIn(announced), ...verdict } }
  })
}

/**
 * Power cuts: the store on ext4 on a loop-mounted image, the writer stopped at a random instant, the image copied as
 * the medium holds it then, the copy mounted (journal replay) and the store on it started.
 */
export function powerCut(cuts: number, synchronous: 'FULL' | 'NORMAL'): Promise<RigResult> {
  return inFolder(async (folder) => {
    let [violations, announcedCount, corrupt] = [0, 0, 0]
    const findings: string[] = []
    for (let cut = 0; cut < cuts; cut += 1) {
      const image = join(folder, `image-${cut}`)
      const mount = join(folder, `mount-${cut}`)
      makeExt4(image, mount)
      const writer = new WriterProcess(['--folder', join(mount, 'store'), '--synchronous', synchronous])
      await writer.says('stored')
      await pause(50 + Math.random() * 500)
      writer.signal('SIGSTOP')
      await pause(20)
      const announced = announcedIn(writer.output)
      const snapshot = join(folder, `snapshot-${cut}`)
      cpSync(image, snapshot)
      writer.signal('SIGKILL')
      await writer.ended()
      await unmount(mount)
      run('mount', '-o', 'loop', snapshot, mount)
      const verdict = await checkStore(join(mount, 'store'), announced)
      await unmount(mount)
      rmSync(image)
      rmSync(snapshot)
      announcedCount += recordsIn(announced)
      violations += violationsOf(verdict)
      if (!verdict.opened || verdict.setAside) corrupt += 1
      findings.push(...verdict.findings.slice(0, 3))
    }
    const notes = { synchronous, announced: announcedCount, corrupt, findings: findings.slice(0, 5) }
    return { rig: 'power-cut', runs: cuts, violations, notes }
  })
}

/** So many that the store comes to the fortieth flush. */
const APPENDS = 24
const SYSCALLS = { fsync: 'fsync,fdatasync', write: 'pwrite64,write', truncate: 'ftruncate', open: 'openat' } as const

/** Each of the calls from `first` to `last` fails once (a burst with `burst`): nothing lost, no hole, no crash. */
export async function failingCall(
  call: keyof typeof SYSCALLS,
  error: 'EIO' | 'ENOSPC' | 'EFBIG',
  nths: readonly number[],
  burst = 0,
): Promise<RigResult> {
  let [violations, injected, notStarted] = [0, 0, 0]
  const problems: string[] = []
  for (const nth of nths) {
    await inFolder(async (folder) => {
      const log = join(folder, 'strace')
      const store = join(folder, 'store')
      mkdirSync(store)
      const when = burst > 0 ? `${nth}..${nth + burst}` : `${nth}`
      const calls = SYSCALLS[call]
      const strace = [
        'strace',
        '-f',
        '-qq',
        '-P',
        ...pathsOf(store),
        '-e',
        `trace=${calls}`,
        '-e',
        `inject=${calls}:error=${error}:when=${when}`,
        '-o',
        log,
      ]
      const writer = new WriterProcess(['--folder', store, '--count', String(APPENDS)], strace)
      const code = await writer.ended()
      const times = readFileSync(log, 'utf8').split('INJECTED').length - 1
      injected += times > 0 ? 1 : 0
      if (code === 3) notStarted += 1
      const announced = announcedIn(writer.output)
      const verdict = await checkStore(store, announced)
      const isWhole = code === 3 || (code === 0 && announced.length + writer.refused === APPENDS)
      const found = violationsOf(verdict) + (isWhole ? 0 : 1)
      violations += found
      if (found > 0)
        problems.push(`${nth}: code ${code}, ${JSON.stringify(verdict).slice(0, 300)} ${writer.output.slice(-300)}`)
    })
  }
  const notes = { call, error, burst, injected, notStarted, problems: problems.slice(0, 3) }
  // A rig that injects nothing proves nothing.
  return { rig: 'failing-call', runs: nths.length, violations: violations + (injected === 0 ? 1 : 0), notes }
}

/** strace looks only at calls on these files, so that Node's own writes are left alone. */
const pathsOf = (folder: string): string[] =>
  ['store.sqlite', 'store.sqlite-wal'].flatMap((name, index) =>
    index === 0 ? [join(folder, name)] : ['-P', join(folder, name)],
  )

/** Bytes that reach the block device per commit of 8 meters × 20 quantities, times the commits of a day. */
export function wear(commits: number): Promise<RigResult> {
  return inFolder(async (folder) => {
    const image = join(folder, 'image')
    const mount = join(folder, 'mount')
    makeExt4(image, mount)
    const device = run('findmnt', '-n', '-o', 'SOURCE', mount).trim()
    const written = (): number =>
      Number(
        readFileSync(`/sys/block/${basename(realpathSync(device))}/stat`, 'utf8')
          .trim()
          .split(/\s+/)[6],
      ) * 512
    try {
      run('sync', '-f', mount)
      const before = written()
      const writer = new WriterProcess([
        '--folder',
        join(mount, 'store'),
        '--count',
        String(commits),
        '--cap-mib',
        '40',
      ])
      await writer.says('done', 600_000)
      run('sync', '-f', mount)
      // The ballast is written once in a lifetime, not each day.
      const ballast = existsSync(join(mount, 'store/ballast')) ? 512 * 1024 : 0
      const perCommit = (written() - before - ballast) / commits
      const mbPerDay = Math.round((perCommit * 8640) / 1e5) / 10
      const notes = { commits, bytesPerCommit: Math.round(perCommit), mbPerDayAt10s: mbPerDay }
      return { rig: 'wear', runs: 1, violations: mbPerDay <= 150 ? 0 : 1, notes }
    } finally {
      await unmount(mount)
    }
  })
}

/** A file size limit of the process (`prlimit --fsize`): EFBIG in the middle of it all is a full disk, no end. */
export function fileLimit(appends: number): Promise<RigResult> {
  return inFolder(async (folder) => {
    const args = [
      '--folder',
      folder,
      '--count',
      String(appends),
      '--cap-mib',
      '32',
      '--ack',
      'no',
      '--noise',
      'yes',
      '--records',
      '80',
    ]
    const writer = new WriterProcess(args, ['prlimit', '--fsize=400000'])
    const code = await writer.ended()
    const announced = announcedIn(writer.output)
    const refusals = writer.refused
    const verdict = await checkStore(folder, announced)
    const isAlive = code === 0
    // The limit must have been met: by a refusal, or by records given up with a gap record.
    const wasMet = refusals > 0 || verdict.gaps > 0
    const notes = { code, announced: recordsIn(announced), refusals, ...verdict }
    return {
      rig: 'file-limit',
      runs: 1,
      violations: violationsOf(verdict) + (isAlive ? 0 : 1) + (wasMet ? 0 : 1),
      notes,
    }
  })
}

/** A store offline that is given three times what it may hold: within its bound, oldest detail first, every loss named. */
export function cap(mib: number): Promise<RigResult> {
  return inFolder(async (folder) => {
    const args = [
      '--folder',
      folder,
      '--cap-mib',
      String(mib),
      '--ack',
      'no',
      '--noise',
      'yes',
      '--events',
      'yes',
      '--records',
      '80',
    ]
    const writer = new WriterProcess(args)
    let [largest, gaveUp] = [0, 0]
    // Random values take some 3 bytes each: three times the bound is then this many appends.
    const enough = Math.ceil((3 * mib * 1024 * 1024) / (80 * 20 * 3))
    while (announcedIn(writer.output).length < enough) {
      await pause(50)
      const size = readdirSync(folder)
        .filter((name) => /^store\.sqlite/.test(name))
        .reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0)
      largest = Math.max(largest, size)
      if (writer.hasEnded) break
    }
    writer.signal('SIGKILL')
    await writer.ended()
    const announced = announcedIn(writer.output)
    const verdict = await checkStore(folder, announced)
    gaveUp = verdict.named
    const isWithin = largest <= mib * 1024 * 1024 * 1.1
    // The last event may be stored although the kill came before its append was announced.
    const ledgerKept = verdict.events === announced.length || verdict.events === announced.length + 1
    const bad = [isWithin, gaveUp > 0, ledgerKept, verdict.oldestFirst].filter((holds) => !holds).length
    const notes = { mib, largest, announced: recordsIn(announced), gaveUp, ledgerKept, ...verdict }
    return { rig: 'cap', runs: 1, violations: violationsOf(verdict) + bad, notes }
  })
}

/** Every commit reaches the medium: as many flushes as commits, counted by strace; NORMAL must be found out. */
export function flushes(commits: number, synchronous: 'FULL' | 'NORMAL'): Promise<RigResult> {
  return inFolder(async (folder) => {
    const log = join(folder, 'strace')
    const store = join(folder, 'store')
    mkdirSync(store)
    const strace = ['strace', '-f', '-qq', '-P', ...pathsOf(store), '-e', 'trace=fsync,fdatasync', '-o', log]
    const args = [
      '--folder',
      store,
      '--count',
      String(commits),
      '--synchronous',
      synchronous,
      '--seal-every',
      '1000000',
    ]
    const writer = new WriterProcess(args, strace)
    const code = await writer.ended()
    const flushed = readFileSync(log, 'utf8').split(/f(?:data)?sync\(/).length - 1
    const stored = announcedIn(writer.output).length
    const notes = { synchronous, commits: stored, flushes: flushed, code }
    return { rig: 'flushes', runs: commits, violations: flushed >= stored && stored === commits ? 0 : 1, notes }
  })
}
