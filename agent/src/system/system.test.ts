import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { durationMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.js'
import { chronyWord, clockEvidence, type EvidenceSources, ntpdWord } from './clock-evidence.js'
import { diskSpace, writePrivately } from './disk.js'
import { createLogger } from './logger.js'
import { RepeatLimit } from './repeat-limit.js'
import { readBootId, SystemClock } from './system-clock.js'
import { SystemRandom } from './system-random.js'

describe('the system clock', () => {
  it('names the boot, and finds a name where the kernel gives none', () => {
    expect(readBootId(() => '4fcb4f4e-5e12-4a1a-a0a4-0dcb9b3f2a11\n')).toBe('4fcb4f4e-5e12-4a1a-a0a4-0dcb9b3f2a11')
    const none = (): string => {
      throw new Error('ENOENT')
    }
    expect(readBootId(none)).toMatch(/^boot-\d+$/)
    expect(readBootId(none)).toBe(readBootId(none))
  })
  it('never goes back, and a sleep ends when told to stop', async () => {
    const clock = new SystemClock()
    const before = clock.mono()
    const stop = new AbortController()
    const asleep = clock.sleep(durationMs(60_000), stop.signal)
    stop.abort(new Error('stopped'))
    await expect(asleep).rejects.toThrow('stopped')
    expect(clock.mono()).toBeGreaterThanOrEqual(before)
  })
})

describe('clock evidence', () => {
  const TRACKING =
    'A29FC87B,162.159.200.123,4,1763870000.1,0.000250000,-0.0001,0.0002,-1.2,0.01,0.05,0.030000000,0.002000000,64.2,Normal'
  const sources = (over: Partial<EvidenceSources>): EvidenceSources => ({
    wallMs: () => 10_000_000,
    timesyncdMark: async () => undefined,
    chronyTracking: async () => undefined,
    ntpdVariables: async () => undefined,
    kernelSynchronised: async () => undefined,
    ...over,
  })

  it("takes chrony's own bound: offset + dispersion + half the delay, rounded up", async () => {
    expect(await clockEvidence(sources({ chronyTracking: async () => TRACKING }))).toEqual({
      source: 'chrony',
      errorMs: 18,
      markMs: 1_763_870_000_100,
    })
  })
  it('takes no word of a chrony that is not synchronised', () => {
    expect(chronyWord(TRACKING.replace('Normal', 'Not synchronised'))).toBeUndefined()
    expect(chronyWord('506 Cannot talk to daemon')).toBeUndefined()
  })
  it("believes timesyncd's mark only while it is fresh", async () => {
    const marked = (age: number) => clockEvidence(sources({ timesyncdMark: async () => 10_000_000 - age }))
    expect(await marked(60_000)).toMatchObject({ source: 'timesyncd', markMs: 9_940_000 })
    expect(await marked(3 * 3_600_000)).toBeUndefined()
    expect(await marked(-60_000)).toBeUndefined()
    expect(await clockEvidence(sources({}))).toBeUndefined()
  })

  // 2026-11-23 04:00:00 UTC is 0xeeae38c0 in NTP seconds.
  const NTPD = `associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,
version="ntpd 4.2.8p15", processor="x86_64", leap=00, stratum=3,
precision=-23, rootdelay=12.000, rootdisp=30.500, refid=162.159.200.123,
reftime=eeae38c0.80000000  Mon, Nov 23 2026  4:00:00.500,
clock=eeae3900.00000000  Mon, Nov 23 2026  4:01:04.000, peer=1, tc=6,
mintc=3, offset=-0.250000, frequency=5.1, sys_jitter=0.1, clk_jitter=0.1`
  const REFERENCE = Date.UTC(2026, 10, 23, 4) + 500

  it("takes ntpd's own bound, and what the clock can have drifted since", async () => {
    const wallMs = () => REFERENCE + 600_000
    expect(await clockEvidence(sources({ wallMs, ntpdVariables: async () => NTPD }))).toEqual({
      source: 'kernel',
      errorMs: 37 + 60,
      markMs: REFERENCE,
    })
    expect(ntpdWord(NTPD.replace('leap=00', 'leap=11'))).toBeUndefined()
    expect(ntpdWord(NTPD.replace('stratum=3', 'stratum=16'))).toBeUndefined()
    expect(ntpdWord('ntpq: read: Connection refused')).toBeUndefined()
  })

  it('takes the word of the kernel where no daemon is known, and not that of a timesyncd gone quiet', async () => {
    const says = (text: string) => sources({ kernelSynchronised: async () => text })
    expect(await clockEvidence(says('yes\n'))).toEqual({ source: 'kernel', errorMs: 1_500 })
    expect(await clockEvidence(says('no\n'))).toBeUndefined()
    expect(await clockEvidence({ ...says('yes\n'), timesyncdMark: async () => 1_000 })).toBeUndefined()
  })
})

describe('the log', () => {
  it('writes at most ten lines a minute of one cause, and later says how many it left out', async () => {
    const clock = new VirtualClock()
    const limit = new RepeatLimit(clock)
    const passed = Array.from({ length: 25 }, () => limit.admit('line-1 timeout').pass).filter(Boolean)
    expect(passed).toHaveLength(10)
    expect(limit.admit('line-2 timeout').pass).toBe(true)
    await clock.advance(60_000)
    expect(limit.admit('line-1 timeout')).toEqual({ pass: true, dropped: 15 })
  })

  it('is JSON with time, level and facts, or one readable line', async () => {
    const clock = new VirtualClock({ wall: Date.UTC(2026, 10, 23, 4) })
    for (const format of ['json', 'pretty'] as const) {
      const lines: string[] = []
      const out = new Writable({
        write: (chunk, _encoding, done) => {
          lines.push(String(chunk))
          done()
        },
      })
      const logger = createLogger({ level: 'info', format, clock, out }).with({ part: 'bus' })
      logger.debug('not shown')
      logger.warn('meter silent', { meter: 'press-1', cause: 'press-1 silent' })
      const text = lines.join('')
      if (format === 'pretty') expect(text).toBe('04:00:00 WARN  meter silent part=bus meter=press-1\n')
      else
        expect(JSON.parse(text)).toEqual({
          level: 'warn',
          time: '2026-11-23T04:00:00.000Z',
          part: 'bus',
          meter: 'press-1',
          message: 'meter silent',
        })
    }
  })
})

describe('chance', () => {
  it('is in [0, 1) and gives as many bytes as asked', () => {
    const random = new SystemRandom()
    const draws = Array.from({ length: 1000 }, () => random.next())
    expect(draws.every((draw) => draw >= 0 && draw < 1)).toBe(true)
    expect(new Set(draws).size).toBeGreaterThan(990)
    expect(random.bytes(16)).toHaveLength(16)
  })
})

describe('the disk', () => {
  it('replaces a private file whole and leaves nothing beside it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-disk-'))
    const file = join(folder, 'key')
    await writePrivately(file, 'one')
    await writePrivately(file, 'two')
    expect(readFileSync(file, 'utf8')).toBe('two')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['key'])
  })
  it('keeps the old content when the new cannot be written', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-disk-'))
    await expect(writePrivately(join(folder, 'missing', 'key'), 'x')).rejects.toThrow('ENOENT')
    expect((await diskSpace(folder)).totalBytes).toBeGreaterThan(0)
  })
})
