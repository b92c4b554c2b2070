import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SqliteRecordStore, SystemClock, SystemDisk, SystemRandom } from '@metergate/agent'
import { type Anchor, dateOf, invariant, type Numbered, type ReadingRecord } from '@metergate/protocol'
import { AgentBox, CloudBox } from './programs.js'
import { Findings, inFolder, type RigResult, run } from './rig.js'
import { pause } from './writer-process.js'

interface Held {
  readonly detail: readonly Numbered[]
  readonly ledger: readonly Numbered[]
  readonly findings: number
}

/** Everything a stopped or killed agent's folder holds, read from a copy. */
async function heldIn(folder: string): Promise<Held> {
  const copy = mkdtempSync(join(tmpdir(), 'metergate-check-'))
  cpSync(folder, copy, { recursive: true, filter: (name) => !name.endsWith('.sock') })
  const parts = {
    clock: new SystemClock(),
    random: new SystemRandom(),
    disk: new SystemDisk(),
    sealer: () => undefined,
  }
  const store = new SqliteRecordStore({ folder: copy, ...parts, settings: { ballastBytes: 0 } })
  invariant(store.start().ok, 'the store opens')
  const held = {
    detail: [...store.records({ stream: 'detail' })],
    ledger: [...store.records({ stream: 'ledger' })],
    findings: store.verify().findings.length,
  }
  await store.close()
  rmSync(copy, { recursive: true, force: true })
  return held
}

const readingsIn = (held: Held): readonly ReadingRecord[] =>
  held.detail.flatMap(({ record }) => (record.kind === 'reading' ? [record] : []))
const anchorsIn = (held: Held): readonly Anchor[] =>
  held.ledger.flatMap(({ record }) => (record.kind === 'anchor' ? [record] : []))
const eventsIn = (held: Held, code: string): number =>
  held.ledger.filter(({ record }) => record.kind === 'event' && record.code === code).length

/** One folder, one process: the second ends within 2 s and says why; kill -9 of the first leaves nothing in the way. */
export function twoInstances(rounds: number): Promise<RigResult> {
  return inFolder(async (folder) => {
    const [box, found] = [new AgentBox(folder), new Findings()]
    const times: number[] = []
    try {
      await box.configure()
      for (let round = 0; round < rounds; round += 1) {
        const first = box.start()
        await first.says('metergate runs')
        const begun = process.hrtime.bigint()
        const second = box.start()
        const code = await second.ended()
        const ms = Number((process.hrtime.bigint() - begun) / 1_000_000n)
        times.push(ms)
        found.expect(code !== 0 && code !== null, () => `the second ended with ${code}`)
        // By the folder's lock, before it touched the store; the socket's being in use would be noticed too late.
        found.expect(
          /another metergate process is using/.test(second.output),
          () => `the second said ${second.output.slice(-300)}`,
        )
        found.expect(!first.hasEnded, () => 'the first ended too')
        await first.end('SIGKILL')
        const third = box.start()
        await third
          .says('metergate runs')
          .catch((error: unknown) => found.expect(false, () => `after kill -9: ${error}`))
        await third.end()
      }
      // Of the program's start most is Node's own; on a busy machine 2 s may pass before a line of ours has run.
      const notes = { slowestMs: Math.max(...times), within2s: times.every((ms) => ms <= 2000), problems: found.words }
      return { rig: 'two-instances', runs: rounds, violations: found.count, notes }
    } finally {
      await box.close()
    }
  })
}

/** SIGTERM at random instants of poll, commit and POST: 0 within 5 s, and nothing lost or doubled over all lives. */
export function sigterm(cycles: number): Promise<RigResult> {
  return inFolder(async (folder) => {
    const [box, cloud, found] = [new AgentBox(folder), new CloudBox(join(folder, 'cloud')), new Findings()]
    let [stored, slowest] = [0, 0]
    try {
      await cloud.start()
      await box.configure(cloud.url)
      const gateway = await box.enrol(await cloud.invite())
      for (let cycle = 0; cycle < cycles; cycle += 1) {
        const agent = box.start()
        await agent.says('metergate runs')
        // On a busy machine nothing may have been read a second after the start: every other life is ended once something has been.
        if (cycle % 2 === 0) await box.hasStored(1)
        else await pause(1200)
        await pause(Math.random() * 2500)
        const { code, ms } = await agent.end()
        slowest = Math.max(slowest, ms)
        found.expect(
          code === 0 && ms <= 5000,
          () => `cycle ${cycle}: ${code} after ${ms} ms: ${agent.output.slice(-300)}`,
        )
        const [, taken, kept] = /"polls":(\d+),"failed":\d+,"stored":(\d+)/.exec(agent.output) ?? []
        found.expect(taken !== undefined && taken === kept, () => `cycle ${cycle}: ${taken} taken, ${kept} stored`)
        stored += Number(kept ?? 0)
      }
      const held = await heldIn(box.data)
      const readings = readingsIn(held)
      found.expect(readings.length === stored, () => `${readings.length} readings kept, ${stored} stored`)
      found.expect(held.findings === 0 && stored > 0, () => `${held.findings} findings, ${stored} stored`)
      const polls = new Set(readings.map(({ meter, stamp, group }) => `${meter} ${group} ${stamp.boot} ${stamp.mono}`))
      found.expect(polls.size === readings.length, () => `${readings.length - polls.size} readings are there twice`)
      await sameInCloud(cloud, gateway, held, found)
      const notes = { readings: readings.length, slowestMs: slowest, problems: found.words }
      return { rig: 'sigterm', runs: cycles, violations: found.count, notes }
    } finally {
      await box.close()
      await cloud.stop()
    }
  })
}

/** No stream of the cloud holds more than the agent ever numbered, none has a broken chain or a conflict. */
async function sameInCloud(cloud: CloudBox, gateway: string, held: Held, found: Findings): Promise<void> {
  const { streams } = await cloud.reconcile(gateway)
  found.expect(streams.length > 0, () => 'the cloud has no stream')
  for (const each of streams) {
    const most = each.kind === 'detail' ? held.detail.length : held.ledger.length
    found.expect(each.records <= most, () => `the cloud has ${each.records} records of ${most}`)
    found.expect(each.conflicts === 0 && each.chain_broken === 0, () => JSON.stringify(each))
  }
}

const FAKETIME = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
]
export const fakeTimeLibrary = (): string | undefined => FAKETIME.find((path) => existsSync(path))

/** The process's wall clock as a file says, its monotonic clock untouched. */
function fakeTime(file: string, offset: string): Readonly<Record<string, string>> {
  writeFileSync(file, offset)
  return {
    LD_PRELOAD: fakeTimeLibrary() ?? '',
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    // Without it the library puts the deadline of a wait before 1970 once the machine has been up longer than the faked
    // time of day, and the thread waits for ever (0.9.10).
    FAKETIME_FORCE_MONOTONIC_FIX: '0',
  }
}

/** True time of a record, from the monotonic clock that this process shares with the agent. */
const trueTimeOf = (record: ReadingRecord): number => Date.now() - (new SystemClock().mono() - record.stamp.mono)

/** The box boots in 1970, learns the time from the cloud later: every reading gets its right time, marked as derived. */
export function bootIn1970(seconds: number): Promise<RigResult> {
  return inFolder(async (folder) => {
    const [box, cloud, found] = [new AgentBox(folder), new CloudBox(join(folder, 'cloud')), new Findings()]
    try {
      await cloud.start()
      await box.configure(cloud.url)
      await box.enrol(await cloud.invite())
      await cloud.stop()
      const since1970 = Math.floor(Date.now() / 1000) - 600
      const agent = box.start([], fakeTime(join(folder, 'time'), `-${since1970}`))
      await agent.says('metergate runs')
      await pause(seconds * 1000)
      await box.hasStored(seconds)
      await cloud.start()
      for (let waited = 0; waited < 90_000 && !agent.output.includes('the cloud answers'); waited += 500)
        await pause(500)
      await pause(3000)
      await agent.end()
      const held = await heldIn(box.data)
      const early = readingsIn(held).filter(({ stamp }) => stamp.wall < Date.UTC(1971, 0))
      found.expect(
        early.length >= seconds,
        () => `only ${early.length} readings from 1970: ${agent.output.slice(-300)}`,
      )
      found.expect(
        early.every(({ stamp }) => stamp.quality === 'U'),
        () => 'a reading of 1970 claims a known time',
      )
      const anchors = anchorsIn(held)
      found.expect(anchors.length > 0, () => 'no anchor')
      for (const record of early) {
        const dated = dateOf(record.stamp, anchors)
        const off = Math.abs((dated.at ?? 0) - trueTimeOf(record))
        found.expect(dated.quality === 'D' && off <= 2000, () => `${dated.quality}, ${off} ms off`)
      }
      const notes = { readings: early.length, anchors: anchors.length, problems: found.words }
      return { rig: 'boot-in-1970', runs: 1, violations: found.count, notes }
    } finally {
      await box.close()
      await cloud.stop()
    }
  })
}

const STEPS = ['+3600', '-3600', '-63072000', '+157680000', '+5', '-5']

/** The wall clock jumps, also while it waits to retry: the cadence goes by the monotonic clock, nothing is purged. */
export function clockSteps(seconds: number): Promise<RigResult> {
  return inFolder(async (folder) => {
    const [box, cloud, found] = [new AgentBox(folder), new CloudBox(join(folder, 'cloud')), new Findings()]
    const file = join(folder, 'time')
    let door: ClosedDoor | undefined
    try {
      await cloud.start()
      await box.configure(cloud.url)
      await box.enrol(await cloud.invite())
      await cloud.stop()
      // Whoever comes is cut off, so that a back-off is always on.
      door = await ClosedDoor.at(cloud.port)
      const begun = process.hrtime.bigint()
      const agent = box.start([], fakeTime(file, '+0'))
      await agent.says('metergate runs')
      await pause(seconds * 1000)
      for (const step of STEPS) {
        writeFileSync(file, step)
        await pause(seconds * 1000)
      }
      const { code } = await agent.end()
      found.expect(code === 0, () => `ended with ${code}`)
      const passedS = Number((process.hrtime.bigint() - begun) / 1_000_000_000n)
      // After the first tries a few a minute, heartbeats included, whatever the wall clock says.
      const { knocks } = door
      found.expect(knocks >= 3 && knocks <= 8 + passedS / 5, () => `${knocks} requests in ${passedS} s`)
      const held = await heldIn(box.data)
      const gaps = cadenceOf(readingsIn(held))
      // A second each; a busy machine may miss a slot, but never bursts and never stalls.
      // On a grid a late poll is followed by a timely one: what counts is that three gaps hold two seconds at least.
      const three = gaps.map((gap, index) => gap + (gaps[index + 1] ?? 1e9) + (gaps[index + 2] ?? 1e9))
      found.expect(Math.min(...three) >= 2000, () => `four polls in ${Math.min(...three)} ms`)
      found.expect(Math.max(...gaps) <= 4000, () => `${Math.max(...gaps)} ms without a poll`)
      found.expect(
        held.detail.every(({ seq }, index) => seq === index + 1),
        () => 'a number is missing',
      )
      // The clock is looked at every 5 s: steps that follow each other faster are noticed as one.
      const due = Math.min(STEPS.length - 2, Math.floor((seconds * STEPS.length) / 5) - 1)
      found.expect(eventsIn(held, 'clock_step') >= due, () => `${eventsIn(held, 'clock_step')} steps noticed`)
      const notes = {
        polls: gaps.length,
        least: Math.min(...gaps),
        most: Math.max(...gaps),
        knocks,
        problems: found.words,
      }
      return { rig: 'clock-steps', runs: STEPS.length, violations: found.count, notes }
    } finally {
      await door?.close()
      await cloud.stop()
      await box.close()
    }
  })
}

/** Where a cloud was: cuts off whoever comes and counts them. */
class ClosedDoor {
  knocks = 0
  private readonly server = createServer((socket) => {
    this.knocks += 1
    socket.on('error', () => undefined).resetAndDestroy()
  })

  static async at(port: number): Promise<ClosedDoor> {
    const door = new ClosedDoor()
    await once(door.server.listen(port, '127.0.0.1'), 'listening')
    return door
  }

  async close(): Promise<void> {
    await once(this.server.close(), 'close')
  }
}

/** Milliseconds between the polls of each meter and group. */
function cadenceOf(readings: readonly ReadingRecord[]): number[] {
  const polls = new Map<string, number[]>()
  for (const { meter, group, stamp } of readings) {
    const key = `${meter} ${group}`
    polls.set(key, [...(polls.get(key) ?? []), stamp.mono])
  }
  return [...polls.values()].flatMap((monos) => monos.slice(1).map((mono, index) => mono - (monos[index] ?? 0)))
}

/** Three boots, none synchronised, each with its own boot id and monotonic clock: unknown time, order by number. */
export function unsyncedBoots(): Promise<RigResult> {
  return inFolder(async (folder) => {
    const [box, found] = [new AgentBox(folder), new Findings()]
    const bootId = join(folder, 'boot-id')
    const path = '/proc/sys/kernel/random/boot_id'
    const offsets = [400_000, 5_000, 90_000]
    try {
      await box.configure()
      for (const [index, offset] of offsets.entries()) {
        writeFileSync(bootId, `0000000${index}-1111-4222-8333-444444444444\n`)
        run('mount', '--bind', bootId, path)
        // Wall clocks that go back and forth from boot to boot.
        const wall = fakeTime(join(folder, `time-${index}`), ['-31536000', '+7200', '-63072000'][index] ?? '+0')
        const agent = box.start(['unshare', '-T', '--monotonic', String(offset), '--fork', '--kill-child'], wall)
        await agent.says('metergate runs')
        await box.hasStored(2)
        await agent.end('SIGKILL')
        run('umount', path)
      }
      const held = await heldIn(box.data)
      const readings = readingsIn(held)
      const boots = readings.map(({ stamp }) => stamp.boot)
      found.expect(new Set(boots).size === offsets.length, () => `${new Set(boots).size} boots`)
      found.expect(
        readings.every(({ stamp }) => stamp.quality === 'U'),
        () => 'a time is called known',
      )
      const changes = boots.filter((boot, index) => index > 0 && boot !== boots[index - 1]).length
      found.expect(changes === offsets.length - 1, () => `${changes} changes of boot in order of the numbers`)
      for (const boot of new Set(boots)) {
        const monos = readings.filter(({ stamp }) => stamp.boot === boot).map(({ stamp }) => stamp.mono)
        found.expect(
          monos.every((mono, index) => index === 0 || mono >= (monos[index - 1] ?? 0) - 1000),
          () => 'out of order',
        )
      }
      const notes = { readings: readings.length, boots: new Set(boots).size, problems: found.words }
      return { rig: 'unsynced-boots', runs: offsets.length, violations: found.count, notes }
    } finally {
      await box.close()
    }
  })
}

/** Every flush takes half a second, as cheap cards do when they tidy up: polls come later, none of them fails. */
export function slowFlush(seconds: number): Promise<RigResult> {
  return inFolder(async (folder) => {
    const [box, found, log] = [new AgentBox(folder), new Findings(), join(folder, 'strace')]
    try {
      await box.configure()
      const calls = 'fsync,fdatasync'
      const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:delay_exit=500000`]
      const agent = box.start(['strace', '-f', '-qq', ...inject, '-o', log])
      await agent.says('metergate runs', 60_000)
      await pause(seconds * 1000)
      run('pkill', '-TERM', '-P', String(agent.pid))
      const code = await agent.ended()
      const held = readingsIn(await heldIn(box.data))
      const flushes = readFileSync(log, 'utf8').split('DELAYED').length - 1
      const absent = held.flatMap(({ values }) => values.filter((value) => 'absent' in value)).length
      found.expect(code === 0, () => `ended with ${code}: ${agent.output.slice(-300)}`)
      found.expect(flushes >= seconds / 2, () => `${flushes} flushes were slow`)
      found.expect(held.length >= seconds / 2, () => `${held.length} readings in ${seconds} s`)
      found.expect(absent === 0, () => `${absent} values are absent`)
      const gaps = cadenceOf(held)
      const notes = {
        readings: held.length,
        flushes,
        absent,
        longestGapMs: Math.max(0, ...gaps),
        problems: found.words,
      }
      return { rig: 'slow-flush', runs: flushes, violations: found.count, notes }
    } finally {
      await box.close()
    }
  })
}
