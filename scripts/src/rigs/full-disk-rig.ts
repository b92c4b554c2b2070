import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { announcedIn, checkStore, recordsIn, violationsOf } from './check-store.js'
import { Findings, inFolder, type RigResult, run, unmount } from './rig.js'
import { pause, WriterProcess } from './writer-process.js'

const LIMIT_MS = 60_000
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
  const start = (): Writer => new Writer(new WriterProcess(['--folder', store, ...BOUNDS, ...LOAD]))
  const writers = [start()]
  const goesOn = async (what: string, appends: number): Promise<void> => {
    const writer = writers.at(-1)
    const isSo =
      writer &&
      (await writer.until(
        () => writer.stored >= appends && writer.sealed > 0,
        () => filler.takeMore(),
      ))
    found.expect(isSo === true, () => `${what}: ${writer?.lastWords}`)
  }
  await goesOn('a roomy disk', 40)
  found.expect(hasBallast(), () => 'there was no ballast to give back')
  const before = writers[0]?.stored ?? 0
  filler.fill()
  await goesOn('a full disk', before + 100)
  found.expect(!hasBallast(), () => 'the ballast was not given back')
  filler.isGreedy = true
  await goesOn('a disk on which each byte is taken', before + 600)
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await writers.at(-1)?.stop(signal)
    filler.fill()
    const writer = start()
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
    writers.every((each) => each.says('health degraded')),
    () => 'somebody did not say that the disk is full',
  )
  filler.remove()
  const last = writers.at(-1)
  const isBack = await last?.until(() => last.health === 'well' && hasBallast())
  found.expect(isBack === true, () => `not as before once there was room: ${readdirSync(store)} ${last?.lastWords}`)
  await last?.stop('SIGKILL')
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

/** The writer by what it has said so far. */
class Writer {
  constructor(private readonly process: WriterProcess) {}

  get output(): string {
    return this.process.output
  }

  get stored(): number {
    return announcedIn(this.output).length
  }

  get sealed(): number {
    return this.count('sealed ')
  }

  get refused(): number {
    return this.count('refused ')
  }

  get health(): string | undefined {
    return [...this.output.matchAll(/^health (.*)$/gm)].at(-1)?.[1]
  }

  get lastWords(): string {
    return `${this.stored} stored, ${this.sealed} sealed, ${this.refused} refused: ${this.output.slice(-300)}`
  }

  says(text: string): boolean {
    return this.output.includes(text)
  }

  /** False when the writer has ended or it takes too long. */
  async until(isSo: () => boolean, meanwhile: () => void = () => undefined): Promise<boolean> {
    for (const end = Date.now() + LIMIT_MS; !isSo(); await pause(20)) {
      if (this.process.hasEnded || Date.now() > end) return false
      meanwhile()
    }
    return true
  }

  async stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.process.signal(signal)
    await this.process.ended()
  }

  private count(word: string): number {
    return this.output.split(`\n${word}`).length - 1
  }
}
