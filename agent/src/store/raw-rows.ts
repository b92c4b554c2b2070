import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { PAGE_SIZE } from './open-database.js'
import { readLog } from './write-ahead-log.js'

export type RawValue = number | string | Uint8Array | null

/** Where a row was seen, to read it again without keeping it. */
export interface RawRef {
  readonly withLog: boolean
  readonly page: number
  readonly cell: number
}

const LEAF = 0x0d

/**
 * Table rows of a SQLite file read page by page, without its b-trees: whatever leaf page is whole gives its rows,
 * also when those above it are gone (format: sqlite.org/fileformat2.html). Old versions of rows turn up as well; the
 * caller tells good from bad by checksum, so nothing here needs to be believed.
 */
export class RawFile {
  private readonly main: number
  private readonly log: number | undefined
  private readonly pages: number
  /** Newest frame of each page in the write-ahead log that proves itself by its checksum. */
  private readonly frames = new Map<number, number>()

  constructor(path: string) {
    this.main = openSync(path, 'r')
    this.log = existsSync(`${path}-wal`) ? openSync(`${path}-wal`, 'r') : undefined
    this.pages = Math.ceil(fstatSync(this.main).size / PAGE_SIZE)
    for (const { page, at } of readLog(`${path}-wal`, PAGE_SIZE).frames) this.frames.set(page, at)
  }

  close(): void {
    closeSync(this.main)
    if (this.log !== undefined) closeSync(this.log)
  }

  /** Every row that can be read with the write-ahead log in place, then every row without it. */
  *rows(): Generator<{ readonly ref: RawRef; readonly row: readonly RawValue[] }> {
    const last = Math.max(this.pages, ...this.frames.keys())
    for (const withLog of this.log === undefined ? [false] : [true, false]) {
      for (let page = 1; page <= last; page += 1) {
        if (!withLog && this.log !== undefined && !this.frames.has(page)) continue
        const cells = this.cellCount(page, withLog)
        for (let cell = 0; cell < cells; cell += 1) {
          const row = this.row({ withLog, page, cell })
          if (row) yield { ref: { withLog, page, cell }, row }
        }
      }
    }
  }

  row({ withLog, page, cell }: RawRef): readonly RawValue[] | undefined {
    try {
      const bytes = this.page(page, withLog)
      const at = bytes.readUInt16BE(headerAt(page) + 8 + 2 * cell)
      const size = varint(bytes, at)
      const rowid = varint(bytes, size.next)
      if (size.value > 64 * 1024 * 1024) return undefined
      const [first, ...rest] = decodeRow(this.payload(bytes, rowid.next, size.value, withLog))
      // An integer primary key is the row's id, and is not stored beside it.
      return [first === null ? rowid.value : (first ?? null), ...rest]
    } catch {
      return undefined
    }
  }

  private cellCount(page: number, withLog: boolean): number {
    const bytes = this.page(page, withLog)
    const at = headerAt(page)
    return bytes.length === PAGE_SIZE && bytes[at] === LEAF ? Math.min(bytes.readUInt16BE(at + 3), PAGE_SIZE / 4) : 0
  }

  private payload(bytes: Buffer, at: number, size: number, withLog: boolean): Buffer {
    const most = PAGE_SIZE - 35
    if (size <= most) return bytes.subarray(at, at + size)
    const least = Math.floor(((PAGE_SIZE - 12) * 32) / 255) - 23
    const wanted = least + ((size - least) % (PAGE_SIZE - 4))
    const local = wanted <= most ? wanted : least
    const parts = [bytes.subarray(at, at + local)]
    let next = bytes.readUInt32BE(at + local)
    for (let have = local; have < size && next !== 0; ) {
      const page = this.page(next, withLog)
      const part = page.subarray(4, 4 + Math.min(PAGE_SIZE - 4, size - have))
      parts.push(part)
      have += part.length
      next = page.readUInt32BE(0)
    }
    return Buffer.concat(parts)
  }

  private page(number: number, withLog: boolean): Buffer {
    const frame = withLog ? this.frames.get(number) : undefined
    if (frame !== undefined && this.log !== undefined) return read(this.log, frame, PAGE_SIZE)
    return read(this.main, (number - 1) * PAGE_SIZE, PAGE_SIZE)
  }
}

const headerAt = (page: number): number => (page === 1 ? 100 : 0)

function read(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readSync(file, bytes, 0, length, at))
}

function varint(bytes: Buffer, at: number): { readonly value: number; readonly next: number } {
  let value = 0
  for (let index = 0; index < 8; index += 1) {
    const byte = bytes.readUInt8(at + index)
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return { value, next: at + index + 1 }
  }
  return { value: value * 256 + bytes.readUInt8(at + 8), next: at + 9 }
}

function decodeRow(payload: Buffer): readonly RawValue[] {
  const header = varint(payload, 0)
  const values: RawValue[] = []
  let body = header.value
  for (let at = header.next; at < header.value; ) {
    const type = varint(payload, at)
    const size = sizeOf(type.value)
    if (body + size > payload.length) throw new RangeError('a value runs out of its row')
    values.push(valueFrom(type.value, payload.subarray(body, body + size)))
    body += size
    at = type.next
  }
  return values
}

const INTEGER_SIZES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0]
const sizeOf = (type: number): number => INTEGER_SIZES[type] ?? Math.floor((type - 12) / 2)

function valueFrom(type: number, bytes: Buffer): RawValue {
  if (type === 0) return null
  if (type === 7) return bytes.readDoubleBE(0)
  if (type === 8 || type === 9) return type - 8
  if (type === 6) return Number(bytes.readBigInt64BE(0))
  if (type < 6) return bytes.readIntBE(0, bytes.length)
  return type % 2 === 0 ? new Uint8Array(bytes) : bytes.toString('utf8')
}
