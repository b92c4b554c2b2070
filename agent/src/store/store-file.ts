import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fail, ok, type Random, type Result, type Stamp, type StreamRecord } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import { writeNow } from './commit-plan.js'
import { mendIndexes, orphans } from './decay-tables.js'
import { appendFiller } from './disk-room.js'
import { newStreamId } from './memory-record-store.js'
import { checkStreams, mendRows } from './mend.js'
import {
  closeQuietly,
  isDamage,
  type OpenFault,
  openDatabase,
  PAGE_SIZE,
  setBound,
  sqliteCode,
} from './open-database.js'
import { type Salvage, Salvager } from './salvage.js'
import { schemaDamage } from './schema.js'
import { DamagedRow, Tables } from './tables.js'
import { readLog } from './write-ahead-log.js'

/** `busy`: another program has the file for itself. */
export type WriteFault = { readonly kind: 'full' | 'io' | 'busy' | 'damaged'; readonly why: string }

/** What starting found and did; all of it is in the ledger too. */
export interface StartReport {
  /** Name of the file set aside, when there was one. */
  readonly setAside: string | undefined
  readonly salvaged: Salvage | undefined
  /** Single rows that failed a check: mended from their bytes, or set aside and named. */
  readonly damagedRows: number
  /** New numbers go into new streams, because old numbers might have been used. */
  readonly newStreams: boolean
}

/** What the start came upon, for the first transaction to settle. */
interface Found {
  readonly aside: string | undefined
  readonly damage: string | undefined
  readonly salvager: Salvager | undefined
  readonly walLost: boolean
}

interface Opened {
  readonly db: Database.Database
  readonly tables: Tables
  /** Something in it was mended on the way: nothing else in it is believed unseen. */
  readonly hasDecayed: boolean
  /** It may take no page more than it has. */
  isHeld: boolean
}

/** The counter that tells a clean stop: 1 from the last commit before closing until the next start. */
const CLEAN = 'clean'
const WAL_ALLOWANCE = 5 * 1024 * 1024
/** By so much the file may outgrow its bound while a start mends and salvages: nothing is evicted before. */
const MENDING_ROOM = 1024 * 1024

export interface StoreFileSettings {
  readonly capBytes: number
  readonly synchronous: 'FULL' | 'NORMAL'
}

/** The SQLite file with its handle: opened, checked, reopened after failures, set aside when damaged. */
export class StoreFile {
  private opened: Opened | undefined
  private readonly path: string
  /**
   * Was there a log when the process first looked? An empty one is none: a reader makes it on opening a store that has lost its own.
   * Later its absence means nothing: closing removes it.
   */
  private walBefore: boolean | undefined
  /** What reading or writing met, in words; the file needs {@link repair}. */
  private damageSeen: string | undefined
  /** Row id of the newest waiting batch whose index the start did not compare with its records; 0: it compared all. */
  uncompared = 0

  constructor(
    private readonly folder: string,
    private readonly random: Random,
    private readonly settings: StoreFileSettings,
    private readonly stamp: () => Stamp,
  ) {
    this.path = join(folder, 'store.sqlite')
  }

  get tables(): Tables | undefined {
    return this.opened?.tables
  }

  makeFolder(): Result<void, OpenFault> {
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 })
      return ok(undefined)
    } catch (error) {
      return fail({ kind: 'io', why: `cannot make the data folder ${this.folder}: ${textOf(error)}` })
    }
  }

  start(): Result<StartReport, OpenFault> {
    this.closeHandle()
    this.walBefore ??= sizeOf(`${this.path}-wal`) > 0
    let aside: string | undefined
    let damage = this.damageBeforeOpening()
    let opened = damage === undefined ? this.openChecked() : fail<OpenFault>({ kind: 'damaged', why: damage })
    if (!opened.ok && (opened.fault.kind === 'damaged' || opened.fault.kind === 'foreign')) {
      damage = opened.fault.why
      aside = this.setAside()
      opened = this.openChecked()
    }
    if (!opened.ok) return opened
    this.opened = opened.value
    let report = this.settleAll(aside, damage)
    if (!report.ok && report.fault.kind === 'damaged' && aside === undefined) {
      // Sound pages, but rows in them that nobody wrote so.
      damage = report.fault.why
      aside = this.setAside()
      opened = this.openChecked()
      if (!opened.ok) return opened
      this.opened = opened.value
      report = this.settleAll(aside, damage)
    }
    if (!report.ok) {
      // Also where only room was lacking: a file made anew has no streams yet, and nothing may be written to it.
      this.closeHandle()
      return fail({ kind: 'io', why: `cannot write the store ${this.path}: ${report.fault.why}` })
    }
    this.walBefore = true
    this.damageSeen = undefined
    if (this.opened) setBound(this.opened.db, this.capBytes())
    this.fold()
    return ok(report.value)
  }

  private settleAll(setAside: string | undefined, damage: string | undefined): Result<StartReport, WriteFault> {
    const isUsed = this.read(isInUse, false)
    // A store without streams was never settled: a salvage that a crash or a full disk stopped is done again.
    const aside = setAside ?? (isUsed ? undefined : this.lastAside())
    const isClean = this.read((tables) => tables.counter(CLEAN) === 1, true)
    const walLost = isUsed && aside === undefined && !this.walBefore && !isClean
    const salvager = aside !== undefined && statSync(aside).isFile() ? new Salvager(aside) : undefined
    const report = this.write((each) => this.settle(each, { aside, damage, salvager, walLost }))
    salvager?.close()
    return report
  }

  get needsRepair(): boolean {
    return this.damageSeen !== undefined
  }

  /** Starts over on a file that turned out damaged in use: set aside, salvaged, gone on with. Tried once per damage. */
  repair(): boolean {
    this.closeHandle()
    const isRepaired = this.start().ok
    this.damageSeen = undefined
    return isRepaired
  }

  /** A fresh handle whose log has been copied into the file; false when the medium still refuses. */
  reopen(): boolean {
    this.closeHandle()
    const opened = openDatabase(this.path, { ...this.settings, capBytes: this.capBytes() })
    if (!opened.ok) return false
    this.opened = { db: opened.value, tables: new Tables(opened.value), hasDecayed: false, isHeld: false }
    // Made anew by a repair that the disk stopped: nothing may be written before the salvage is done.
    if (this.read((tables) => tables.streams().length === 0, false)) {
      this.closeHandle()
      return this.start().ok
    }
    return this.checkpoint()
  }

  /** For another try after a failure: what a lack of room left open is as good as before, anything else is opened afresh. */
  makeReady(): boolean {
    return this.opened ? this.fold() : this.reopen()
  }

  /**
   * Copies the log into the file, so that the next transaction begins at the log's start and takes no more of the disk; false when the
   * handle is gone. A lack of room is none: the log may still have some at its end.
   */
  fold(): boolean {
    try {
      this.opened?.db.pragma('wal_checkpoint(PASSIVE)')
    } catch (error) {
      if (kindOf(error) !== 'full') this.giveUp(error)
    }
    return this.opened !== undefined
  }

  /**
   * Makes the log at least so long, or as long as there is room: SQLite writes into its length again and again, so that nobody else can
   * take what a transaction needs. What it has not written yet, its recovery does not believe (sqlite.org/fileformat2.html#walformat).
   */
  lengthenLog(bytes: number): void {
    const log = `${this.path}-wal`
    // A log that is missing must be missed.
    if (sizeOf(log) > 0) appendFiller(log, bytes - sizeOf(log))
  }

  /** The file takes no page more than it has, until it may again. */
  holdSize(isHeld: boolean): void {
    const { opened } = this
    if (!opened || opened.isHeld === isHeld) return
    const bytes = (tables: Tables) => (isHeld ? tables.pragma('page_count') * PAGE_SIZE : this.capBytes())
    this.read((tables) => setBound(opened.db, bytes(tables)), undefined)
    opened.isHeld = isHeld
  }

  /**
   * One transaction. After a failure the handle is closed, as SQLite's memory of the file may differ from the disk; but not where only
   * room was lacking: no flush failed, the transaction is rolled back, and on a full disk the file could not be opened again.
   */
  write<T>(work: (tables: Tables) => T): Result<T, WriteFault> {
    if (!this.opened) {
      // A look that met damage has closed the file.
      if (this.damageSeen !== undefined) return fail({ kind: 'damaged', why: this.damageSeen })
      return fail({ kind: 'io', why: 'the store file cannot be opened' })
    }
    const { db, tables } = this.opened
    try {
      db.exec('BEGIN IMMEDIATE')
      const value = work(tables)
      db.exec('COMMIT')
      return ok(value)
    } catch (error) {
      tables.forgetCounts()
      if (!isTheDisks(error)) {
        // Not the disk's doing: nothing of it may stay, and nobody may go on.
        if (db.inTransaction) db.exec('ROLLBACK')
        throw error
      }
      const kind = kindOf(error)
      // Nothing is in doubt: the handle is as good as before.
      const isKept = (kind === 'busy' || kind === 'full') && db.open && rolledBack(db)
      if (!isKept) this.giveUp(error)
      return fail({ kind, why: `${textOf(error)} (${sqliteCode(error)})` })
    }
  }

  read<T>(work: (tables: Tables) => T, otherwise: T): T {
    if (!this.opened) return otherwise
    try {
      return work(this.opened.tables)
    } catch (error) {
      this.giveUp(error)
      return otherwise
    }
  }

  /** What was being read broke off: the handle goes, and with damage the file must be repaired. Throws what is not the disk's. */
  giveUp(error: unknown): void {
    if (!isTheDisks(error)) throw error
    if (isDamageSeen(error)) this.damageSeen ??= textOf(error)
    this.closeHandle()
  }

  /** The part of the folder's bound that the file itself may take; the rest is for the log. */
  capBytes(): number {
    return this.settings.capBytes - Math.min(this.settings.capBytes / 4, WAL_ALLOWANCE)
  }

  /** How large the file may be now: up to the cap, or as large as it is while its size is held. */
  boundBytes(): number {
    return this.read((tables) => tables.pragma('max_page_count') * PAGE_SIZE, this.capBytes())
  }

  isAtCap(): boolean {
    return this.read((tables) => tables.pragma('page_count') >= this.capBytes() / PAGE_SIZE - 64, false)
  }

  sizeBytes(): number {
    return sizeOf(this.path) + sizeOf(`${this.path}-wal`)
  }

  /** With `logBytes` the log's place is kept for the next start, in which SQLite would make it anew. */
  close(logBytes = 0): void {
    const isClean = this.write((tables) => tables.setCounter(CLEAN, 1)).ok
    this.closeHandle()
    if (isClean) appendFiller(`${this.path}-wal`, logBytes - sizeOf(`${this.path}-wal`))
  }

  private openChecked(): Result<Opened, OpenFault> {
    const opened = openDatabase(this.path, { ...this.settings, capBytes: this.capBytes() })
    if (!opened.ok) return opened
    const db = opened.value
    try {
      const tables = new Tables(db)
      setBound(db, Math.max(tables.pragma('page_count') * PAGE_SIZE, this.capBytes()) + MENDING_ROOM)
      const found = fileDamage(db)
      const hasDecayed = found.length > 0 && found.every((each) => / index /.test(each))
      if (hasDecayed) db.transaction(() => mendIndexes(tables)).immediate()
      // Each look reads the whole file: another only at what was mended.
      const damage = (hasDecayed ? fileDamage(db) : found)[0] ?? schemaDamage(db)
      if (damage === undefined) return ok({ db, tables, hasDecayed, isHeld: false })
      closeQuietly(db)
      return fail({ kind: 'damaged', why: damage })
    } catch (error) {
      closeQuietly(db)
      if (!isTheDisks(error)) throw error
      return fail({ kind: isDamageSeen(error) ? 'damaged' : 'io', why: textOf(error) })
    }
  }

  /** First transaction after opening: streams, damage found, and the mark that the store is in use. */
  private settle(tables: Tables, { aside, damage, salvager, walLost }: Found): StartReport {
    const isNew = !tables.streams().some((each) => each.current)
    // Rows nobody wrote so are found here, before anything is built on them.
    if (isInUse(tables)) checkStreams(tables)
    const batches = salvager?.restoreStreams(tables) ?? 0
    for (const kind of ['detail', 'ledger'] as const) {
      if (isNew || walLost) tables.addStream(kind, newStreamId(this.random))
    }
    tables.setCounter(CLEAN, 0)
    const salvaged = salvager && { batches, ...salvager.restoreRows(tables, this.stamp()) }
    const mended = mendRows(tables, this.stamp(), this.opened?.hasDecayed)
    this.uncompared = mended.uncompared
    const report = { setAside: aside, salvaged, damagedRows: mended.rows, newStreams: walLost || aside !== undefined }
    if (walLost || aside !== undefined)
      writeNow(tables, [{ kind: 'ledger', record: this.event(report, damage, walLost) }], this.stamp())
    return report
  }

  private event(report: StartReport, damage: string | undefined, walLost: boolean): StreamRecord {
    const { setAside, salvaged } = report
    const facts = {
      reason: walLost ? 'write-ahead log missing' : 'damaged file',
      why: damage?.slice(0, 200) ?? null,
      file: setAside ?? null,
      batches: salvaged?.batches ?? null,
      rows: salvaged?.chunks ?? null,
      lost: salvaged?.lostRecords ?? null,
    }
    return { kind: 'event', stamp: this.stamp(), code: 'store_repaired', facts }
  }

  /** The log keeps its length: on a full disk the room that it let go would be somebody else's. */
  private checkpoint(): boolean {
    try {
      this.opened?.db.pragma('wal_checkpoint(RESTART)')
      return true
    } catch (error) {
      if (sqliteCode(error) === '') throw error
      this.closeHandle()
      return false
    }
  }

  /** What SQLite would not see: no file at all, or a log whose committed end it would silently forget. */
  private damageBeforeOpening(): string | undefined {
    if (!existsSync(this.path)) return undefined
    if (!statSync(this.path).isFile()) return 'it is no file'
    if (this.damageSeen !== undefined) return this.damageSeen
    const version = formatOf(this.path)
    // Above 2 SQLite takes it for a file of the future, which it may only read.
    if (version !== undefined && version > 2) return `its header says format ${version}`
    return readLog(`${this.path}-wal`, PAGE_SIZE).damage
  }

  private lastAside(): string | undefined {
    let number = 0
    while (existsSync(`${this.path}.corrupt-${number + 1}`)) number += 1
    return number > 0 ? `${this.path}.corrupt-${number}` : undefined
  }

  /** Renames the file with its log to the first free `.corrupt-N`; nothing is ever deleted. */
  private setAside(): string {
    const before = this.lastAside()
    const number = before === undefined ? 1 : Number(before.slice(before.lastIndexOf('-') + 1)) + 1
    const aside = `${this.path}.corrupt-${number}`
    this.damageSeen = undefined
    renameSync(this.path, aside)
    for (const suffix of ['-wal', '-shm']) {
      if (existsSync(`${this.path}${suffix}`)) renameSync(`${this.path}${suffix}`, `${aside}${suffix}`)
    }
    return aside
  }

  private closeHandle(): void {
    closeQuietly(this.opened?.db)
    this.opened = undefined
  }
}

function rolledBack(db: Database.Database): boolean {
  try {
    if (db.inTransaction) db.exec('ROLLBACK')
    return true
  } catch {
    return false
  }
}

/** What SQLite finds wrong with the file, first things first. Its quick check takes as long and does not look at indexes. */
function fileDamage(db: Database.Database): readonly string[] {
  const found = db.prepare('PRAGMA integrity_check(100)').pluck().all().map(String)
  return found.length === 1 && found[0] === 'ok' ? [] : found
}

/** Rows whose streams are all gone are somebody's as well: new streams would take their places. */
const isInUse = (tables: Tables): boolean => tables.streams().length > 0 || orphans(tables) > 0

const isDamageSeen = (error: unknown): boolean => error instanceof DamagedRow || isDamage(error)
function kindOf(error: unknown): WriteFault['kind'] {
  if (isDamageSeen(error)) return 'damaged'
  if (sqliteCode(error) === 'SQLITE_FULL') return 'full'
  return /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error)) ? 'busy' : 'io'
}

const isTheDisks = (error: unknown): boolean => error instanceof DamagedRow || sqliteCode(error) !== ''
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
/** The write version in the header (sqlite.org/fileformat2.html, offset 18); undefined for a file without one. */
function formatOf(path: string): number | undefined {
  const file = openSync(path, 'r')
  try {
    const header = Buffer.alloc(20)
    return readSync(file, header, 0, 20, 0) === 20 ? header.readUInt8(18) : undefined
  } finally {
    closeSync(file)
  }
}

const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0)
