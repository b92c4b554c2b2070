import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { announcedIn, checkStore, recordsIn, violationsOf } from './check-store.js'
import { Findings, inFolder, type RigResult, run, unmount } from './rig.js'
import { WriterProcess } from './writer-process.js'

const BOUNDS = ['--cap-mib', '32', '--reserve-kib', '256', '--queue-kib', '512']
const LOAD = ['--seal-every', '10', '--noise', 'yes', '--records', '40', '--ack', 'no']

/**
 * A full disk while nothing is acknowledged: another program fills a small tmpfs to the last byte, and later takes whatever becomes
 * free in it. The store goes on in the room its files have: it stores and seals the newest, gives up the
 * oldest and names it, says that it is degraded, and starts again after kill -9 and after a stop. Freed, it is as before.
 */
export function fullDisk(): Promise<RigResult> {
  return inFolder(async (folder) => {
    const mount = join(folder, 'mount')
    mkdirSync(mount)
    run('mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount)
    try {
      return await onDisk(mount)
    } finally {
      await unmount(mount)
    }
  })
}

async function onDisk(mount: string): Promise<RigResult> {
  const [store, filler, found] = [join(mount, 'store'), new Filler(join(mount, 'filler')), new Findings()]
  const hasBallast = (): boolean => readdirSync(store).includes('ballast')
  const start = (): WriterProcess => new WriterProcess(['--folder', store, ...BOUNDS, ...LOAD])
  let writer = start()
  const writers = [writer]
  // Each fifty appends have a minute of their own: a busy machine breaks no promise.
  const goesOn = async (what: string, appends: number): Promise<void> => {
    let isSo = true
    while (isSo && (writer.stored < appends || writer.sealed === 0)) {
      const next = Math.min(appends, writer.stored + 50)
      isSo = await writer.until(
        () => writer.stored >= next && writer.sealed > 0,
        () => filler.takeMore(),
      )
    }
    found.expect(isSo, () => `${what}: ${writer.lastWords}`)
  }
  await goesOn('a roomy disk', 40)
  found.expect(hasBallast(), () => 'there was no ballast to give back')
  const before = writer.stored
  filler.fill()
  await goesOn('a full disk', before + 100)
  found.expect(!hasBallast(), () => 'the ballast was not given back')
  filler.isGreedy = true
  await goesOn('a disk on which each byte is taken', before + 600)
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    writer.signal(signal)
    await writer.ended()
    filler.fill()
    writer = start()
    writers.push(writer)
    // What a start needs is free for some milliseconds; whoever took it just then would stop it until there is room.
    filler.isGreedy = false
    await writer.until(() => writer.stored > 0)
    filler.isGreedy = true
    await goesOn(`started on a full disk after ${signal}`, 100)
  }
  const refused = writers.reduce((sum, each) => sum + each.refused, 0)
  const stored = writers.reduce((sum, each) => sum + each.stored, 0) - before
  found.expect(
    writers.every((each) => each.output.includes('health degraded')),
    () => 'somebody did not say that the disk is full',
  )
  filler.remove()
  const isBack = await writer.until(() => writer.health === 'well' && hasBallast())
  found.expect(isBack, () => `not as before once there was room: ${readdirSync(store)} ${writer.lastWords}`)
  writer.signal('SIGKILL')
  await writer.ended()
  const announced = writers.flatMap((each) => announcedIn(each.output))
  const verdict = await checkStore(store, announced)
  found.expect(violationsOf(verdict) === 0, () => JSON.stringify(verdict))
  found.expect(
    verdict.named > 0 && verdict.oldestFirst && verdict.kept > 0,
    () => `not the oldest went: ${JSON.stringify(verdict)}`,
  )
  found.expect(stored > 10 * refused, () => `${stored} stored while full, ${refused} refused`)
  const notes = { announced: recordsIn(announced), whileFull: stored, refused, ...verdict, problems: found.words }
  return { rig: 'full-disk', runs: 1, violations: found.count, notes }
}

/** Another program that takes whatever room there is. */
class Filler {
  isGreedy = false

  constructor(private readonly path: string) {}

  takeMore(): void {
    if (this.isGreedy) this.fill()
  }

  fill(): void {
    for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 4)) {
      try {
        for (;;) writeFileSync(this.path, Buffer.alloc(size, 1), { flag: 'a' })
      } catch {
        // Full for this size; smaller pieces fill the rest.
      }
    }
  }

  remove(): void {
    this.isGreedy = false
    rmSync(this.path)
  }
}
