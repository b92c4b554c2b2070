import {
  type ScanEvent,
  type ScanOptions,
  type ScanReport,
  scan,
  scanEstimate,
  scanPort,
  scanYaml,
} from '@metergate/agent'
import { describe, expect, it } from 'vitest'
import { profiles, type VirtualLine, virtualLine } from './virtual-line.js'

const PORT = '/dev/ttyS1'
const portOf = (line: VirtualLine) => scanPort(PORT, line.port, line.clock)

async function scanned(
  line: VirtualLine,
  options: ScanOptions = { depth: 'normal' },
  onEvent: (event: ScanEvent) => void = () => {},
  signal?: AbortSignal,
): Promise<{ report: ScanReport; events: ScanEvent[] }> {
  const events: ScanEvent[] = []
  const run = async (): Promise<ScanReport> => {
    for await (const event of scan([portOf(line)], options, {
      clock: line.clock,
      profiles,
      ...(signal ? { signal } : {}),
    })) {
      events.push(event)
      onEvent(event)
      if (event.kind === 'done') return event.report
    }
    throw new Error('a scan ends with a report')
  }
  return { report: await line.timeline.settle(run()), events }
}

const briefly = ({ found }: ScanReport): string[] =>
  found.map(({ settings, at, identification }) => {
    const where = at.protocol === 'modbus' ? at.unit : at.address
    return `${settings.baud} ${settings.format} ${where} ${identification.verdict} ${identification.candidates[0]?.profile}`
  })

const motor = { loads: ['motor'] }
const threeMeters = () =>
  virtualLine([
    { id: 'a', profile: 'eastron-sdm630', unit: 5, baud: 9600, format: '8N1', ...motor },
    { id: 'b', profile: 'chint-dtsu666', unit: 17, baud: 19200, format: '8E1', ct: 20, ...motor },
    { id: 'c', profile: 'dlt645-2007-3p', address: '202611230042', baud: 2400, format: '8E1', ...motor },
  ])

describe('scanning a line', () => {
  it('finds and names three meters of two protocols and three settings in under two minutes', async () => {
    const { report, events } = await scanned(threeMeters())
    expect(briefly(report).sort()).toEqual([
      '19200 8E1 17 sure chint-dtsu666',
      '2400 8E1 202611230042 sure dlt645-2007-3p',
      '9600 8N1 5 sure eastron-sdm630',
    ])
    expect(report).toMatchObject({ complete: true, garbled: [], troubles: [] })
    expect(report.durationMs).toBeLessThan(120_000)
    expect(events.filter(({ kind }) => kind === 'progress').length).toBe(report.probes)
  })

  it.each([
    ['an adapter hears a piece of each request', { partial_echo: 1 }, {}],
    ['bytes of no frame come with every answer', {}, { stray_before: 1, stray_after: 1 }],
  ] as const)('finds them where %s, and takes no longer', async (_, wire, faults) => {
    const line = threeMeters()
    line.simulated.faults.setLine(wire)
    for (const { name } of line.simulated.stations) line.simulated.faults.setUnit(name, faults)
    const { report } = await scanned(line)
    expect(report.found).toHaveLength(3)
    expect(report).toMatchObject({ complete: true, garbled: [], troubles: [] })
    expect(report.durationMs).toBeLessThan(120_000)
  })

  it('says beforehand how long it takes, and is right when nobody answers', async () => {
    const line = virtualLine([{ id: 'far', profile: 'eastron-sdm630', unit: 200, ...motor }])
    const { etaMs } = scanEstimate([portOf(line)], { depth: 'quick' }, profiles)
    const { report } = await scanned(line, { depth: 'quick' })
    expect(report.found).toEqual([])
    expect(Math.abs(report.durationMs - etaMs) / etaMs).toBeLessThan(0.1)
  })

  it('finds two meters on one unit id at different speeds, which do not disturb each other', async () => {
    const line = virtualLine([
      { id: 'a', profile: 'eastron-sdm630', unit: 1, baud: 9600, ...motor },
      { id: 'b', profile: 'acrel-dtsd1352', unit: 1, baud: 4800, ...motor },
    ])
    const { report } = await scanned(line, { depth: 'normal', units: [1], protocols: ['modbus'] })
    expect(briefly(report).sort()).toEqual(['4800 8N1 1 sure acrel-dtsd1352', '9600 8N1 1 sure eastron-sdm630'])
  })

  it('finds several DL/T 645 meters that answer the wildcard at once', async () => {
    const at = { profile: 'dlt645-2007-3p', baud: 2400, format: '8E1', ...motor } as const
    const line = virtualLine([
      { id: 'a', address: '000000000161', ...at },
      { id: 'b', address: '000000000261', ...at },
      { id: 'c', address: '000000000017', turnaroundMs: 400, ...at },
    ])
    const { report, events } = await scanned(line, {
      depth: 'quick',
      bauds: [2400],
      formats: ['8E1'],
      protocols: ['dlt645'],
    })
    expect(briefly(report).sort()).toEqual([
      '2400 8E1 000000000017 sure dlt645-2007-3p',
      '2400 8E1 000000000161 sure dlt645-2007-3p',
      '2400 8E1 000000000261 sure dlt645-2007-3p',
    ])
    expect(events.filter(({ kind }) => kind === 'several')).toHaveLength(1)
  })

  it('finds a unit slower than the scan waits', async () => {
    const line = virtualLine([{ id: 'slow', profile: 'eastron-sdm630', unit: 2, turnaroundMs: 420, ...motor }])
    const { report } = await scanned(line, { depth: 'quick', bauds: [9600], formats: ['8N1'], protocols: ['modbus'] })
    expect(briefly(report)).toEqual(['9600 8N1 2 sure eastron-sdm630'])
  })

  it('finds a slow unit that is the only one asked for, and says beforehand how long that takes', async () => {
    const line = virtualLine([{ id: 'slow', profile: 'eastron-sdm630', unit: 2, turnaroundMs: 420, ...motor }])
    const scope = { depth: 'quick', bauds: [9600], formats: ['8N1'], protocols: ['modbus'] } as const
    const { report } = await scanned(line, { ...scope, units: [2] })
    expect(briefly(report)).toEqual(['9600 8N1 2 sure eastron-sdm630'])
    const { etaMs } = scanEstimate([portOf(line)], { ...scope, units: [3] }, profiles)
    const missed = await scanned(line, { ...scope, units: [3] })
    expect(Math.abs(missed.report.durationMs - etaMs) / etaMs).toBeLessThan(0.1)
  })

  it('reports two units on one address as that, and not as a meter', async () => {
    const line = virtualLine([
      { id: 'a', profile: 'eastron-sdm630', unit: 4, ...motor },
      { id: 'b', profile: 'acrel-dtsd1352', unit: 4, ...motor },
    ])
    const { report } = await scanned(line, { depth: 'quick', bauds: [9600], formats: ['8N1'], protocols: ['modbus'] })
    expect(report.found).toEqual([])
    // Once, though it was asked by both read functions.
    expect(report.garbled.map(({ at }) => at)).toEqual([{ protocol: 'modbus', unit: 4 }])
  })

  it.each([25, 60, 150, 300])(
    'says that two answer where one is named first, the second %d ms later',
    async (turnaroundMs) => {
      const options = { depth: 'quick', bauds: [9600], formats: ['8N1'], protocols: ['modbus'], units: [1] } as const
      for (const [first, second] of [
        ['eastron-sdm630', 'eastron-sdm630'],
        ['eastron-sdm630', 'chint-dtsu666'],
      ] as const) {
        const a = { id: 'a', profile: first, unit: 1, ...motor }
        const line = virtualLine([a, { id: 'b', profile: second, unit: 1, turnaroundMs, ...motor }])
        const { report } = await scanned(line, options)
        expect(report.found.map(({ isCrowded }) => isCrowded)).toEqual([true])
        expect(scanYaml(report.found, profiles, 'en')).toContain('# two meters have this address')
      }
    },
  )

  it.each([{ late: 0.6, late_ms: 300 }, { silent: 0.3 }, { crc: 0.3 }, { stray_before: 1, stray_after: 1 }])(
    'takes a meter that answers badly for no two: %o',
    async (fault) => {
      const line = virtualLine([{ id: 'a', profile: 'eastron-sdm630', unit: 1, ...motor }])
      line.simulated.faults.setUnit('1', fault)
      const { report } = await scanned(line, { depth: 'quick', bauds: [9600], formats: ['8N1'], protocols: ['modbus'] })
      expect(briefly(report)).toEqual(['9600 8N1 1 sure eastron-sdm630'])
      expect(report.found[0]?.isCrowded).toBeUndefined()
    },
  )

  it('counts a refusal as presence', async () => {
    const line = virtualLine([{ id: 'a', profile: 'eastron-sdm630', unit: 2, ...motor }])
    line.simulated.faults.setUnit('2', { exception: 1, exception_code: 2 })
    const { report } = await scanned(line, { depth: 'quick', bauds: [9600], formats: ['8N1'], protocols: ['modbus'] })
    expect(report.found.map(({ at, identification }) => [at, identification.verdict])).toEqual([
      [{ protocol: 'modbus', unit: 2 }, 'unknown'],
    ])
  })

  it('only ever sends reads', async () => {
    const line = threeMeters()
    await scanned(line)
    expect(line.requests.length).toBeGreaterThan(300)
    for (const frame of line.requests) {
      const dlt645 = /^(?:fe)*68.{12}68(..)/.exec(frame)?.[1]
      if (dlt645 === undefined) expect(['01', '02', '03', '04']).toContain(frame.slice(2, 4))
      else expect(['01', '11', '12', '13']).toContain(dlt645)
    }
  })

  it('stops when as many are found as were expected', async () => {
    const { report } = await scanned(threeMeters(), { depth: 'normal', stopAfter: 1 })
    expect(report.found).toHaveLength(1)
    expect(report.complete).toBe(false)
  })

  it('gives what it has when it is stopped', async () => {
    const stop = new AbortController()
    const { report } = await scanned(
      threeMeters(),
      { depth: 'normal' },
      (event) => {
        if (event.kind === 'named') stop.abort(new Error('enough'))
      },
      stop.signal,
    )
    expect(report.found).toHaveLength(1)
    expect(report.complete).toBe(false)
  })

  it('says why a port cannot be used', async () => {
    const line = threeMeters()
    line.unplug()
    const { report } = await scanned(line)
    expect(report.troubles).toMatchObject([{ port: PORT, kind: 'line_down' }])
    expect(report.probes).toBe(1)
  })

  it('writes entries that hold the settings, the doubt and what is left to fill in', async () => {
    const { report } = await scanned(threeMeters())
    const text = scanYaml(report.found, profiles, 'en')
    expect(text).toContain('profile: chint-dtsu666')
    expect(text).toContain('serial: { baud: 19200, format: "8E1" }')
    expect(text).toContain('    ct: 20   # read from the meter: compare with the plate of the transformer')
    expect(text).not.toContain('pt:')
    expect(text).toContain('address: "202611230042"')
  })

  it('leaves the ratio to be written where the meter still has 1, as it left the factory', async () => {
    const line = virtualLine([{ id: 'a', profile: 'chint-dtsu666', unit: 2, baud: 9600, format: '8N1', ...motor }])
    const { report } = await scanned(line, { depth: 'quick', units: [2], protocols: ['modbus'] })
    expect(report.found[0]?.ratios).toEqual({ ct: 1, pt: 1 })
    expect(scanYaml(report.found, profiles, 'en')).toContain(
      "    # ct: 200/5   # this meter's values are secondary: write the CT ratio, or ct: 1 when connected directly",
    )
  })

  it('comments out what has no name, so that taking the # away makes an entry', async () => {
    const line = virtualLine([{ id: 'a', profile: 'eastron-sdm630', unit: 2, ...motor }])
    line.simulated.faults.setUnit('2', { exception: 1, exception_code: 2 })
    const { report } = await scanned(line, { depth: 'quick', bauds: [9600], formats: ['8N1'], protocols: ['modbus'] })
    const entries = scanYaml(report.found, profiles, 'zh').split('\n').slice(-6)
    expect(entries.slice(1).join('\n')).toBe(
      ['  # - id: meter-1', '  #   line: line-1', '  #   profile: MODEL', '  #   unit: 2', ''].join('\n'),
    )
  })

  it('tells a single-phase from a three-phase national meter, and hears one of 1997', async () => {
    const line = virtualLine([
      { id: 'one', profile: 'dlt645-2007-1p', address: '000000000001', baud: 9600, format: '8E1', ...motor },
      { id: 'old', profile: 'dlt645-1997', address: '000000000097', baud: 1200, format: '8E1', ...motor },
    ])
    const { report } = await scanned(line, { depth: 'quick', protocols: ['dlt645'] })
    expect(briefly(report).sort()).toEqual([
      '1200 8E1 undefined sure dlt645-1997',
      '9600 8E1 000000000001 sure dlt645-2007-1p',
    ])
  })

  it.each(['noise', 'echo', 'crc'] as const)('names nobody wrongly on a line with %s', async (fault) => {
    for (let seed = 1; seed <= 5; seed++) {
      const line = virtualLine(
        [
          { id: 'a', profile: 'eastron-sdm630', unit: 1, ...motor },
          { id: 'b', profile: 'chint-dtsu666', unit: 2, ct: 20, ...motor },
          { id: 'c', profile: 'chint-ddsu666', unit: 3, ...motor },
        ],
        {},
        seed,
      )
      if (fault === 'crc')
        for (const unit of ['1', '2', '3']) line.simulated.faults.setUnit(unit, { crc: 0.15, silent: 0.1 })
      else line.simulated.faults.setLine({ [fault]: fault === 'noise' ? 0.002 : 1 })
      const { report } = await scanned(line, { depth: 'quick', bauds: [9600], formats: ['8N1'], protocols: ['modbus'] })
      const truth = ['eastron-sdm630', 'chint-dtsu666', 'chint-ddsu666']
      for (const { at, identification } of report.found) {
        if (identification.verdict !== 'sure' || at.protocol !== 'modbus') continue
        expect([seed, identification.candidates[0]?.profile]).toEqual([seed, truth[at.unit - 1]])
      }
    }
  })

  it('names the 32 meters of a full line', async () => {
    const models = ['eastron-sdm630', 'chint-dtsu666', 'acrel-dtsd1352', 'acrel-adl400']
    const line = virtualLine(
      Array.from({ length: 32 }, (_, i) => ({
        id: `m${i + 1}`,
        profile: models[i % models.length] ?? 'eastron-sdm630',
        unit: i + 1,
        ...motor,
      })),
    )
    const { report } = await scanned(line, { depth: 'normal', bauds: [9600], formats: ['8N1'] })
    expect(report.found.filter(({ identification }) => identification.verdict === 'sure')).toHaveLength(32)
  })
})
