import { type ScanReport, SystemClock, scan, scanPort, systemLineTools } from '@metergate/agent'
import { buildLine, PtyLine, plantSpecSchema, RealScheduler } from '@metergate/simulator'
import { expect, it } from 'vitest'
import { profiles } from './virtual-line.js'

it('finds and names meters at two speeds on a real pty, each once, although a pty knows no parity', async () => {
  const scheduler = new RealScheduler()
  const started = Date.now() - scheduler.now()
  const loads = ['motor']
  const spec = plantSpecSchema.parse({
    since: Math.floor(started) - 86_400_000,
    loads: [{ id: 'motor', kind: 'constant', ratedW: 10_000 }],
    meters: [
      { id: 'a', profile: 'eastron-sdm630', unit: 2, loads },
      { id: 'b', profile: 'acrel-dtsd1352', unit: 3, baud: 19200, loads },
    ],
  })
  const simulated = buildLine({ spec, profiles, scheduler, epochAt: (at) => started + at })
  const pty = new PtyLine({ line: simulated.line, scheduler, baud: 9600 })
  const path = pty.start()
  try {
    const clock = new SystemClock()
    const line = systemLineTools(clock).line({ kind: 'serial', path, baud: 9600, format: '8N1' })
    if (!line) throw new Error('a serial port has a line')
    const options = {
      depth: 'quick',
      bauds: [9600, 19200],
      formats: ['8N1', '8E1'],
      units: [1, 2, 3, 4],
      protocols: ['modbus'],
    } as const
    let report: ScanReport | undefined
    for await (const event of scan([scanPort(path, line, clock)], options, { clock, profiles }))
      if (event.kind === 'done') report = event.report
    const named = report?.found.map(({ settings, identification }) => [
      settings.baud,
      identification.verdict,
      identification.candidates[0]?.profile,
    ])
    expect(named).toEqual([
      [9600, 'sure', 'eastron-sdm630'],
      [19200, 'sure', 'acrel-dtsd1352'],
    ])
  } finally {
    pty.stop()
  }
})
