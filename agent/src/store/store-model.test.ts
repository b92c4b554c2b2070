import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invariant, type Numbered, type Sha256Hex, type StreamId } from '@metergate/protocol'
import type Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { openSealed } from './open-sealed.js'
import type { Acknowledgement, RecordStore } from './record-store.js'
import { toSeq } from './seal.js'
import { Sqlite } from './sqlite.js'
import { SqliteRecordStore, type StoreSettings } from './sqlite-record-store.js'
import { ROOMY_DISK, reading, SEALER, SeededRandom } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'

/** What the world did to the store; each step works on whatever the store holds then. */
type Step =
  | { readonly do: 'append'; readonly count: number }
  | { readonly do: 'seal' }
  | { readonly do: 'ack'; readonly which: number }
  | { readonly do: 'staleAck'; readonly which: number }
  | { readonly do: 'crash' }
  | { readonly do: 'reopen' }
  | { readonly do: 'clockJump'; readonly byMs: number }
  | { readonly do: 'corruptTail' }

/** A planted mistake: around the port, or on the file before it is opened again. */
interface Mutant {
  readonly around?: (store: RecordStore) => Pick<RecordStore, 'append' | 'acknowledge'>
  readonly onDisk?: (db: Database.Database) => void
}

const root = mkdtempSync(join(tmpdir(), 'metergate-model-'))
// Thousands of stores in the long form.
afterAll(() => rmSync(root, { recursive: true }), 300_000)

/** Drives the store and keeps, far from it, what it has promised. */
class World {
  private readonly clock = new ManualClock()
  private readonly random = new SeededRandom(7)
  private folder = mkdtempSync(join(root, 'run-'))
  private store = this.open()
  private readonly promised = new Map<string, number>()
  private readonly acknowledged = new Set<string>()
  private readonly damaged = new Set<string>()
  private next = 1

  constructor(
    private readonly mutant: Mutant,
    private readonly settings: Partial<StoreSettings>,
    private readonly bulk: number,
  ) {}

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'append':
        return this.append(step.count)
      case 'seal':
        this.store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 4000 })
        return
      case 'ack':
        return this.acknowledge(step.which)
      case 'staleAck':
        return this.acknowledgeWrongly(step.which)
      case 'crash':
        return this.crash()
      case 'reopen':
        await this.store.close()
        this.store = this.open()
        return
      case 'clockJump':
        this.clock.setWall(this.clock.wall() + step.byMs)
        return
      case 'corruptTail':
        return this.crash((db) => this.corruptTail(db))
    }
  }

  /** Everything promised is in history with its value, or named by a gap; what nobody confirmed is still to be sent. */
  check(): void {
    const gaps = [...this.store.records({ stream: 'ledger', kinds: ['gap'] })].map(({ record }) => record)
    const isNamed = (key: string): boolean =>
      gaps.some((gap) => gap.kind === 'gap' && key.startsWith(gap.stream) && within(key, gap.first, gap.last))
    namedRecords += gaps.reduce((sum, gap) => sum + (gap.kind === 'gap' ? gap.last - gap.first + 1 : 0), 0)
    const history = this.history()
    const unsent = this.unsent()
    for (const [key, value] of this.promised) {
      if (this.damaged.has(key)) expect(isNamed(key), `${key} is damaged and not named`).toBe(true)
      if (isNamed(key)) continue
      if (!this.acknowledged.has(key)) expect(unsent.get(key), `${key} is neither sent nor kept`).toBe(value)
      else if (history.has(key)) expect(history.get(key), `${key} has changed`).toBe(value)
    }
  }

  close(): Promise<void> {
    return this.store.close()
  }

  private open(): SqliteRecordStore {
    const { clock, random, folder, settings } = this
    const store = new SqliteRecordStore({ folder, clock, random, disk: ROOMY_DISK, sealer: () => SEALER, settings })
    const started = store.start()
    invariant(started.ok, 'the store does not start')
    return store
  }

  private port(): Pick<RecordStore, 'append' | 'acknowledge'> {
    return this.mutant.around?.(this.store) ?? this.store
  }

  private async append(count: number): Promise<void> {
    const values = Array.from({ length: count * this.bulk }, () => (this.next++ * 104_729) % 999_999_937)
    const stored = await this.port().append(
      values.map((n) => reading(this.clock, n)),
      { urgent: true },
    )
    if (!stored.ok) return
    const stream = this.current()
    for (const [index, seq] of stored.value.entries()) {
      const key = `${stream}/${seq}`
      expect(this.promised.has(key), `${key} was used before`).toBe(false)
      this.promised.set(key, values[index] ?? 0)
    }
  }

  private acknowledge(which: number): void {
    const pending = this.store.pending(1000).filter((each) => each.streamKind === 'detail')
    const batch = pending[which % Math.max(1, pending.length)]
    const sealed = batch && this.store.load(batch.stream, batch.number)
    if (!sealed) return
    this.port().acknowledge([sealed])
    for (const { seq } of openSealed(sealed).records) this.acknowledged.add(`${sealed.stream}/${seq}`)
    this.port().acknowledge([sealed])
  }

  private acknowledgeWrongly(which: number): void {
    const pending = this.store.pending(1000).filter((each) => each.streamKind === 'detail')
    const batch = pending[which % Math.max(1, pending.length)]
    if (!batch) return
    const other: Sha256Hex =
      openSealed(this.store.load(batch.stream, batch.number) ?? invariantFails()).header.previous ?? batch.sha256
    const wrong = other === batch.sha256 ? flip(batch.sha256) : other
    this.port().acknowledge([{ ...batch, sha256: wrong }])
  }

  /** The power of kill -9: whatever the kernel has of the files is what the next start finds. */
  private async crash(meddle: (db: Database.Database) => void = () => undefined): Promise<void> {
    const folder = mkdtempSync(join(root, 'run-'))
    cpSync(this.folder, folder, { recursive: true })
    await this.store.close()
    rmSync(this.folder, { recursive: true })
    this.folder = folder
    const db = new Sqlite(join(folder, 'store.sqlite'))
    // Without this the handle would fold the log into the file, and the next start would miss it.
    const keepLog = new Sqlite(join(folder, 'store.sqlite'))
    keepLog.prepare('SELECT count(*) FROM stream').get()
    meddle(db)
    this.mutant.onDisk?.(db)
    db.prepare("UPDATE counter SET value = 1 WHERE name = 'clean'").run()
    db.close()
    keepLog.close()
    this.store = this.open()
  }

  private corruptTail(db: Database.Database): void {
    const row: unknown = db
      .prepare(
        `SELECT chunk.id, stream.stream, first, last FROM chunk JOIN stream ON stream.id = chunk.stream
         WHERE kind = 'detail' ORDER BY chunk.id DESC LIMIT 1`,
      )
      .raw()
      .get()
    if (!Array.isArray(row)) return
    const [id, stream, first, last]: unknown[] = row
    db.prepare("UPDATE chunk SET body = CAST(body || x'5a' AS BLOB) WHERE id = ?").run(id)
    for (let seq = Number(first); seq <= Number(last); seq += 1) this.damaged.add(`${String(stream)}/${seq}`)
  }

  private history(): Map<string, number> {
    // One detail stream lives through these runs, so that a number alone is a key.
    const stream = this.current()
    return new Map(
      [...this.store.records({ stream: 'detail' })].map((each) => [`${stream}/${each.seq}`, valueIn(each)]),
    )
  }

  private unsent(): Map<string, number> {
    const unsent = new Map<string, number>()
    for (const { stream, number, streamKind } of this.store.pending(1000)) {
      if (streamKind !== 'detail') continue
      const sealed = this.store.load(stream, number)
      for (const each of sealed ? openSealed(sealed).records : []) unsent.set(`${stream}/${each.seq}`, valueIn(each))
    }
    const state = this.store.health().streams.find((each) => each.stream === this.current())
    for (const [key, value] of this.history()) {
      if (Number(key.split('/')[1]) > (state?.lastSealed ?? 0)) unsent.set(key, value)
    }
    return unsent
  }

  private current(): StreamId {
    const stream = this.store.health().streams.findLast((each) => each.kind === 'detail')
    invariant(stream, 'no detail stream')
    return stream.stream
  }
}

const within = (key: string, first: number, last: number): boolean => {
  const seq = Number(key.split('/')[1])
  return seq >= first && seq <= last
}
const valueIn = ({ record }: Numbered): number => {
  const [value] = record.kind === 'reading' ? record.values : []
  return value && 'value' in value ? value.value.n : Number.NaN
}
const invariantFails = (): never => {
  throw new Error('a pending batch cannot be loaded')
}
const flip = (sha256: Sha256Hex): Sha256Hex => openHash(`${sha256.startsWith('0') ? '1' : '0'}${sha256.slice(1)}`)
const openHash = (text: string): Sha256Hex => {
  invariant(isHash(text), 'no hash')
  return text
}
const isHash = (text: string): text is Sha256Hex => /^[0-9a-f]{64}$/.test(text)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 30 }).map((count): Step => ({ do: 'append', count })) },
  { weight: 4, arbitrary: fc.constant<Step>({ do: 'seal' }) },
  { weight: 3, arbitrary: fc.nat(20).map((which): Step => ({ do: 'ack', which })) },
  { weight: 2, arbitrary: fc.nat(20).map((which): Step => ({ do: 'staleAck', which })) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'crash' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'reopen' }) },
  { weight: 1, arbitrary: fc.integer({ min: -6e10, max: 6e10 }).map((byMs): Step => ({ do: 'clockJump', byMs })) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'corruptTail' }) },
)

/** Over all checks so far: a run under a cap that never drops anything would prove nothing. */
let namedRecords = 0

const runs = (mutant: Mutant, settings: Partial<StoreSettings>, numRuns: number, bulk = 1) =>
  fc.check(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: LONG ? 60 : 30 }), async (steps) => {
      const world = new World(mutant, settings, bulk)
      try {
        for (const each of steps) {
          await world.take(each)
          world.check()
        }
      } finally {
        await world.close()
      }
    }),
    { numRuns, seed: 20_261_123, endOnFailure: true, includeErrorInReport: true },
  )

/** `npm run torture` asks for the long form. */
const LONG = process.env.METERGATE_LONG !== undefined

const PLAIN: Partial<StoreSettings> = { ballastBytes: 0 }
/** So small that the store must give records up all the time. */
const TINY: Partial<StoreSettings> = { ballastBytes: 0, capBytes: 200 * 1024 }

const PATIENT = { timeout: LONG ? 3_600_000 : 60_000 }

describe('the store against a model', () => {
  it('loses, changes and reuses nothing over crashes, wrong acknowledgements and a damaged tail', PATIENT, async () => {
    expect(fc.defaultReportMessage(await runs({}, PLAIN, LONG ? 2_000 : 15))).toBeUndefined()
  })

  it('names every record it gives up under its cap', PATIENT, async () => {
    namedRecords = 0
    expect(fc.defaultReportMessage(await runs({}, TINY, LONG ? 100 : 6, 45))).toBeUndefined()
    expect(namedRecords).toBeGreaterThan(0)
  })

  const mutants: Record<string, Mutant> = {
    'acknowledging before the commit': {
      around: (store) => ({
        append: async (records) => {
          const detail = store.health().streams.findLast((each) => each.kind === 'detail')
          void store.append(records)
          return { ok: true, value: records.map((_, index) => toSeq((detail?.lastSeq ?? 0) + 1 + index)) }
        },
        acknowledge: (list) => store.acknowledge(list),
      }),
    },
    'reusing numbers': {
      onDisk: (db) =>
        db.exec(`DELETE FROM batch WHERE status = 1;
                 UPDATE stream SET last_seq = max(
                   (SELECT coalesce(max(last), 0) FROM batch WHERE stream = stream.id),
                   (SELECT coalesce(max(last), 0) FROM chunk WHERE stream = stream.id))`),
    },
    'freeing on any acknowledgement': {
      around: (store) => ({
        append: (records, options) => store.append(records, options),
        acknowledge: (list) => store.acknowledge(list.map((each) => believed(store, each))),
      }),
    },
    'dropping without a gap record': {
      onDisk: (db) => db.exec('DELETE FROM chunk WHERE id = (SELECT min(id) FROM chunk)'),
    },
  }

  for (const [name, mutant] of Object.entries(mutants)) {
    it(`catches a store that is ${name}`, async () => {
      const report = await runs(mutant, PLAIN, 60)
      expect(report.failed).toBe(true)
      expect(String(report.errorInstance)).toContain(
        name === 'reusing numbers' ? 'was used before' : 'neither sent nor kept',
      )
    })
  }
})

const believed = (store: RecordStore, each: Acknowledgement): Acknowledgement => {
  const real = store.pending(1000).find(({ stream, number }) => stream === each.stream && number === each.number)
  return real ? { ...each, sha256: real.sha256 } : each
}
