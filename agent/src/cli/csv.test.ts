import { describe, expect, it } from 'vitest'
import { csv, decodeText, parseCsv } from './csv.js'

const cellsOf = (text: string) => parseCsv(text).map(({ cells }) => cells)

describe('CSV', () => {
  it('comes back as it was written', () => {
    const rows = [['a,b', 'say "x"', '两\n行', '']]
    expect(cellsOf(csv(['h1', 'h2', 'h3', 'h4'], rows))).toEqual([['h1', 'h2', 'h3', 'h4'], ...rows])
  })

  it('skips blank lines and a byte order mark, and says in which line of the file a row begins', () => {
    expect(parseCsv('\uFEFFa,b\r\n\r\n1,"two\nlines"\n,\n3,4')).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 3, cells: ['1', 'two\nlines'] },
      { line: 6, cells: ['3', '4'] },
    ])
  })

  it.each([
    ['a,b,', [['a', 'b', '']]],
    ['a, "b, c" ,d', [['a', 'b, c', 'd']]],
    ['5" pipe,x', [['5" pipe', 'x']]],
    ['a,"open\nb', [['a', '"open'], ['b']]],
    ['', []],
  ])('reads %j', (text, rows) => {
    expect(cellsOf(text)).toEqual(rows)
  })

  it('is read in the encodings that spreadsheets write', () => {
    const gbk = Uint8Array.from([0xd2, 0xb9, 0xb0, 0xe0])
    expect(decodeText(gbk)).toBe('夜班')
    expect(decodeText(new TextEncoder().encode('夜班'))).toBe('夜班')
    expect(decodeText(Uint8Array.from([0xff, 0xfe, ...Buffer.from('夜班', 'utf16le')]))).toBe('夜班')
  })
})
