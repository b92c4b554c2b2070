import { describe, expect, it } from 'vitest'
import { PlantError } from '../line/build-line.js'
import { demoPlant } from '../plant/demo-plant.js'
import { parseCommand } from './commands.js'
import { LineProcess } from './line-process.js'
import { instant, plantFrom, UsageError, wholeNumber } from './options.js'

const newLine = (events: object[]): LineProcess =>
  new LineProcess(
    {
      spec: demoPlant(1),
      hold: true,
      strictGaps: false,
      delivery: { chunkMs: 0, tail: 'prompt' },
      probeSpeed: false,
      logAnswers: false,
    },
    (event) => events.push(event),
  )

it('a plant that names an unknown profile is refused with those there are', () => {
  const [meter, ...rest] = demoPlant(1).meters
  const spec = { ...demoPlant(1), meters: meter ? [{ ...meter, profile: 'no-such' }, ...rest] : [] }
  expect(
    () =>
      new LineProcess(
        {
          spec,
          hold: true,
          strictGaps: false,
          delivery: { chunkMs: 0, tail: 'prompt' },
          probeSpeed: false,
          logAnswers: false,
        },
        () => undefined,
      ),
  ).toThrow(PlantError)
})

describe('commands of a running line', () => {
  it('are read strictly, and a wrong one says what is wrong', () => {
    expect(parseCommand('{"cmd":"once","unit":"1","fault":"late"}')).toEqual({
      cmd: 'once',
      unit: '1',
      fault: 'late',
      count: 1,
    })
    expect(parseCommand('{"cmd":"faults","unit":"1","set":{"crc":2}}')).toMatchObject({
      error: expect.stringContaining('set.crc'),
    })
    expect(parseCommand('late!')).toMatchObject({ error: expect.stringContaining('not JSON') })
  })

  it('tell the truth, the same twice on hold, with what the registers show', () => {
    const events: object[] = []
    const line = newLine(events)
    line.handle({ cmd: 'truth', meter: 'press-1' })
    line.handle({ cmd: 'truth', meter: 'press-1' })
    const [first, second] = events
    expect(first).toMatchObject({ event: 'truth', meters: [{ meter: 'press-1', unit: '2', multiplier: 40 }] })
    const [report] = line.truth('press-1')
    expect(second).toMatchObject({ meters: [{ energy_mws: report?.energy_mws, registers: report?.registers }] })
    expect(Number(report?.energy_register_kwh)).toBeLessThanOrEqual(Number(report?.energy_kwh))
    // One digit of the secondary register is 0.01 kWh × 40.
    expect(Number(report?.energy_kwh) - Number(report?.energy_register_kwh)).toBeLessThan(0.41)
  })

  it('are acknowledged', () => {
    const events: object[] = []
    const line = newLine(events)
    line.handle({ cmd: 'faults', unit: '2', set: { dead: true } })
    line.handle({ cmd: 'heal' })
    line.handle({ cmd: 'stats' })
    expect(events).toEqual([
      { event: 'done', cmd: 'faults' },
      { event: 'done', cmd: 'heal' },
      { event: 'stats', requests: 0, answers: {}, provoked: {} },
    ])
  })
})

describe('a fault of a unit nobody has', () => {
  it('is refused at the start and as a command, with the units there are', () => {
    const options = { spec: demoPlant(1), hold: true, strictGaps: false, probeSpeed: false, logAnswers: false }
    const delivery = { chunkMs: 0, tail: 'prompt' } as const
    const faults = [{ unit: '99', set: { dead: true } }]
    expect(() => new LineProcess({ ...options, delivery, faults }, () => undefined)).toThrow(
      /unit 99.*give one of 1, 2/,
    )
    const events: object[] = []
    const line = newLine(events)
    line.handle({ cmd: 'faults', unit: '99', set: { dead: true } })
    line.handle({ cmd: 'once', unit: '99', fault: 'crc', count: 1 })
    expect(events).toEqual([
      { event: 'error', message: expect.stringMatching(/^faults of unit 99.*give one of 1, 2/) },
      { event: 'error', message: expect.stringMatching(/^once of unit 99/) },
    ])
  })
})

describe('the command line', () => {
  it('refuses nonsense with what to give instead', () => {
    expect(() => wholeNumber('--tcp', 0, 65_535)('many')).toThrow(UsageError)
    expect(() => instant('yesterday')).toThrow('give e.g.')
    expect(() => plantFrom({ plant: 'no-such-file.json' })).toThrow("can't read plant file")
    expect(() => plantFrom({ plant: 'demo', baud: 9601 })).toThrow()
  })

  it('makes the plant a test can make for itself from the same seed', () => {
    expect(plantFrom({ plant: 'demo', seed: 9 })).toEqual(demoPlant(9))
  })
})
