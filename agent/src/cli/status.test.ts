import { epochMs, meterIdSchema } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { PlantZone } from '../energy/plant-time.js'
import type { GatewaySnapshot } from '../health/snapshot.js'
import type { Language } from '../i18n/localized.js'
import { bareHeartbeat } from '../testing/heartbeat.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { CliContext } from './context.js'
import { uptimeText } from './format.js'
import type { CliDeps } from './ports.js'
import { printStatus } from './status.js'

const never = (): never => {
  throw new Error('not in this test')
}
const clock = new VirtualClock()

function shown(snapshot: GatewaySnapshot, language: Language): string {
  const out: string[] = []
  const sink = { write: (text: string) => void out.push(text), isTerminal: false }
  const io = { out: sink, err: sink, env: {}, ask: undefined, signal: new AbortController().signal }
  const lines = { clock, listPorts: async () => [], line: never, modbusTcp: never }
  const deps: CliDeps = { clock, version: '0.0.0', lines, run: never, local: never, enrol: never }
  printStatus(new CliContext(io, deps, language, undefined), snapshot, new PlantZone('Asia/Shanghai'))
  return out.join('')
}

const meter = { profile: 'p', unit: '1', last: [] }
/** Four seconds after the start: one line is not opened yet, one is down, no meter has been polled. */
const STARTING: GatewaySnapshot = {
  ...bareHeartbeat(clock),
  buses: [
    { name: 'line-1', state: 'starting', requests: 0, faults: 0 },
    { name: 'line-2', state: 'down', why: '/dev/ttyUSB7: no such file', requests: 1, faults: 1 },
  ],
  meters: [
    { ...meter, id: meterIdSchema.parse('counter-1'), label: 'counter', state: 'unknown' },
    {
      ...meter,
      id: meterIdSchema.parse('press-1'),
      label: 'press',
      state: 'silent',
      last: [{ quantity: 'frequency', at: epochMs(1), absent: 'timeout' }],
    },
  ],
  process: { pid: 1, uptime_ms: 4_200, memory_bytes: 5 },
  gateway: null,
  config_file: 'metergate.yaml',
  link: { cloud: null, state: 'off', why: null, last_batch_at: null, last_heartbeat_at: null, bytes_sent: 0 },
  readings: { good: 0, failed: 0, skipped: 0, stored: 0 },
  disk: { free_bytes: 1, total_bytes: 2 },
}

describe('metergate status just after the start', () => {
  it('tells what has not been tried yet from what is wrong', () => {
    const en = shown(STARTING, 'en')
    expect(en).toMatch(/Running for +4 s\n/)
    expect(en).toMatch(/line-1 +not opened yet/)
    expect(en).toMatch(/line-2 +\/dev\/ttyUSB7: no such file/)
    expect(en).toMatch(/counter-1 +counter +waiting for first poll/)
    expect(en).toMatch(/press-1 +press +silent/)
    const zh = shown(STARTING, 'zh')
    for (const text of ['4 秒', '尚未打开', '等待首次采集', '无应答']) expect(zh).toContain(text)
  })
})

describe('metergate status while the store is in trouble', () => {
  it('says so in the language of the terminal, with the reason', () => {
    const full: GatewaySnapshot = { ...STARTING, store: { ...STARTING.store, degraded: 'the disk is nearly full' } }
    expect(shown(full, 'en')).toMatch(/Store +in trouble: the disk is nearly full\n/)
    expect(shown(full, 'zh')).toContain('存储异常：the disk is nearly full')
  })
})

describe('metergate status while nobody vouches for the clock', () => {
  it('says what follows: energy waits, or readings are dated from what is known', () => {
    const waits: GatewaySnapshot = { ...STARTING, waiting_for: 'clock' }
    expect(shown(waits, 'en')).toMatch(/Clock +not synchronised +energy waits for the time, see metergate clock\n/)
    expect(shown(waits, 'zh')).toMatch(/时钟 +未校时 +电量等待时间确认，见 metergate clock\n/)
    expect(shown(STARTING, 'en')).toMatch(/not synchronised +readings are dated from what is known/)
  })
})

describe('how long it has been running', () => {
  it('is told in seconds only within the first minute', () => {
    const texts = [0, 59_999, 60_000, 90_061_000].map((ms) => uptimeText(ms, 'en'))
    expect(texts).toEqual(['0 s', '59 s', '1 min', '1 d 1 h 1 min'])
  })
})

describe('metergate status of a meter with another ratio than the configured one', () => {
  it('says both, which one counts, and what to do', () => {
    const [press] = STARTING.meters
    if (!press) throw new Error('a meter')
    const differs: GatewaySnapshot = {
      ...STARTING,
      meters: [{ ...press, ratio_differs: [{ which: 'ct', configured: 20, meter: 40 }] }],
    }
    expect(shown(differs, 'en')).toContain('counter-1: the CT ratio is 40 in the meter and 20 in the configuration')
    expect(shown(differs, 'zh')).toContain('counter-1：CT 变比不一致，表内为 40，配置为 20')
  })
})
