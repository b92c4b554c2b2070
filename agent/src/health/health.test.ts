import { bootId, epochMs, heartbeatRequestSchema, meterIdSchema, monoMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { prometheusText } from './prometheus.js'
import { type GatewaySnapshot, heartbeatOf, snapshotSchema } from './snapshot.js'

const SNAPSHOT: GatewaySnapshot = {
  sent_at: epochMs(Date.UTC(2026, 10, 23)),
  boot: bootId('boot-1'),
  mono: monoMs(1000),
  plant: { name: '瑞安 "鞋"厂', timezone: 'Asia/Shanghai' },
  versions: { software: '0.1.0' },
  clock: { quality: 'S', offset_ms: -12 },
  backlog: { records: 3, batches: 1, oldest_at: null },
  streams: [],
  store: { size_bytes: 10, cap_bytes: 100, quarantined: 0, evicted_records: 0, degraded: null },
  buses: [{ name: 'line-1', state: 'up', requests: 100, faults: 2 }],
  meters: [
    {
      id: meterIdSchema.parse('press-1'),
      label: '注塑机 1',
      profile: 'eastron-sdm630',
      unit: '1',
      state: 'ok',
      last: [
        { quantity: 'energy_active_import_total', at: epochMs(1), value: { n: 120437, exp: -2 } },
        { quantity: 'frequency', at: epochMs(1), absent: 'timeout' },
        { quantity: 'voltage_l1_n', at: epochMs(1), value: { n: 99999, exp: 0 }, suspect: true },
      ],
    },
  ],
  products: [],
  process: { pid: 1, uptime_ms: 61_000, memory_bytes: 5 },
  gateway: null,
  config_file: 'metergate.yaml',
  link: { cloud: null, state: 'off', why: null, last_batch_at: null, last_heartbeat_at: null, bytes_sent: 0 },
  readings: { good: 98, failed: 2, skipped: 0, stored: 98 },
  disk: { free_bytes: 1, total_bytes: 2 },
}

describe('the snapshot', () => {
  it('is what the heartbeat carries and nothing that is only local', () => {
    expect(snapshotSchema.parse(SNAPSHOT)).toEqual(SNAPSHOT)
    const body = heartbeatOf(SNAPSHOT)
    expect(heartbeatRequestSchema.parse(body)).toEqual(body)
    expect(Object.keys(body)).not.toContain('process')
    expect(Object.keys(body)).not.toContain('config_file')
  })
})

describe('the Prometheus text', () => {
  const text = prometheusText(SNAPSHOT)
  it('gives every family its HELP and TYPE, and only well-formed samples', () => {
    const lines = text.trimEnd().split('\n')
    const samples = lines.filter((line) => !line.startsWith('#'))
    for (const sample of samples)
      expect(sample).toMatch(/^[a-z_]+(\{[a-z_]+="([^"\\\n]|\\.)*"(,[a-z_]+="([^"\\\n]|\\.)*")*\})? -?[\d.]+$/)
    const typed = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2])
    expect(new Set(samples.map((line) => line.split(/[ {]/)[0]))).toEqual(new Set(typed))
  })
  it('escapes labels, keeps amounts exact, and leaves out what is absent or suspect', () => {
    expect(text).toContain('plant="瑞安 \\"鞋\\"厂"')
    expect(text).toContain(
      'metergate_meter_value{meter="press-1",quantity="energy_active_import_total",unit="kWh"} 1204.37\n',
    )
    expect(text).not.toContain('frequency')
    expect(text).not.toContain('99999')
  })
})
