import { invariant } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { checkSource } from '../config/load.js'
import { lineBudgets } from './line-budget.js'

const FILE = `
plant: { name: Sole works, timezone: Asia/Shanghai }
lines:
  - { id: hall, port: /dev/ttyUSB0, baud: 9600, format: 8N1 }
  - { id: net, port: modbus_tcp 192.168.1.20:502 }
store: { folder: /tmp/metergate }
meters:
  - { id: press-1, line: hall, unit: 1, profile: chint-dtsu666, ct: 40, poll: { power: 2s } }
  - { id: press-2, line: hall, unit: 2, profile: chint-dtsu666, ct: 40, poll: { power: 2s } }
  - { id: gate, line: hall, address: '000000000161', profile: dlt645-2007-3p, serial: { baud: 2400, format: '8E1' }, poll: { power: 10s } }
  - { id: far, line: net, unit: 1, profile: chint-dtsu666, ct: 40 }
`

describe('the budget of the configured lines', () => {
  const loaded = checkSource(FILE, { file: 'metergate.yaml' })
  invariant(loaded.ok, JSON.stringify(loaded))
  const budgets = lineBudgets(loaded.value)

  it('is told for lines with a wire only', () => {
    expect(budgets.map(({ line }) => line)).toEqual(['hall'])
  })

  it('counts meters, names the slowest and prices their changes of format', () => {
    const [hall] = budgets
    expect(hall?.loadPerMille).toBeGreaterThan(200)
    expect(hall?.why.en).toMatch(/^3 meters need \d\.\d+ s of your 2\.0 s\. The slowest is gate: /)
    expect(hall?.why.en).toContain('Changing speed or format takes 0.04 s of it.')
    expect(hall?.why.zh).toMatch(/^3 块表每 2\.0 秒周期需要 \d\.\d+ 秒。最慢的是 gate：/)
  })
})
