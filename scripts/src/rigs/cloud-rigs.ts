import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { UplinkFault } from '@metergate/agent'
import { PostgresServer, postgresBinaries } from '@metergate/cloud-api/testing/postgres'
import type { Result } from '@metergate/protocol'
import {
  clock,
  enrolSenders,
  manyMayListen,
  missingIn,
  type Place,
  readings,
  type Sender,
  ServerProcess,
} from './cloud-parts.js'
import { Findings, inFolder, makeExt4, type RigResult, run, unmount } from './rig.js'
import { pause } from './writer-process.js'

export type Engine = 'sqlite' | 'postgres'

const BEGIN = Date.UTC(2026, 10, 23)
const AT_ONCE = 50

/** A place for a server to keep things in, and PostgreSQL behind it when that is asked for. */
async function inPlace<T>(
  engine: Engine,
  work: (place: Place, database: PostgresServer | undefined) => Promise<T>,
): Promise<T> {
  return inFolder(async (folder) => {
    const bin = engine === 'postgres' ? postgresBinaries() : undefined
    const database = bin === undefined ? undefined : await PostgresServer.start(bin)
    const dataDir = join(folder, 'cloud')
    try {
      return await work({ dataDir, ...(database ? { databaseUrl: database.url } : {}) }, database)
    } finally {
      await database?.stop()
    }
  })
}

/**
 * The same batch fifty times at once, and the server killed in the middle, again and again. What was acknowledged is
 * there, once; what the server calls contiguous never shrinks.
 */
export function sameBatch(engine: Engine, rounds: number): Promise<RigResult> {
  return inPlace(engine, async (place) => {
    const found = new Findings()
    let [server, acknowledged, cutOff, contiguous] = [await ServerProcess.start(place), 0, 0, 0]
    const [sender] = await enrolSenders(place, server.url, 1)
    if (!sender) throw new Error('one sender')
    for (let round = 0; round < rounds; round += 1) {
      const batch = sender.seal(readings(BEGIN + round * 600_000, 5))
      // Killed when so many have been answered: before the commit, between commit and answer, or long after.
      const killAfter = Math.floor(Math.random() * (AT_ONCE / 2))
      let answered = 0
      const asked = Array.from({ length: AT_ONCE }, async () => {
        const outcome = await sender.send(batch)
        answered += 1
        return outcome
      })
      while (answered < killAfter) await pause(1)
      await pause(Math.random() * 30)
      await server.end('SIGKILL')
      const outcomes = await Promise.all(asked)
      acknowledged += outcomes.filter(({ ok }) => ok).length
      cutOff += outcomes.filter(({ ok }) => !ok).length
      const claimed = Math.max(contiguous, ...outcomes.map((each) => contiguousOf(each)))
      found.expect(claimed <= round + 1, () => `round ${round}: ${claimed} claimed, ${round + 1} sent`)
      // Before it is sent again, which would make up for what was lost.
      found.note((await missingIn(place, [sender])).map((words) => `round ${round}: ${words}`))
      await server.start()
      const again = await sender.send(batch)
      found.expect(again.ok, () => `round ${round}: after the crash ${JSON.stringify(again)}`)
      contiguous = contiguousOf(again)
      found.expect(
        contiguous >= claimed && contiguous === round + 1,
        () => `contiguous ${contiguous}, before ${claimed}`,
      )
    }
    await server.end()
    found.note(await missingIn(place, [sender]))
    const notes = { engine, at_once: AT_ONCE, acknowledged, cut_off: cutOff, findings: found.words }
    return { rig: `cloud-same-batch-${engine}`, runs: rounds, violations: found.count, notes }
  })
}

const contiguousOf = (outcome: Awaited<ReturnType<Sender['send']>>): number =>
  outcome.ok ? Math.max(0, ...(outcome.value.contiguous ?? []).map(({ number }) => number)) : 0

/** Batch after batch from each sender until `until`, refused ones again; one under way at a time. */
async function pump(senders: readonly Sender[], until: AbortSignal): Promise<void> {
  await Promise.all(
    senders.map(async (sender, index) => {
      for (let n = 0; !until.aborted; n += 1) {
        const batch = sender.seal(readings(BEGIN + index * 1_000 + n * 600_000, 5))
        while (!until.aborted && !(await sender.send(batch, until)).ok) await pause(20)
      }
    }),
  )
}

/**
 * Power cuts of the server: its SQLite store on ext4 in an image, copied as the medium holds it while eight gateways
 * send; every acknowledged batch is in the copy. `lying`: flushes are only said to be done, which must be found out.
 */
export function cloudPowerCut(cuts: number, lying = false): Promise<RigResult> {
  return inFolder(async (folder) => {
    const found = new Findings()
    let acknowledged = 0
    for (let cut = 0; cut < cuts; cut += 1) {
      const [image, mount, snapshot] = ['image', 'mount', 'snapshot'].map((name) => join(folder, `${name}-${cut}`))
      if (!image || !mount || !snapshot) throw new Error('three names')
      makeExt4(image, mount)
      const place = { dataDir: join(mount, 'cloud') }
      mkdirSync(place.dataDir)
      const flushes = 'fsync,fdatasync'
      const lies = ['strace', '-f', '-o', join(folder, 'strace'), '-e', `trace=${flushes}`]
      const server = await ServerProcess.start(place, lying ? [...lies, '-e', `inject=${flushes}:retval=0`] : [])
      const senders = await enrolSenders(place, server.url, 8)
      const stop = manyMayListen(new AbortController())
      const pumping = pump(senders, stop.signal)
      await pause(400 + Math.random() * 800)
      if (lying) run('pkill', '-STOP', '-P', String(server.pid))
      server.signal('SIGSTOP')
      await pause(30)
      // What was acknowledged by now, and no more: the copy is of this instant.
      const told = senders.map((sender) => new Map(sender.acknowledged))
      cpSync(image, snapshot)
      stop.abort()
      if (lying) run('pkill', '-KILL', '-P', String(server.pid))
      await server.end('SIGKILL')
      await pumping
      await unmount(mount)
      run('mount', '-o', 'loop', snapshot, mount)
      for (const [index, sender] of senders.entries()) keepOnly(sender.acknowledged, told[index])
      acknowledged += senders.reduce((sum, sender) => sum + sender.acknowledged.size, 0)
      found.note(await missingIn(place, senders).catch((error: unknown) => [String(error)]))
      await unmount(mount)
      for (const file of [image, snapshot]) rmSync(file)
    }
    const notes = { lying, acknowledged, findings: found.words }
    return { rig: 'cloud-power-cut', runs: cuts, violations: found.count, notes }
  })
}

function keepOnly<K, V>(all: Map<K, V>, those: ReadonlyMap<K, V> | undefined): void {
  for (const key of all.keys()) if (!those?.has(key)) all.delete(key)
}

/** PostgreSQL dies without a word (`stop -m immediate`) while eight gateways send; every acknowledged batch is there. */
export function databaseCrash(crashes: number): Promise<RigResult> {
  return inPlace('postgres', async (place, database) => {
    const found = new Findings()
    let done = 0
    const senders = await whilePumping(place, 8, async (all, server) => {
      while ((await taken(found, server, all, done * 5 + 5)) && done < crashes) {
        await pause(Math.random() * 300)
        await database?.crashAndRestart()
        done += 1
      }
    })
    found.note(await missingIn(place, senders))
    const notes = { acknowledged: counted(senders), findings: found.words }
    return { rig: 'cloud-database-crash', runs: done, violations: found.count, notes }
  })
}

/** A server, `count` gateways that send batch after batch to it during `work`, and nothing of either afterwards. */
async function whilePumping(
  place: Place,
  count: number,
  work: (senders: readonly Sender[], server: ServerProcess) => Promise<void>,
): Promise<readonly Sender[]> {
  const server = await ServerProcess.start(place)
  const stop = manyMayListen(new AbortController())
  try {
    const senders = await enrolSenders(place, server.url, count)
    const pumping = pump(senders, stop.signal)
    await work(senders, server)
    stop.abort()
    await pumping
    return senders
  } finally {
    stop.abort()
    await server.end()
  }
}

/** Longer than a request may take, on any machine: with nothing acknowledged for so long, nothing more will be. */
const STUCK_MS = 40_000

/** Waits until so many batches in all are acknowledged; false, and a finding, when the server ended or nothing moves. */
async function taken(
  found: Findings,
  server: ServerProcess,
  senders: readonly Sender[],
  count: number,
): Promise<boolean> {
  let [before, since] = [counted(senders), clock.mono()]
  for (let now = before; now < count; now = counted(senders)) {
    if (now > before) [before, since] = [now, clock.mono()]
    const { lastWords } = server
    const stuck = clock.mono() - since > STUCK_MS
    found.expect(lastWords === undefined, () => `the server ended with ${lastWords}`)
    found.expect(!stuck, () => `${now} batches acknowledged, and none more for ${STUCK_MS} ms`)
    if (stuck || lastWords !== undefined) return false
    await pause(20)
  }
  return true
}

/**
 * The database stops answering (every process of PostgreSQL stopped) for `goneMs`: 503 with a time to come back within two
 * seconds (`answerWithinMs`), never 2xx, `/healthz` says so, and everything drains afterwards.
 */
export function databaseGone(goneMs: number, answerWithinMs = 2_000): Promise<RigResult> {
  return inPlace('postgres', async (place, database) => {
    const found = new Findings()
    const server = await ServerProcess.start(place)
    const senders = await enrolSenders(place, server.url, 40)
    // A slow machine may say "later" before anything is wrong with the database.
    const takenBy = clock.mono() + 30_000
    const first = await Promise.all(
      senders.map((sender) => delivered(sender, sender.seal(readings(BEGIN, 5)), takenBy)),
    )
    found.expect(!first.includes(false), () => 'before: not everything was taken within 30 s')
    database?.freeze()
    const until = clock.mono() + goneMs
    let [answers, slowest] = [0, 0]
    const waiting = senders.map((sender) => sender.seal(readings(BEGIN + 600_000, 5)))
    while (clock.mono() < until) {
      const begun = clock.mono()
      const outcomes = await Promise.all(
        senders.map(async (sender, index) => {
          const batch = waiting[index]
          if (!batch) throw new Error('a batch each')
          const outcome = await sender.send(batch)
          slowest = Math.max(slowest, clock.mono() - begun)
          return outcome
        }),
      )
      answers += outcomes.length
      for (const outcome of outcomes)
        found.expect(isRefused(outcome), () => `while it is gone: ${JSON.stringify(outcome)}`)
      const health = await fetch(`${server.url}/healthz`)
      found.expect(health.status === 503, () => `/healthz says ${health.status}`)
    }
    database?.thaw()
    found.expect(slowest <= answerWithinMs, () => `the slowest answer took ${Math.round(slowest)} ms`)
    const drainedBy = clock.mono() + 30_000
    for (const [index, sender] of senders.entries()) {
      const batch = waiting[index]
      const isDrained =
        batch !== undefined && (await delivered(sender, batch, drainedBy)) && sender.acknowledged.size === 2
      found.expect(isDrained, () => `${sender.id} is not drained`)
    }
    await server.end()
    found.note(await missingIn(place, senders))
    const notes = { gone_ms: goneMs, answers, slowest_ms: Math.round(slowest), findings: found.words }
    return { rig: 'cloud-database-gone', runs: 1, violations: found.count, notes }
  })
}

/** Sends it until it is acknowledged; false when that is not so by then. */
async function delivered(sender: Sender, batch: ReturnType<Sender['seal']>, by: number): Promise<boolean> {
  for (; !(await sender.send(batch)).ok; await pause(100)) if (clock.mono() > by) return false
  return true
}

/** 503, with a time to come back. */
const isRefused = (outcome: Result<unknown, UplinkFault>): boolean =>
  !outcome.ok &&
  outcome.fault.kind === 'busy' &&
  outcome.fault.status === 503 &&
  outcome.fault.retryAfterMs !== undefined

/** The volume of the server's SQLite file is full: 503, never 2xx, and it goes on by itself when there is room again. */
export function cloudDiskFull(): Promise<RigResult> {
  return inFolder(async (folder) => {
    const found = new Findings()
    const mount = join(folder, 'mount')
    mkdirSync(mount)
    run('mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount)
    const place = { dataDir: join(mount, 'cloud') }
    mkdirSync(place.dataDir)
    const senders = await whilePumping(place, 4, async (all, server) => {
      await pause(300)
      run('sh', '-c', `cat /dev/zero > ${join(mount, 'filler')} || true`)
      await pause(1_000)
      const full = counted(all)
      const refused = await Promise.all(all.map((sender) => sender.send(sender.seal(readings(BEGIN, 200)))))
      found.expect(
        refused.every(isRefused),
        () => `on a full disk: ${JSON.stringify(refused.find((each) => !isRefused(each)))}`,
      )
      rmSync(join(mount, 'filler'))
      await taken(found, server, all, full + 1)
    })
    found.note(await missingIn(place, senders))
    const notes = { acknowledged: counted(senders), findings: found.words }
    await unmount(mount)
    return { rig: 'cloud-disk-full', runs: 1, violations: found.count, notes }
  })
}

const counted = (senders: readonly Sender[]): number => senders.reduce((sum, each) => sum + each.acknowledged.size, 0)

export const hasPostgres = (): string | undefined =>
  postgresBinaries() === undefined ? 'a PostgreSQL server under /usr/lib/postgresql' : undefined
