/** One row of CSV text and the line of the file it begins in, counted from 1. */
export interface CsvRow {
  readonly line: number
  readonly cells: readonly string[]
}

/** Rows as CSV (RFC 4180) with a header line. */
export function csv(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text)
  return [header, ...rows].map((row) => `${row.map(quoted).join(',')}\r\n`).join('')
}

/**
 * Rows of CSV text (RFC 4180), cells trimmed unless quoted. A byte order mark and blank lines are skipped; a quote in the
 * middle of a cell stands for itself.
 */
export function parseCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = []
  const cell = /\s*"((?:[^"]|"")*)"[^\S\r\n]*(?=,|\r?\n|$)|[^,\r\n]*/y
  const source = text.replace(/^\uFEFF/, '')
  let line = 1
  let begun = 1
  let cells: string[] = []
  const endRow = (): void => {
    if (cells.some((value) => value !== '')) rows.push({ line: begun, cells })
    cells = []
    begun = line
  }
  for (let at = 0; at < source.length; ) {
    cell.lastIndex = at
    const [whole = '', quoted] = cell.exec(source) ?? []
    cells.push(quoted === undefined ? whole.trim() : quoted.replace(/""/g, '"'))
    line += whole.split('\n').length - 1
    at += whole.length
    if (source[at] === ',') {
      at += 1
      if (at === source.length) cells.push('')
      continue
    }
    at += source.startsWith('\r\n', at) ? 2 : 1
    line += 1
    endRow()
  }
  if (cells.length > 0) endRow()
  return rows
}

/**
 * Text of a file as office programs write it: UTF-8 or UTF-16 with a byte order mark, else UTF-8, else GB 18030, in which Chinese
 * spreadsheets save CSV.
 */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('gb18030').decode(bytes)
  }
}
