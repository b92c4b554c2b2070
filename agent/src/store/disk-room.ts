import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Disk } from './disk.js'

export interface RoomSettings {
  /** Set free when the disk is full; twice the largest transaction or more. 0: none. */
  readonly ballastBytes: number
  /** Below this much free disk, acknowledged history makes room before the file grows. */
  readonly reserveBytes: number
}

/** For SQLite's shared index (32 KiB), which it makes when it opens the file. */
const START_BYTES = 40 * 1024
const MOST_LOG_BYTES = 512 * 1024

/** What the disk has left, and the ballast: a file that only takes room, given back when nothing else is left (deleting rows needs room too). */
export class DiskRoom {
  private readonly file: string

  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
    private readonly settings: RoomSettings,
  ) {
    this.file = join(folder, 'ballast')
  }

  isNearlyFull(): boolean {
    return this.hasLessThan(this.settings.reserveBytes)
  }

  /** There is none for the ballast. */
  isShort(): boolean {
    const { ballastBytes, reserveBytes } = this.settings
    return ballastBytes > 0 && !this.hasBallast() && this.hasLessThan(ballastBytes + reserveBytes)
  }

  /**
   * The ballast has been given back and half its room is used up: what is left is for the log, and for what is on its way from there into
   * the file. Not more than that, or a small disk would stop the file at its first page.
   */
  isCramped(): boolean {
    return this.hasLessThan(Math.min(2 * MOST_LOG_BYTES, this.settings.ballastBytes / 2)) && !this.hasBallast()
  }

  /** What is short, in words; undefined while nothing is. */
  shortage(): string | undefined {
    if (!this.isNearlyFull() && !this.isShort()) return undefined
    const kib = Math.floor((this.disk.freeBytes(this.folder) ?? 0) / 1024)
    return `the disk is nearly full (${kib} KiB free): make room, or the oldest readings make way for new ones`
  }

  /** How long the log must be where the disk is short of room: for all that one transaction writes, an eviction among it. */
  get logBytes(): number {
    return Math.min(MOST_LOG_BYTES, this.settings.ballastBytes / 2)
  }

  /** Puts the ballast (back) in place while the disk has room. */
  keepBallast(): void {
    const { ballastBytes, reserveBytes } = this.settings
    if (ballastBytes === 0 || this.hasBallast()) return
    const free = this.disk.freeBytes(this.folder) ?? 0
    if (free > ballastBytes + reserveBytes) this.takeRoom(ballastBytes)
  }

  /** Gives the ballast's room back; true when there was any. */
  giveBallast(): boolean {
    const was = existsSync(this.file)
    try {
      rmSync(this.file, { force: true })
    } catch {
      return false
    }
    return was
  }

  /** Keeps a little of what stopping sets free: too little to be the ballast, enough for the next start when it is given back. */
  keepForStart(): void {
    let bytes = Math.min(START_BYTES, this.settings.ballastBytes)
    while (bytes > 0 && !this.takeRoom(bytes)) bytes -= 4096
  }

  private takeRoom(bytes: number): boolean {
    try {
      writeFileSync(this.file, filler(bytes), { flush: true })
      return true
    } catch {
      this.giveBallast()
      return false
    }
  }

  private hasBallast(): boolean {
    return existsSync(this.file) && statSync(this.file).size >= this.settings.ballastBytes
  }

  private hasLessThan(bytes: number): boolean {
    const free = this.disk.freeBytes(this.folder)
    return free !== undefined && free < bytes
  }
}

/** Appends bytes that mean nothing, as many as there is room for. */
export function appendFiller(file: string, bytes: number): void {
  if (bytes <= 0) return
  try {
    writeFileSync(file, filler(bytes), { flag: 'a' })
  } catch {
    // What found room stays.
  }
}

/** Not zeros: a file system that leaves holes or compresses would give no room back. */
function filler(bytes: number): Buffer {
  const block = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 167 + 13) % 251))
  return Buffer.alloc(bytes, block)
}
