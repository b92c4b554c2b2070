import { describe, expect, it } from 'vitest'
import { lineFaultsSchema, unitFaultsSchema } from '../fault/faults.js'
import { faultHelp, lineFault, unitFault } from './fault-options.js'

describe('faults on the command line', () => {
  it('add up, one option per unit', () => {
    const first = unitFault('3:crc=0.1,late=0.05,late_ms=800')
    expect(unitFault('000000000161:dead', first)).toEqual([
      { unit: '3', set: { crc: 0.1, late: 0.05, late_ms: 800 } },
      { unit: '000000000161', set: { dead: true } },
    ])
    expect(lineFault('noise=0.001,echo=1')).toEqual({ noise: 0.001, echo: 1 })
  })

  it.each([
    ['crc=0.1', 'give unit:what=value'],
    ['3:crc=much', '"much" is no number'],
    ['3:crc=', 'is no number'],
    ['3:crc=2', 'crc: '],
    ['3:crk=0.1', 'known are silent, late, crc'],
    ['3:crc', 'crc: '],
  ])('%s is refused with what to give instead', (text, words) => {
    expect(() => unitFault(text)).toThrow(words)
  })

  it('a fault of the wire is none of a unit', () => {
    expect(() => lineFault('crc=0.1')).toThrow('known are echo, partial_echo, noise')
  })

  it('are all named in the help', () => {
    const help = faultHelp()
    for (const name of [...Object.keys(unitFaultsSchema.shape), ...Object.keys(lineFaultsSchema.shape)])
      expect(help).toContain(name)
  })
})
