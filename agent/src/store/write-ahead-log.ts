import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { type FrameSums, isByFlips, type Sums, sumOf, wordsOf } from './wal-checksum.js'

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
/** A power cut mostly leaves out whole blocks of 4 KiB, and so three frames or more of 1 KiB; decay changes one or two. */
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
  private readonly isBigEndian: boolean

  constructor(
    private readonly file: number,
    private readonly size: number,
    private readonly pageSize: number,
  ) {
    this.header = this.bytes(0, WAL_HEADER)
    this.isBigEndian = this.header.readUInt32BE(0) === BIG_ENDIAN
  }

  report(): LogReport {
    let before: Sums = [this.header.readUInt32BE(24), this.header.readUInt32BE(28)]
    const isHeaderGood = isSame(sumOf(this.words(this.header.subarray(0, 24)), [0, 0]), before)
    const frames: LogFrame[] = []
    // SQLite believes frames up to here; `broken` counts those of this round after it that do not prove themselves.
    let [isBelieved, broken, commitsLost, isTailCommitted] = [isHeaderGood, 0, 0, false]
    const failed: FrameSums[] = []
    const step = FRAME_HEADER + this.pageSize
    for (let at = WAL_HEADER; at + step <= this.size; at += step) {
      const head = this.bytes(at, FRAME_HEADER)
      // Left over from the round before: the end of the log. The salts are in no checksum, so they may have decayed.
      if (!this.isOfThisRound(head)) break
      const page = this.bytes(at + FRAME_HEADER, this.pageSize)
      const words = [...this.words(head.subarray(0, 8)), ...this.words(page)]
      const stored: Sums = [head.readUInt32BE(16), head.readUInt32BE(20)]
      const isGood = isSame(sumOf(words, before), stored)
      const isCommit = head.readUInt32BE(4) !== 0
      if (!isGood && failed.length <= DECAYED_AT_MOST) failed.push({ words, before, stored })
      before = stored
      if (isGood) frames.push({ page: head.readUInt32BE(0), at: at + FRAME_HEADER, isCommit })
      isBelieved &&= isGood && this.hasSalts(head)
      if (isBelieved) continue
      if (!isGood || !this.hasSalts(head)) broken += 1
      if (isCommit) commitsLost += 1
      isTailCommitted = isCommit
    }
    // The newest transaction alone: a process that dies leaves a frame's header without its page, and behind it what the round before wrote there.
    const mayBeTorn = (): boolean => !isTailCommitted || broken > DECAYED_AT_MOST || !failed.every(isByFlips)
    const isTorn = commitsLost === 0 || (commitsLost === 1 && mayBeTorn())
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

  private words(bytes: Buffer): number[] {
    return wordsOf(bytes, this.isBigEndian)
  }

  private bytes(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length)
    readSync(this.file, bytes, 0, length, at)
    return bytes
  }
}

const isSame = (one: Sums, other: Sums): boolean => one[0] === other[0] && one[1] === other[1]
