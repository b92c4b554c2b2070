import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ControlClient,
  controlSocketPath,
  energyReportSchema,
  type GatewaySnapshot,
  SqliteRecordStore,
  SystemClock,
  SystemRandom,
  snapshotSchema,
} from '@metergate/agent'
import {
  type Amount,
  add,
  compare,
  encodeRecord,
  gatewayIdSchema,
  type IntervalRecord,
  type Numbered,
  type ReconcileAnswer,
  reconcileAnswerSchema,
  subtract,
} from '@metergate/protocol'
import { demoPlant } from '@metergate/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { demoConfig } from '../demo/plant.js'
import { freePort } from '../demo/stack.js'
import { fillHistory } from '../demo/virtual-history.js'
import { type Ended, eventually, Program, pause, run } from './program.js'

const OUTAGE_MS = 6_000
const MINUTE = 60_000

const folder = mkdtempSync(join(tmpdir(), 'metergate-walk-'))
const files = {
  folder,
  config: join(folder, 'metergate.yaml'),
  agentData: join(folder, 'agent'),
  cloudData: join(folder, 'cloud'),
  link: join(folder, 'line-1'),
}
const env = { METERGATE_CONFIG: files.config, LANG: 'en_US.UTF-8' }
const started: Program[] = []

function start(...args: ConstructorParameters<typeof Program>): Program {
  const program = new Program(...args)
  started.push(program)
  return program
}

async function startCloud(port: number): Promise<Program> {
  const cloud = start('cloud', ['serve', '--data-dir', files.cloudData, '--port', String(port), '--log-level', 'warn'])
  await cloud.says('listens on')
  return cloud
}

async function startAgent(): Promise<Program> {
  const agent = start('metergate', ['run'], env)
  await agent.says('metergate runs')
  return agent
}

/** Runs a program that must succeed; gives what it printed. */
async function ask(...args: Parameters<typeof run>): Promise<string> {
  const { code, out, err } = await run(...args)
  if (code !== 0) throw new Error(`${args[0]} ${args[1].join(' ')} ended with ${code}: ${err}`)
  return out
}
const asJson = async <T>(schema: z.ZodType<T>, args: readonly string[]): Promise<T> =>
  schema.parse(JSON.parse(await ask('metergate', [...args, '--json'], env)))
const lastWord = (text: string): string => text.trim().split(/\s+/).at(-1) ?? ''

interface StreamRecords {
  readonly kind: 'detail' | 'ledger'
  readonly records: readonly Numbered[]
  readonly stream: string
  /** Those whose acknowledgement the agent had heard: the cloud must have them. */
  readonly acknowledged: ReadonlySet<number>
  /** Those that were in a batch: the cloud may have them. */
  readonly sealed: ReadonlySet<number>
}

/** Everything a data folder holds, read from a copy, so that looking changes nothing. */
async function contents(): Promise<readonly StreamRecords[]> {
  const copy = mkdtempSync(join(tmpdir(), 'metergate-walk-copy-'))
  cpSync(files.agentData, copy, { recursive: true, filter: (name) => !name.endsWith('.sock') })
  const store = new SqliteRecordStore({
    folder: copy,
    clock: new SystemClock(),
    random: new SystemRandom(),
    disk: { freeBytes: () => 2 ** 40 },
    sealer: () => undefined,
  })
  try {
    const opened = store.start()
    if (!opened.ok) throw new Error(`the store cannot be opened: ${opened.fault.why}`)
    const pending = store.pending(1000).flatMap(({ stream, number }) => store.load(stream, number) ?? [])
    return store.health().streams.map(({ kind, stream, lastSealed }) => {
      const records = [...store.records({ stream: kind })]
      const sealed = records.map(({ seq }) => seq).filter((seq) => seq <= lastSealed)
      const waits = pending.filter((batch) => batch.stream === stream)
      const isWaiting = (seq: number): boolean => waits.some(({ first, last }) => first <= seq && seq <= last)
      return {
        kind,
        stream,
        records,
        sealed: new Set<number>(sealed),
        acknowledged: new Set<number>(sealed.filter((seq) => !isWaiting(seq))),
      }
    })
  } finally {
    await store.close()
    rmSync(copy, { recursive: true, force: true })
  }
}

const intervalsOf = (side: readonly StreamRecords[]): readonly IntervalRecord[] =>
  side.flatMap(({ records }) => records.flatMap(({ record }) => (record.kind === 'interval' ? [record] : [])))

const DRAINED_MS = 75_000

/**
 * A plant with minutes of history, agent and cloud in processes of their own, on a pty, over HTTP. The cloud is killed in the
 * middle, the agent is killed while the cloud is away.
 */
describe('the whole walk in real processes', { timeout: 60_000 }, () => {
  let atKill: readonly StreamRecords[]
  let atEnd: readonly StreamRecords[]
  let inCloud: ReconcileAnswer
  let live: GatewaySnapshot
  let energy: z.infer<typeof energyReportSchema>
  let added: string
  let stopped: Ended
  let stoppedInMs: number

  beforeAll(async () => {
    const port = await freePort(0)
    const url = `http://127.0.0.1:${port}`
    const cloud = await startCloud(port)
    const code = lastWord(await ask('cloud', ['gateway', 'invite', '--name', 'Walk', '--data-dir', files.cloudData]))
    const token = lastWord(await ask('cloud', ['token', 'create', '--name', 'walk', '--data-dir', files.cloudData]))
    const spec = demoPlant(7)
    const config = demoConfig(spec, files, url, '2s')
      .replaceAll('power: 5s', 'power: 2s')
      .replace('commit_window: 2s', 'commit_window: 1s')
      .replace('every: 5s', 'every: 1s')
    writeFileSync(files.config, config)
    const { gateway } = await asJson(z.object({ gateway: gatewayIdSchema }), ['enrol', code])
    // The last minute of history stays open: the agent must close it, once, across its two lives.
    const untilMs = Math.floor(Date.now() / MINUTE) * MINUTE
    await fillHistory({ files, spec, gateway, fromMs: untilMs - 5 * MINUTE, untilMs, onProgress: () => {} })
    const line = start('simulator', ['line', '--json', '--seed', '7', '--link', files.link, '--exit-with-input'])
    await line.says('"ready"')

    const first = await startAgent()
    live = await eventually(
      'the first readings in the cloud',
      async () => {
        const snapshot = await asJson(snapshotSchema, ['status'])
        return snapshot.readings.good >= 5 && snapshot.link.last_batch_at !== null ? snapshot : undefined
      },
      DRAINED_MS,
    )
    const production = ['production', 'add', '1200', '--unit', 'pair', '--product', 'slipper']
    const times = ['--from', '00:00', '--to', '00:01']
    added = await ask('metergate', [...production, ...times, '--note', 'by hand', '--json'], env)
    energy = await asJson(energyReportSchema, ['energy', '--today'])

    await cloud.end('SIGKILL')
    await pause(OUTAGE_MS / 2)
    await first.end('SIGKILL')
    atKill = await contents()
    const second = await startAgent()
    await pause(OUTAGE_MS / 2)
    await startCloud(port)
    const socket = new ControlClient(controlSocketPath(files.agentData), new SystemClock())
    await eventually(
      'the backlog drained',
      async () => {
        const answer = await socket.ask('status', {})
        if (!answer.ok || answer.value.link.state !== 'up') return undefined
        return answer.value.readings.good >= 5 && answer.value.backlog.batches === 0 ? true : undefined
      },
      // Full jitter after an outage on a busy machine: a few retries may fall late.
      DRAINED_MS,
    )
    const asked = Date.now()
    stopped = await second.end('SIGTERM')
    stoppedInMs = Date.now() - asked
    atEnd = await contents()
    const answer = await fetch(`${url}/v1/gateways/${gateway}/reconcile`, {
      headers: { authorization: `Bearer ${token}` },
    })
    inCloud = reconcileAnswerSchema.parse(await answer.json())
  }, 180_000)

  afterAll(async () => {
    await Promise.all(started.map((program) => program.end('SIGKILL')))
    rmSync(folder, { recursive: true, force: true })
  })

  it('keeps every record that was stored when the agent was killed, under its number', () => {
    for (const { kind, records } of atKill) {
      const after = new Map(
        atEnd.filter((one) => one.kind === kind).flatMap((one) => one.records.map(({ seq, record }) => [seq, record])),
      )
      expect(records.length).toBeGreaterThan(20)
      for (const { seq, record } of records) {
        const kept = after.get(seq)
        expect(kept && encodeRecord(kept), `${kind} ${seq}`).toBe(encodeRecord(record))
      }
    }
  })

  it('brings every acknowledged record to the cloud, once', () => {
    expect(inCloud.streams).toHaveLength(atEnd.length)
    for (const { stream, kind, acknowledged, sealed } of atEnd) {
      const there = inCloud.streams.find((one) => one.stream === stream)
      if (!there) throw new Error(`the cloud does not know the ${kind} stream`)
      expect(there.records, `${kind}: none is lost`).toBeGreaterThanOrEqual(acknowledged.size)
      expect(there.records, `${kind}: none is there twice`).toBeLessThanOrEqual(sealed.size)
      // What was stored when the agent was killed has been acknowledged since, though the cloud was away.
      for (const { seq } of atKill.find((one) => one.stream === stream)?.records ?? [])
        expect(acknowledged.has(seq), `${kind} ${seq}`).toBe(true)
      expect(there).toMatchObject({
        first_record: 1,
        chain_broken: 0,
        conflicts: 0,
        rejected_records: 0,
        gap_records: 0,
      })
    }
    expect(inCloud.rejected).toEqual([])
  })

  it('has as many readings of each meter in the cloud as were acknowledged', () => {
    const detail = atEnd.find(({ kind }) => kind === 'detail')
    for (const { meter, readings } of inCloud.meters) {
      const held = (detail?.records ?? []).filter(({ record }) => record.kind === 'reading' && record.meter === meter)
      const least = held.filter(({ seq }) => detail?.acknowledged.has(seq)).length
      const most = held.filter(({ seq }) => detail?.sealed.has(seq)).length
      expect(least, meter).toBeGreaterThan(20)
      expect(readings, meter).toBeGreaterThanOrEqual(least)
      expect(readings, meter).toBeLessThanOrEqual(most)
    }
    expect(inCloud.meters).toHaveLength(5)
  })

  it('cuts each interval once, without a hole, and they add up to the register', () => {
    const meters = new Set(intervalsOf(atEnd).map(({ meter }) => meter))
    expect(meters.size).toBe(5)
    for (const meter of meters) {
      const own = intervalsOf(atEnd).filter((one) => one.meter === meter && one.revision === 0)
      const starts = own.map(({ start: begin }) => begin)
      expect(new Set(starts).size, `${meter} has an interval twice`).toBe(starts.length)
      const sorted = [...own].sort((a, b) => a.start - b.start)
      for (const [index, one] of sorted.entries())
        expect(one.start, `${meter} has a hole`).toBe((sorted[0]?.start ?? 0) + index * MINUTE)
      // Also the one that was open when history ended and the first agent began.
      expect(sorted.length).toBeGreaterThanOrEqual(5)
      addsUp(sorted)
    }
  })

  it('answers through the socket of the running daemon', () => {
    expect(live).toMatchObject({ link: { state: 'up' }, readings: { failed: 0 } })
    expect(live.meters).toHaveLength(5)
    expect(energy.meters.filter((meter) => meter.energy).length).toBeGreaterThanOrEqual(4)
    expect(added).toContain('slipper')
    const entries = atEnd.flatMap(({ records }) => records.filter(({ record }) => record.kind === 'production'))
    const declared = entries.filter(({ record }) => record.kind === 'production' && record.source === 'declared')
    expect(declared).toHaveLength(1)
    expect(declared[0]?.record).toMatchObject({ product: 'slipper', note: 'by hand' })
  })

  it('ends with 0 on SIGTERM, within 5 seconds and without a stack trace', () => {
    expect(stopped.code, stopped.err).toBe(0)
    expect(stoppedInMs).toBeLessThan(5_000)
    expect(`${stopped.out}${stopped.err}`).not.toMatch(/^\s+at |Error:/m)
  })
})

/** Sum of the deltas = last register − first, exactly. */
function addsUp(intervals: readonly IntervalRecord[]): void {
  const quantities = new Set(intervals.flatMap(({ deltas }) => deltas.map(({ quantity }) => quantity)))
  for (const quantity of quantities) {
    const own = intervals.flatMap(({ deltas }) => deltas.filter((each) => each.quantity === quantity && each.delta))
    // The first minute began before the first reading: it counts from there.
    const [from, to] = [own[0]?.from ?? own[0]?.parts?.[0]?.from, own.at(-1)?.to]
    if (!from || !to) throw new Error(`${quantity} has no registers`)
    const sum = own.reduce<Amount>((total, { delta }) => (delta ? add(total, delta) : total), { n: 0, exp: 0 })
    expect(compare(sum, subtract(to, from)), quantity).toBe(0)
  }
}
