import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootId, epochMs, fail, monoMs, ok } from '@metergate/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import type { ControlHandlers } from '../control/calls.js'
import type { ClockAnswer, ClockConfirmation } from '../control/clock-answer.js'
import { ControlServer } from '../control/server.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import type { CliDeps, CliIo } from './ports.js'
import { runCli } from './program.js'

const nobody = async () => fail({ kind: 'failed', why: 'not in this test' } as const)
const never = (): never => {
  throw new Error('not in this test')
}
const clock = new VirtualClock({ wall: Date.UTC(2026, 10, 23, 4) })
const lines = { clock, listPorts: async () => [], line: never, modbusTcp: never }

const WAITING: ClockAnswer = {
  boot: bootId('boot-1'),
  mono: monoMs(60_000),
  wall: epochMs(Date.UTC(2026, 10, 23, 4, 0, 5)),
  quality: 'U',
  evidence: null,
  dispute: null,
  offset_ms: null,
  waiting_for: 'clock',
}
const { waiting_for: _, ...KNOWN } = WAITING
const CONFIRMED: ClockAnswer = {
  ...KNOWN,
  quality: 'S',
  evidence: { source: 'technician', age_ms: 12_000, error_ms: 1_502, off_by_ms: 0 },
}

let stop = new AbortController()
afterEach(() => {
  stop.abort()
  stop = new AbortController()
})

/** A box with a daemon that answers so. */
async function box(state: ClockAnswer, after: ClockAnswer = CONFIRMED) {
  const folder = mkdtempSync(join(tmpdir(), 'mg-clk-'))
  const file = join(folder, 'metergate.yaml')
  writeFileSync(
    file,
    'lines: [{ id: l, port: /dev/ttyUSB7 }]\nmeters: [{ id: m, line: l, profile: eastron-sdm630, unit: 1 }]\n',
  )
  const confirmed: ClockConfirmation[] = []
  const energy: ControlHandlers['energy'] = async (span) => {
    const rest = { meters: [], groups: [], products: [], tariff: null, checks: [], events: [], steps_of: null }
    return ok({ ...span, ...rest, zone: 'Asia/Shanghai', steps: [], waiting_for: 'clock' })
  }
  const handlers: ControlHandlers = {
    ...{ status: nobody, read: nobody, energy, verify: nobody, history: nobody, meter_exchange: nobody },
    ...{ production_add: nobody, production_list: nobody, production_correct: nobody },
    clock: async () => ok(state),
    clock_confirm: async (request) => {
      confirmed.push(request)
      return ok(after)
    },
  }
  mkdirSync(join(folder, 'data'))
  await new ControlServer(join(folder, 'data', 'control.sock'), handlers).start(stop.signal)
  const run = async (args: readonly string[], answer?: string) => {
    const [out, err, asked]: [string[], string[], string[]] = [[], [], []]
    const ask = async (question: string) => {
      asked.push(question)
      return answer ?? ''
    }
    const io: CliIo = {
      out: { write: (text) => void out.push(text), isTerminal: false },
      err: { write: (text) => void err.push(text), isTerminal: false },
      env: { LANG: 'C' },
      ask: answer === undefined ? undefined : ask,
      signal: new AbortController().signal,
    }
    const deps: CliDeps = { clock, version: '0.0.0', lines, run: never, local: never, enrol: never }
    const code = await runCli(['--config', file, ...args], io, deps)
    return { code, out: out.join(''), err: err.join(''), asked: asked.join('') }
  }
  return { run, confirmed }
}

describe('metergate clock', () => {
  it('says that nobody vouches for the clock, what waits for it and what to do', async () => {
    const { run } = await box(WAITING)
    const en = await run(['clock'])
    expect(en).toMatchObject({ code: 0, err: '' })
    expect(en.out).toMatch(
      /Clock +not synchronised\nShows +2026-11-23 12:00:05 +Asia\/Shanghai\nKnown from +nobody yet\n/,
    )
    expect(en.out).toMatch(/no energy yet: .*metergate clock confirm\n$/)
    const zh = await run(['--lang', 'zh', 'clock'])
    for (const text of ['未校时', '尚无电量', 'metergate clock confirm']) expect(zh.out).toContain(text)
    expect(JSON.parse((await run(['clock', '--json'])).out)).toEqual(WAITING)
  })

  it('names whose word counts, how far off the clock is, and two who differ', async () => {
    const { run } = await box({
      ...KNOWN,
      quality: 'S',
      evidence: { source: 'chrony', age_ms: 12_000, error_ms: 18, off_by_ms: -3 },
      dispute: { source: 'cloud', against: 'chrony', by_ms: 3_025 },
      offset_ms: -3_025,
    })
    const { out } = await run(['clock'])
    expect(out).toMatch(/Known from +chrony, 12 s ago, within 0.1 s\nOff by +-3 ms\nAgainst the cloud +-3025 ms\n/)
    expect(out).toMatch(/Disagreement +the cloud and chrony differ by 3.0 s/)
    expect(out).not.toContain('no energy')
  })
})

describe('metergate clock confirm', () => {
  it('shows the time, asks, and confirms the instant that was shown', async () => {
    const { run, confirmed } = await box(WAITING)
    const ran = await run(['clock', 'confirm'], 'y')
    expect(ran.asked).toBe("the box's clock shows 2026-11-23 12:00:05 (Asia/Shanghai). Is that right? [y/N] ")
    expect(ran.out).toContain('confirmed: 2026-11-23 12:00:05 was right within 1 s')
    const { boot, mono, wall } = WAITING
    expect(confirmed).toEqual([{ boot, mono, wall, error_ms: 1_500 }])
  })

  it('that is answered with no, or cannot be asked, confirms nothing', async () => {
    const { run, confirmed } = await box(WAITING)
    expect(await run(['clock', 'confirm'], '')).toMatchObject({
      code: 1,
      err: expect.stringContaining('set the clock of the box first'),
    })
    expect(await run(['clock', 'confirm'])).toMatchObject({ code: 2, err: expect.stringContaining('--yes') })
    for (const within of ['0', '601', 'soon'])
      expect(await run(['clock', 'confirm', '--yes', '--within', within])).toMatchObject({ code: 2 })
    expect(confirmed).toEqual([])
  })

  it('says how well it was compared, in JSON too, and when a daemon knows better', async () => {
    const { run, confirmed } = await box(WAITING)
    const ran = await run(['clock', 'confirm', '--yes', '--within', '30', '--json'])
    expect(JSON.parse(ran.out)).toEqual(CONFIRMED)
    expect(confirmed).toMatchObject([{ error_ms: 30_500 }])
    stop.abort()
    stop = new AbortController()
    const evidence = { source: 'chrony', age_ms: 1, error_ms: 5, off_by_ms: 0 } as const
    const kept = await box(WAITING, { ...CONFIRMED, evidence })
    expect((await kept.run(['--lang', 'zh', 'clock', 'confirm', '--yes'])).out).toContain('未采用：chrony')
  })
})

describe('metergate energy before the time is known', () => {
  it('says why there are no figures, beside tables and CSV, and as a field in JSON', async () => {
    const { run } = await box(WAITING)
    for (const format of [[], ['--csv']])
      expect((await run(['energy', ...format])).err).toContain('nobody vouches for the clock')
    expect((await run(['--lang', 'zh', 'energy'])).err).toContain('尚无电量')
    const json = await run(['energy', '--json'])
    expect(JSON.parse(json.out)).toMatchObject({ waiting_for: 'clock' })
    expect(json.err).toBe('')
  })
})
