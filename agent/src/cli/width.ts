/**
 * Columns a terminal uses for a text: CJK and full-width characters take two, combining marks none. Ranges from
 * Unicode's EastAsianWidth.txt (W and F), as far as meters and people need them.
 */
export function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += widthOf(character.codePointAt(0) ?? 0)
  return columns
}

const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe4f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x20000, 0x3fffd],
]

function widthOf(code: number): number {
  if ((code >= 0x300 && code <= 0x36f) || code === 0x200b || code === 0xfe0f) return 0
  return WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1
}

/** `text` filled with blanks to `columns`, at its end or (for numbers) at its start. */
export function pad(text: string, columns: number, side: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, columns - columnsOf(text)))
  return side === 'left' ? text + blanks : blanks + text
}
