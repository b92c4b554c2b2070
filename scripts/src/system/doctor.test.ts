import { type Diagnosis, type DoctorUnit, examineLine } from '@metergate/agent'
import { plantSpecSchema } from '@metergate/simulator'
import { describe, expect, it } from 'vitest'
import { miswired, rewired, withoutPhase } from './miswired.js'
import { lineOf, profileOf, profiles, type VirtualLine, virtualLine } from './virtual-line.js'

const SETTINGS = { baud: 9600, format: '8N1' } as const
const sdm = (unit: number, more: Partial<DoctorUnit> = {}): DoctorUnit => ({
  name: `meter-${unit}`,
  at: { protocol: 'modbus', unit },
  profile: profileOf('eastron-sdm630'),
  ...more,
})

async function examined(line: VirtualLine, units: readonly DoctorUnit[]): Promise<Diagnosis> {
  const run = async (): Promise<Diagnosis> => {
    const subject = { name: 'line-1', line: line.port, settings: SETTINGS, units }
    for await (const event of examineLine(subject, { clock: line.clock, profiles })) {
      if (event.kind === 'done') return event.diagnosis
    }
    throw new Error('an examination ends with a diagnosis')
  }
  return line.timeline.settle(run())
}

const causes = ({ findings }: Diagnosis): string[] =>
  findings.map(({ cause, unit }) => (unit ? `${cause} ${unit}` : cause))

const meter = (unit: number, more: object = {}) => ({
  id: `m${unit}`,
  profile: 'eastron-sdm630',
  unit,
  loads: ['motor'],
  ...more,
})
const two = (more: object = {}) => virtualLine([meter(1), meter(2, more)])

const at2400 = { baud: 2400, format: '8E1' } as const
const national: DoctorUnit = {
  name: 'national',
  at: { protocol: 'dlt645', address: '000000000042' },
  settings: at2400,
  profile: profileOf('dlt645-2007-3p'),
}
const nationalMeter = {
  id: 'n',
  profile: 'dlt645-2007-3p',
  address: '000000000042',
  ...at2400,
  loads: ['motor'],
}

describe('the doctor at a line', () => {
  it('calls a healthy line healthy, of both protocols', async () => {
    const line = virtualLine([
      meter(1),
      { id: 'd', profile: 'chint-dtsu666', unit: 2, ct: 40, loads: ['motor'] },
      { id: 'e', profile: 'dlt645-2007-3p', address: '000000000042', baud: 2400, format: '8E1', loads: ['motor'] },
    ])
    const diagnosis = await examined(line, [
      sdm(1),
      sdm(2, { profile: profileOf('chint-dtsu666'), configuredCt: 40 }),
      {
        name: 'national',
        at: { protocol: 'dlt645', address: '000000000042' },
        settings: { baud: 2400, format: '8E1' },
        profile: profileOf('dlt645-2007-3p'),
      },
    ])
    expect(causes(diagnosis)).toEqual(['healthy'])
  })

  it('names a line on which nobody answers', async () => {
    const line = virtualLine([meter(1)])
    line.simulated.faults.setUnit('1', { dead: true })
    expect(causes(await examined(line, [sdm(1)]))).toEqual(['nothing_heard'])
  })

  it('names the one unit that is silent', async () => {
    const line = two()
    line.simulated.faults.setUnit('2', { dead: true })
    expect(causes(await examined(line, [sdm(1), sdm(2)]))).toEqual(['unit_silent meter-2'])
  })

  it('names the wrong speed, and the right one', async () => {
    const diagnosis = await examined(two({ baud: 19200 }), [sdm(1), sdm(2)])
    expect(causes(diagnosis)).toEqual(['wrong_baud meter-2'])
    expect(diagnosis.findings[0]?.what.en).toContain('19200 8N1')
  })

  it('tries the speeds that only the menu of this model offers', async () => {
    const diagnosis = await examined(two({ baud: 38400 }), [sdm(1), sdm(2)])
    expect(causes(diagnosis)).toEqual(['wrong_baud meter-2'])
    expect(diagnosis.findings[0]?.what.en).toContain('38400 8N1')
  })

  it('names the wrong speed of a whole line once, and says what to set', async () => {
    const units = [1, 2, 3, 4, 5]
    const line = virtualLine(
      units.map((unit) => meter(unit)),
      { baud: 4800 },
    )
    const diagnosis = await examined(
      line,
      units.map((unit) => sdm(unit)),
    )
    expect(causes(diagnosis)).toEqual(['wrong_baud'])
    expect(diagnosis.findings[0]?.remedy.en).toBe("set the line's baud: 4800, format: 8N1 in the configuration")
  })

  it('does not say that others answer where nobody does at the speed of the line', async () => {
    const line = virtualLine([meter(1), meter(2), meter(3)], { baud: 4800 })
    line.simulated.faults.setUnit('2', { dead: true })
    const diagnosis = await examined(line, [sdm(1), sdm(2), sdm(3)])
    expect(causes(diagnosis)).toEqual(['wrong_baud', 'unit_silent meter-2'])
    expect(diagnosis.findings[1]?.what.en).toBe('meter-2 answers neither at 9600 8N1 nor at 4800 8N1')
  })

  it('takes a unit that answers under another id for no clash, nor one whose answers are garbage, cut off or to another question', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const said = async (fault: object): Promise<string[]> => {
        const line = virtualLine([meter(1), meter(2)], {}, seed)
        line.simulated.faults.setUnit('2', fault)
        return causes(await examined(line, [sdm(1), sdm(2)]))
      }
      expect([seed, ...(await said({ wrong_unit: 1 }))]).toEqual([seed, 'wrong_unit meter-2'])
      for (const fault of [{ garbage: 1 }, { truncate: 1 }, { wrong_function: 1 }])
        expect([seed, fault, ...(await said(fault))]).toEqual([seed, fault, 'noise'])
    }
  })

  it('names two national meters on one address', async () => {
    const at = { address: '000000000042', baud: 2400 as const, format: '8E1' as const, loads: ['motor'] }
    const line = virtualLine([
      meter(1),
      { id: 'a', profile: 'dlt645-2007-3p', ...at },
      { id: 'b', profile: 'dlt645-2007-3p', turnaroundMs: 60, ...at },
    ])
    const national: DoctorUnit = {
      name: 'national',
      at: { protocol: 'dlt645', address: '000000000042' },
      settings: { baud: 2400, format: '8E1' },
      profile: profileOf('dlt645-2007-3p'),
    }
    expect(causes(await examined(line, [sdm(1), national]))).toEqual(['address_clash national'])
  })

  it('takes answers of a national meter that break off for noise, and for no clash or echo', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const line = virtualLine([meter(1), nationalMeter], {}, seed)
      line.simulated.faults.setUnit('000000000042', { truncate: 1 })
      expect([seed, ...causes(await examined(line, [sdm(1), national]))]).toEqual([seed, 'noise'])
    }
  })

  it('names two national meters on one address, the second beginning before the first has ended', async () => {
    const line = virtualLine([meter(1), nationalMeter])
    line.simulated.faults.setUnit('000000000042', { clash: 1, clash_ms: 100 })
    expect(causes(await examined(line, [sdm(1), national]))).toEqual(['address_clash national'])
  })

  it('names the wrong parity', async () => {
    const diagnosis = await examined(two({ format: '8E1' }), [sdm(1), sdm(2)])
    expect(causes(diagnosis)).toEqual(['wrong_format meter-2'])
    expect(diagnosis.findings[0]?.what.en).toContain('parity')
  })

  it('finds odd parity, which no factory sets', async () => {
    const diagnosis = await examined(two({ format: '8O1' }), [sdm(1), sdm(2)])
    expect(causes(diagnosis)).toEqual(['wrong_format meter-2'])
    expect(diagnosis.findings[0]?.what.en).toContain('answers at 9600 8O1')
  })

  it('finds a unit at the settings of the line when those of its own are wrong', async () => {
    const diagnosis = await examined(two(), [sdm(1), sdm(2, { settings: { baud: 2400, format: '8E1' } })])
    expect(causes(diagnosis)).toEqual(['wrong_baud meter-2'])
    expect(diagnosis.findings[0]?.what.en).toContain('is silent at 2400 8E1 and answers at 9600 8N1')
  })

  it.each([15, 25, 60, 150, 400])(
    'names two units on one address, the second answering after %d ms',
    async (turnaroundMs) => {
      const line = virtualLine([
        meter(1),
        meter(2),
        { ...meter(2), id: 'twin', profile: 'eastron-sdm630', turnaroundMs },
      ])
      expect(causes(await examined(line, [sdm(1), sdm(2)]))).toEqual(['address_clash meter-2'])
    },
  )

  it('names an address clash on a line with no other unit', async () => {
    const line = virtualLine([meter(2), { ...meter(2), id: 'twin', turnaroundMs: 20 }])
    const diagnosis = await examined(line, [sdm(2)])
    expect(causes(diagnosis)).toEqual(['address_clash meter-2'])
    expect(diagnosis.findings[0]?.what.en).not.toContain('other addresses')
  })

  it('names noise, and takes it for nothing else', async () => {
    const line = two()
    line.simulated.faults.setLine({ noise: 0.004 })
    expect(causes(await examined(line, [sdm(1), sdm(2)]))).toContain('noise')
  })

  it('notes the echo of the adapter, which harms nothing', async () => {
    const line = two()
    line.simulated.faults.setLine({ echo: 1 })
    const diagnosis = await examined(line, [sdm(1), sdm(2)])
    expect(causes(diagnosis).sort()).toEqual(['echo', 'healthy'])
  })

  it('notes an echo that comes in pieces', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const line = virtualLine([meter(1), meter(2)], {}, seed)
      line.simulated.faults.setLine({ partial_echo: 1 })
      expect([seed, ...causes(await examined(line, [sdm(1), sdm(2)]))]).toEqual([seed, 'healthy', 'echo'])
    }
  })

  it('takes no piece of an echo for a damaged answer where nobody answers', async () => {
    const said = async (faults: object, settings: object): Promise<string[]> => {
      const line = two(settings)
      line.simulated.faults.setLine({ partial_echo: 1 })
      line.simulated.faults.setUnit('2', faults)
      return causes(await examined(line, [sdm(1), sdm(2)]))
    }
    expect(await said({ dead: true }, {})).toEqual(['echo', 'unit_silent meter-2'])
    expect(await said({ silent: 0.5 }, {})).toEqual(['echo', 'unsteady meter-2'])
    expect(await said({}, { baud: 19200 })).toEqual(['echo', 'wrong_baud meter-2'])
  })

  it.each(['stray_before', 'stray_after'])('notes bytes of no frame that come with every answer: %s', async (fault) => {
    const line = virtualLine([meter(1), meter(2), nationalMeter])
    for (const unit of ['2', '000000000042']) line.simulated.faults.setUnit(unit, { [fault]: 1 })
    const diagnosis = await examined(line, [sdm(1), sdm(2), national])
    expect(causes(diagnosis)).toEqual(['healthy', 'noise'])
    expect(diagnosis.findings[1]).toMatchObject({
      severity: 'note',
      what: { en: expect.stringContaining('stray bytes came with 24 of 24 answers (meter-2, national)') },
    })
  })

  it('names late answers', async () => {
    const line = two()
    line.simulated.faults.setUnit('2', { late: 1, late_ms: 800 })
    expect(causes(await examined(line, [sdm(1), sdm(2)]))).toEqual(['late_answers meter-2'])
  })

  it('names a unit that answers now and then', async () => {
    const line = two()
    line.simulated.faults.setUnit('2', { silent: 0.5 })
    expect(causes(await examined(line, [sdm(1), sdm(2)]))).toEqual(['unsteady meter-2'])
  })

  it('names a unit that refuses everything', async () => {
    const line = two()
    line.simulated.faults.setUnit('2', { exception: 1, exception_code: 2 })
    expect(causes(await examined(line, [sdm(1), sdm(2)]))).toEqual(['refuses meter-2'])
  })

  it.each([{ exception: 0.5 }, { block_limit: 5 }])(
    'notes a unit that refuses now and then, or long reads: %j',
    async (fault) => {
      const line = two()
      line.simulated.faults.setUnit('2', fault)
      const { findings } = await examined(line, [sdm(1), sdm(2)])
      expect(findings).toMatchObject([
        { cause: 'healthy' },
        {
          cause: 'refuses',
          severity: 'note',
          unit: 'meter-2',
          what: { en: expect.stringMatching(/refuses \d+ of 12/) },
        },
      ])
    },
  )

  it('names a port that is not there', async () => {
    const line = two()
    line.unplug()
    expect(causes(await examined(line, [sdm(1), sdm(2)]))).toEqual(['line_down'])
  })

  it('is not led astray by the order of chance', async () => {
    const provoke: Readonly<Record<string, (line: VirtualLine) => void>> = {
      healthy: () => {},
      noise: (line) => line.simulated.faults.setLine({ noise: 0.006 }),
      'late_answers meter-2': (line) => line.simulated.faults.setUnit('2', { late: 0.5, late_ms: 700 }),
      'unsteady meter-2': (line) => line.simulated.faults.setUnit('2', { silent: 0.5 }),
    }
    for (const [cause, fault] of Object.entries(provoke)) {
      for (let seed = 1; seed <= 8; seed++) {
        const line = virtualLine([meter(1), meter(2)], {}, seed)
        fault(line)
        expect([seed, ...causes(await examined(line, [sdm(1), sdm(2)]))]).toEqual([seed, cause])
      }
    }
  })

  it('keeps every frame with its time for the ticket', async () => {
    const { frames } = await examined(two(), [sdm(1), sdm(2)])
    expect(frames[0]).toMatchObject({ direction: 'out', kind: 'request', unit: 'modbus:1' })
    expect(frames[1]).toMatchObject({ direction: 'in', kind: 'answer', unit: 'modbus:1' })
    expect(frames.every(({ atMs }, i) => i === 0 || atMs >= (frames[i - 1]?.atMs ?? 0))).toBe(true)
  })
})

describe('the doctor at a meter', () => {
  const spec = plantSpecSchema.parse({
    since: Date.UTC(2026, 10, 20),
    loads: [{ id: 'motor', kind: 'constant', ratedW: 10_000, powerFactor: 0.86 }],
    meters: [meter(1)],
  })
  const wired = async (change: Parameters<typeof miswired>[0]): Promise<string[]> =>
    causes(await examined(lineOf(spec, miswired(change)), [sdm(1)]))

  it('finds nothing wrong with a meter wired right', async () => {
    expect(await wired((electrical) => rewired(electrical, [0, 1, 2]))).toEqual(['healthy'])
  })

  it('finds nothing wrong with any model of the library wired right', async () => {
    const wrong: string[] = []
    for (const profile of profiles.filter(({ category }) => category !== 'counter')) {
      const at =
        profile.protocol === 'modbus'
          ? ({ protocol: 'modbus', unit: 1 } as const)
          : ({ protocol: 'dlt645', address: '000000000042' } as const)
      const line = virtualLine([
        { id: 'm', profile: profile.id, loads: ['motor'], ...('unit' in at ? { unit: 1 } : { address: at.address }) },
      ])
      const said = causes(await examined(line, [{ name: 'm', at, profile }]))
      if (said.join() !== 'healthy') wrong.push(`${profile.id}: ${said}`)
    }
    expect(wrong).toEqual([])
  })

  it.each([0, 1, 2] as const)('names the reversed CT of phase %d', async (phase) => {
    expect(await wired((electrical) => rewired(electrical, [0, 1, 2], [phase]))).toEqual(['ct_reversed meter-1'])
  })

  it('names three reversed CTs, whatever the load, and no exchange of all three', async () => {
    for (const powerFactor of [0.4, 0.6, 0.86, 0.95, 1]) {
      const loads = [{ ...spec.loads[0], powerFactor }]
      const turned = plantSpecSchema.parse({ ...spec, loads })
      const change = miswired((electrical) => rewired(electrical, [0, 1, 2], [0, 1, 2]))
      expect([powerFactor, ...causes(await examined(lineOf(turned, change), [sdm(1)]))]).toEqual([
        powerFactor,
        'ct_reversed meter-1',
      ])
    }
  })

  it.each([
    [1, 2, 0],
    [2, 0, 1],
  ] as const)('names an exchange of all three CTs: %d %d %d', async (...order) => {
    const change = miswired((electrical) => rewired(electrical, order))
    expect(causes(await examined(lineOf(spec, change), [sdm(1)]))).toEqual(['ct_swapped meter-1'])
  })

  it('names the same where a meter tells no reactive power', async () => {
    const acrel = plantSpecSchema.parse({ ...spec, meters: [{ ...meter(1), profile: 'acrel-adl400' }] })
    const said = async (change: Parameters<typeof miswired>[0]): Promise<string[]> =>
      causes(await examined(lineOf(acrel, miswired(change)), [{ ...sdm(1), profile: profileOf('acrel-adl400') }]))
    expect(await said((electrical) => rewired(electrical, [0, 1, 2]))).toEqual(['healthy'])
    expect(await said((electrical) => rewired(electrical, [1, 0, 2]))).toEqual(['ct_swapped meter-1'])
    expect(await said((electrical) => rewired(electrical, [0, 1, 2], [1]))).toEqual(['ct_reversed meter-1'])
    expect(await said((electrical) => rewired(electrical, [0, 1, 2], [0, 1, 2]))).toEqual(['ct_reversed meter-1'])
  })

  it('looks at the values of a SunSpec meter, too', async () => {
    const sunspec = plantSpecSchema.parse({ ...spec, meters: [{ ...meter(1), profile: 'sunspec-201' }] })
    const change = miswired((electrical) => rewired(electrical, [1, 0, 2]))
    const diagnosis = await examined(lineOf(sunspec, change), [{ ...sdm(1), profile: profileOf('sunspec-201') }])
    expect(causes(diagnosis)).toEqual(['ct_swapped meter-1'])
  })

  it.each([
    ['L1 and L2', [1, 0, 2]],
    ['L1 and L3', [2, 1, 0]],
    ['L2 and L3', [0, 2, 1]],
  ] as const)('names the swapped CTs of %s', async (phases, order) => {
    const diagnosis = await examined(
      lineOf(
        spec,
        miswired((electrical) => rewired(electrical, order)),
      ),
      [sdm(1)],
    )
    expect(causes(diagnosis)).toEqual(['ct_swapped meter-1'])
    expect(diagnosis.findings[0]?.what.en).toContain(phases)
  })

  it.each([0, 1, 2] as const)('names the missing phase %d', async (phase) => {
    const diagnosis = await examined(
      lineOf(
        spec,
        miswired((electrical) => withoutPhase(electrical, phase)),
      ),
      [sdm(1)],
    )
    expect(causes(diagnosis)).toEqual(['phase_missing meter-1'])
    expect(diagnosis.findings[0]?.what.en).toContain(`L${phase + 1}`)
  })

  it('names a CT ratio that differs between configuration and meter', async () => {
    const line = virtualLine([{ id: 'd', profile: 'chint-dtsu666', unit: 1, ct: 40, loads: ['motor'] }])
    const unit = sdm(1, { profile: profileOf('chint-dtsu666'), configuredCt: 30 })
    expect(causes(await examined(line, [unit]))).toEqual(['ct_ratio_off meter-1'])
  })

  it('doubts the model where values are such as no meter can show', async () => {
    const line = virtualLine([{ id: 'd', profile: 'chint-dtsu666', unit: 2, ct: 40, loads: ['motor'] }])
    const unit = sdm(2, { profile: profileOf('chint-ddsu666') })
    const diagnosis = await examined(line, [unit])
    expect(causes(diagnosis)).toEqual(['implausible meter-2'])
    expect(diagnosis.findings[0]?.what.en).toMatch(/no meter can show \(Frequency \d+ Hz.*wrong model configured\?/)
  })

  it('multiplies by the PT, too, before it compares the power with what the feed can carry', async () => {
    const line = virtualLine([{ id: 'd', profile: 'chint-dtsu666', unit: 1, ct: 20, loads: ['motor'] }])
    const unit = (configuredPt: number) =>
      sdm(1, { profile: profileOf('chint-dtsu666'), configuredCt: 20, configuredPt, mostW: 100_000 })
    expect(causes(await examined(line, [unit(1)]))).toEqual(['healthy'])
    expect(causes(await examined(line, [unit(100)]))).toEqual(['ct_ratio_off meter-1'])
  })

  it('names a ratio that gives more power than the feed can carry', async () => {
    const line = virtualLine([meter(1)])
    expect(causes(await examined(line, [sdm(1, { mostW: 5000 })]))).toEqual(['ct_ratio_off meter-1'])
  })
})
