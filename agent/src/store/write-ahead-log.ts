import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'

/** A frame whose own checksum holds, so its page is what was written. */
export interface LogFrame {
  readonly page: number
  /** Where the page's bytes begin in the log. */
  readonly at: number
  /** The last frame of a transaction says how large the file is after it. */
  readonly isCommit: boolean
}

export interface LogReport {
  /** Every frame of the log's present round that proves itself, also beyond the place where SQLite stops believing. */
  readonly frames: readonly LogFrame[]
  /** Committed transactions that SQLite would drop without a word, because a frame before or in them has decayed. */
  readonly damage: string | undefined
}

const WAL_HEADER = 32
const FRAME_HEADER = 24
/** Last digit of the magic says in which byte order the checksums count. */
const BIG_ENDIAN = 0x377f0683
/** A power cut leaves out whole blocks of 4 KiB, and so three frames or more of 1 KiB; decay changes one or two. */
const DECAYED_AT_MOST = 2

/**
 * Looks at a write-ahead log before SQLite does (format: sqlite.org/fileformat2.html#walformat). SQLite ends its recovery
 * at the first frame whose checksum fails and forgets what follows: right for a transaction that a power cut tore, but
 * a flipped bit further up would take committed transactions with it and give their numbers out again. The checksum is
 * cumulative, but each frame carries the sum it left off with, so that every frame can be judged by itself.
 */
export function readLog(path: string, pageSize: number): LogReport {
  if (!existsSync(path)) return NOTHING
  const file = openSync(path, 'r')
  try {
    const size = fstatSync(file).size
    if (size < WAL_HEADER + FRAME_HEADER + pageSize) return NOTHING
    return new LogReader(file, size, pageSize).report()
  } finally {
    closeSync(file)
  }
}

const NOTHING: LogReport = { frames: [], damage: undefined }

class LogReader {
  private readonly header: Buffer
  private readonly sum: (bytes: Buffer, from: readonly [number, number]) => [number, number]

  constructor(
    private readonly file: number,
    private readonly size: number,
    private readonly pageSize: number,
  ) {
    this.header = this.bytes(0, WAL_HEADER)
    this.sum = this.header.readUInt32BE(0) === BIG_ENDIAN ? sumWith('readUInt32BE') : sumWith('readUInt32LE')
  }

  report(): LogReport {
    const headerSum = this.sum(this.header.subarray(0, 24), [0, 0])
    const isHeaderGood = headerSum[0] === this.header.readUInt32BE(24) && headerSum[1] === this.header.readUInt32BE(28)
    const frames: LogFrame[] = []
    // SQLite believes frames up to here; `broken` counts those of this round after it that do not prove themselves.
    let [isBelieved, broken, commitsLost, isTailCommitted] = [isHeaderGood, 0, 0, false]
    let before: readonly [number, number] = [this.header.readUInt32BE(24), this.header.readUInt32BE(28)]
    const step = FRAME_HEADER + this.pageSize
    for (let at = WAL_HEADER; at + step <= this.size; at += step) {
      const head = this.bytes(at, FRAME_HEADER)
      // Left over from the round before: the end of the log. The salts are in no checksum, so they may have decayed.
      if (!this.isOfThisRound(head)) break
      const sum = this.sum(this.bytes(at + FRAME_HEADER, this.pageSize), this.sum(head.subarray(0, 8), before))
      const isGood = sum[0] === head.readUInt32BE(16) && sum[1] === head.readUInt32BE(20)
      const isCommit = head.readUInt32BE(4) !== 0
      before = [head.readUInt32BE(16), head.readUInt32BE(20)]
      if (isGood) frames.push({ page: head.readUInt32BE(0), at: at + FRAME_HEADER, isCommit })
      isBelieved &&= isGood && this.hasSalts(head)
      if (isBelieved) continue
      if (!isGood || !this.hasSalts(head)) broken += 1
      if (isCommit) commitsLost += 1
      isTailCommitted = isCommit
    }
    const isTorn = commitsLost === 0 || (commitsLost === 1 && (!isTailCommitted || broken > DECAYED_AT_MOST))
    if (isTorn) return { frames, damage: undefined }
    return {
      frames,
      damage: `the write-ahead log has decayed: ${commitsLost} commits lie behind ${broken} broken frames`,
    }
  }

  private hasSalts(frame: Buffer): boolean {
    return frame.subarray(8, 16).equals(this.header.subarray(16, 24))
  }

  /** The salts of the log's header, but for a single bit at most: those of another round differ in many. */
  private isOfThisRound(frame: Buffer): boolean {
    let bits = 0
    for (let index = 0; index < 8; index += 1) {
      let difference = (frame[8 + index] ?? 0) ^ (this.header[16 + index] ?? 0)
      for (; difference !== 0; difference &= difference - 1) bits += 1
    }
    return bits <= 1
  }

  private bytes(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length)
    readSync(this.file, bytes, 0, length, at)
    return bytes
  }
}

/** SQLite's checksum of a write-ahead log: two sums over pairs of 32-bit words, each adding the other. */
const sumWith =
  (read: 'readUInt32BE' | 'readUInt32LE') =>
  (bytes: Buffer, [first, second]: readonly [number, number]): [number, number] => {
    for (let at = 0; at + 8 <= bytes.length; at += 8) {
      first = (first + bytes[read](at) + second) >>> 0
      second = (second + bytes[read](at + 4) + first) >>> 0
    }
    return [first, second]
  }
