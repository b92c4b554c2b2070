import { isUtf8 } from 'node:buffer'
import { closeSync, openSync, readSync } from 'node:fs'
import { fail, ok, type Result } from '@metergate/protocol'
import { CST, Lexer } from 'yaml'

/** A configuration of hundreds of meters takes some 100 kB; whatever is larger is another file. */
const MOST_BYTES = 2 ** 20
/** Levels of brackets and indentation. A configuration has five; the parser's own recursion ends at some thousands. */
const MOST_LEVELS = 200

export type SourceFault =
  | { readonly kind: 'missing' }
  | { readonly kind: 'too_large' }
  /** `line`: the first that is no UTF-8, or holds bytes no text has. */
  | { readonly kind: 'not_text'; readonly line: number }
  | { readonly kind: 'unreadable'; readonly why: string }

/** A file's text. Read to a limit instead of asking for its size: a pipe or a device has none. */
export function readSourceFile(file: string): Result<string, SourceFault> {
  try {
    const handle = openSync(file, 'r')
    try {
      const bytes = Buffer.alloc(MOST_BYTES + 1)
      let length = 0
      for (let got = -1; got !== 0 && length < bytes.length; length += got)
        got = readSync(handle, bytes, length, bytes.length - length, null)
      return length > MOST_BYTES ? fail({ kind: 'too_large' }) : textOf(bytes.subarray(0, length))
    } finally {
      closeSync(handle)
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return fail(code === 'ENOENT' ? { kind: 'missing' } : { kind: 'unreadable', why: code })
  }
}

/**
 * Some editors save in the code page of their system (GBK in China) or in UTF-16: read as UTF-8 the names in such a file
 * would be gone without a word.
 */
function textOf(bytes: Buffer): Result<string, SourceFault> {
  const text = bytes.toString('utf8')
  if (isUtf8(bytes) && !CONTROL.test(text)) return ok(text)
  let from = 0
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(NEWLINE, from)
    const row = bytes.subarray(from, end < 0 ? bytes.length : end)
    if (end < 0 || !isUtf8(row) || CONTROL.test(row.toString('utf8'))) return fail({ kind: 'not_text', line })
    from = end + 1
  }
}

const NEWLINE = 0x0a
/** What no text file holds: control characters other than tabs and ends of lines and pages. */
const CONTROL = /[^\P{Cc}\t-\r]/u

/** Where the text nests too deep to be parsed (the parser would bring the process down); undefined when it does not. */
export function tooDeepAt(source: string): number | undefined {
  let offset = 0
  let brackets = 0
  let onLine = 0
  let isText = false
  for (const token of new Lexer().lex(source)) {
    const kind = isText ? 'scalar' : CST.tokenType(token)
    isText = token === CST.SCALAR
    if (kind === 'newline') onLine = 0
    else if (kind === 'flow-seq-start' || kind === 'flow-map-start') brackets++
    else if (kind === 'flow-seq-end' || kind === 'flow-map-end') brackets--
    else if (kind === 'seq-item-ind' || kind === 'explicit-key-ind') onLine++
    else if (kind === 'space' && (offset === 0 || source[offset - 1] === '\n')) onLine += token.length
    if (brackets + onLine > MOST_LEVELS) return offset
    if (token !== CST.DOCUMENT && token !== CST.FLOW_END && token !== CST.SCALAR) offset += token.length
  }
  return undefined
}
