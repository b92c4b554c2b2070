import { formatAmount, productIdSchema } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { PlantZone } from './plant-time.js'
import { csvRows, readProductionCsv } from './production-csv.js'

const zone = new PlantZone('Asia/Shanghai')
const units = new Map([[productIdSchema.parse('eva-slipper'), 'pair']])
const read = (text: string) => readProductionCsv(text, zone, units)

describe('production from CSV', () => {
  it('reads plant time and times with an offset, in any order of columns', () => {
    const { declarations, faults } = read(
      '\uFEFFcount,product,from,to,shift,note\r\n1200,eva-slipper,2026-03-10 08:00,2026-03-10 16:00,A,"new mould, ""B"""\r\n\r\n' +
        '50.5,eva-slipper,2026-03-10T16:00+08:00,2026-03-10 24:00,,\n',
    )
    expect(faults).toEqual([])
    expect(
      declarations.map(({ start, end, count, ...rest }) => [
        new Date(start).toISOString(),
        new Date(end).toISOString(),
        formatAmount(count),
        rest,
      ]),
    ).toEqual([
      [
        '2026-03-10T00:00:00.000Z',
        '2026-03-10T08:00:00.000Z',
        '1200',
        { product: 'eva-slipper', unit: 'pair', shift: 'A', note: 'new mould, "B"' },
      ],
      ['2026-03-10T08:00:00.000Z', '2026-03-10T16:00:00.000Z', '50.5', { product: 'eva-slipper', unit: 'pair' }],
    ])
  })

  it('names line, column, value and remedy of every fault, and still reads the good lines', () => {
    const { declarations, faults } = read(
      'product,from,to,count,unit\nboot,2026-02-30 08:00,2026-03-10 16:00,-5,pair\neva-slipper,2026-03-10 16:00,2026-03-10 08:00,3,kg\neva-slipper,2026-03-10 08:00,2026-03-10 09:00,3,\n',
    )
    expect(declarations).toHaveLength(1)
    expect(faults.map(({ line, column, value }) => [line, column, value])).toEqual([
      [2, 'product', 'boot'],
      [2, 'from', '2026-02-30 08:00'],
      [2, 'count', '-5'],
      [3, 'to', '2026-03-10 08:00'],
      [3, 'unit', 'kg'],
    ])
    expect(faults[0]?.why).toContain('eva-slipper')
  })

  it('says which column the heading lacks or does not know', () => {
    expect(read('product,from,until,count\n').faults.map(({ column, why }) => [column, why.slice(0, 9)])).toEqual([
      ['to', 'no column'],
      ['until', 'unknown c'],
    ])
  })

  it('keeps commas and line ends inside quotes', () => {
    expect(csvRows('a,"b,\nc"\nd,')).toEqual([
      ['a', 'b,\nc'],
      ['d', ''],
    ])
  })
})
