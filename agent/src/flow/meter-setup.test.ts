import { invariant, toNumber } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { deskOptions, reportParts } from '../assemble.js'
import { checkSource } from '../config/load.js'
import { PlantZone } from '../energy/plant-time.js'

const CONFIG = `
plant: { timezone: Asia/Shanghai }
lines: [{ id: hall, port: /dev/ttyUSB0, baud: 2400, format: 8E1 }]
meters:
  - { id: main, line: hall, profile: dlt645-2007-3p, address: "000000123456", ct: "200/5" }
  - { id: press, line: hall, profile: eastron-sdm630, unit: 2 }
`

describe('what the report knows of the registers by rate', () => {
  it('is all of them, and one count of the total after the ratio; nothing for a meter without', () => {
    const loaded = checkSource(CONFIG, { file: 'gateway.yaml' })
    invariant(loaded.ok, JSON.stringify(loaded))
    const [main, press] = reportParts(loaded.value, new PlantZone('Asia/Shanghai')).meters
    expect(main?.rates).toEqual({
      total: 'energy_active_import_total',
      rates: [1, 2, 3, 4].map((rate) => `energy_active_import_t${rate}`),
      step: { n: 40, exp: -2 },
      withinMs: 7_200_000,
    })
    expect(press?.rates).toBeUndefined()
  })
})

describe('what the desk knows of the transformers', () => {
  it('is the ratio that readings are multiplied by, and none where the meter does it', () => {
    const loaded = checkSource(CONFIG, { file: 'gateway.yaml' })
    invariant(loaded.ok, JSON.stringify(loaded))
    const [main, press] = deskOptions(loaded.value, new PlantZone('Asia/Shanghai')).meters
    expect(main?.ratio).toEqual({ n: 40, exp: 0 })
    expect(press?.ratio).toBeUndefined()
  })
})

describe('the most a counter can rise in an hour', () => {
  const limits = (more: string, meterMore = '') => {
    const loaded = checkSource(CONFIG.replace('ct: "200/5"', `ct: "200/5"${meterMore}`) + more, {
      file: 'gateway.yaml',
    })
    invariant(loaded.ok, JSON.stringify(loaded))
    return deskOptions(loaded.value, new PlantZone('Asia/Shanghai')).meters.map(({ counters }) =>
      ['energy_active_import_total', 'energy_active_export_total'].map((name) => {
        const found = counters.find((one) => one.quantity === name)
        const [known, presumed] = [found?.maxPerHour, found?.presumedPerHour]
        return known ? `${toNumber(known)} configured` : presumed && toNumber(presumed)
      }),
    )
  }

  it('is presumed from the transformer, the contract, or not at all', () => {
    expect(limits('')).toEqual([
      [288, 288],
      [undefined, undefined],
    ])
    expect(limits('energy: { contract_kw: 100 }')).toEqual([
      [200, 288],
      [200, undefined],
    ])
    expect(limits('energy: { contract_kw: 1000 }')[0]).toEqual([288, 288])
  })

  it('is what is configured, where it is', () => {
    expect(limits('energy: { contract_kw: 100 }', ', max_power_kw: 130')[0]).toEqual([
      '130 configured',
      '130 configured',
    ])
  })
})
