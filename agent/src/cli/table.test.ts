import { describe, expect, it } from 'vitest'
import { facts, table } from './table.js'
import { PLAIN } from './terminal.js'
import { columnsOf } from './width.js'

describe('a table', () => {
  it('keeps its columns where Chinese and Latin stand together', () => {
    const text = table(
      [{ title: '电表' }, { title: '电量', align: 'right' }, { title: 'State' }],
      [
        ['注塑机 1', '12.5 kWh', 'ok'],
        ['press-2', '1204.37 kWh', { text: '无应答', paint: 'bad' }],
      ],
      PLAIN,
    )
    expect(text).toMatchInlineSnapshot(`
      "电表             电量  State
      注塑机 1     12.5 kWh  ok
      press-2   1204.37 kWh  无应答
      "
    `)
    const starts = text
      .trimEnd()
      .split('\n')
      .map((line) => columnsOf(line.slice(0, line.search(/State|ok|无应答/))))
    expect(new Set(starts).size).toBe(1)
  })

  it('is as wide painted as plain', () => {
    const paint = { ...PLAIN, bad: (text: string) => `<${text}>` }
    const rows = [[{ text: '断', paint: 'bad' as const }, 'x']]
    expect(table([{ title: 'aaaa' }, { title: 'b' }], rows, paint)).toBe('aaaa  b\n<断  >  x\n')
  })

  it('lines up names and values', () => {
    expect(
      facts(
        [
          ['时钟', 'a'],
          ['Cloud', 'b'],
        ],
        PLAIN,
      ),
    ).toBe('时钟   a\nCloud  b\n')
  })
})
