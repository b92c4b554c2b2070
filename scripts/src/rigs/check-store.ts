import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SqliteRecordStore, SystemClock, SystemDisk, SystemRandom } from '@metergate/agent'
import { type Numbered, streamIdSchema } from '@metergate/protocol'
import { numberOf } from './plant.js'

/** One line of the writer: records `first..last` of a stream are on disk, the first made with number `n`. */
export interface Announced {
  readonly stream: string
  readonly first: number
  readonly last: number
  readonly n: number
}

export function announcedIn(output: string): Announced[] {
  return [...output.matchAll(/^stored ([0-9a-f]{32}) (\d+) (\d+) (\d+)\n/gm)].map(([, stream, first, last, n]) => ({
    stream: streamIdSchema.parse(stream),
    first: Number(first),
    last: Number(last),
    n: Number(n),
  }))
}

export const recordsIn = (announced: readonly Announced[]): number =>
  announced.reduce((sum, { first, last }) => sum + last - first + 1, 0)

export interface StoreVerdict {
  readonly opened: boolean
  readonly setAside: boolean
  /** Records announced as stored that are neither there nor named by a gap record. */
  readonly missing: number
  /** Readings that are there under more than one number. */
  readonly doubled: number
  readonly findings: readonly string[]
  /** Readings that are there. */
  readonly kept: number
  /** Gap records, the numbers they name, and the events in the ledger. */
  readonly gaps: number
  readonly named: number
  readonly events: number
  /** No reading is kept that was taken before one that had to go. */
  readonly oldestFirst: boolean
}

export const violationsOf = (verdict: StoreVerdict, mayBeSetAside = false): number =>
  (verdict.opened ? 0 : 1) +
  (verdict.setAside && !mayBeSetAside ? 1 : 0) +
  verdict.missing +
  verdict.doubled +
  verdict.findings.length

const NOT_OPENED = {
  opened: false,
  setAside: false,
  doubled: 0,
  kept: 0,
  gaps: 0,
  named: 0,
  events: 0,
  oldestFirst: false,
}

/** Starts a copy of the store as the agent would and looks for everything that was announced. */
export async function checkStore(folder: string, announced: readonly Announced[]): Promise<StoreVerdict> {
  const copy = mkdtempSync(join(tmpdir(), 'metergate-check-'))
  try {
    cpSync(folder, copy, { recursive: true })
    return await checkCopy(copy, announced)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

async function checkCopy(folder: string, announced: readonly Announced[]): Promise<StoreVerdict> {
  const store = new SqliteRecordStore({
    folder,
    clock: new SystemClock(),
    random: new SystemRandom(),
    disk: new SystemDisk(),
    sealer: () => undefined,
    settings: { ballastBytes: 0 },
  })
  const started = store.start()
  if (!started.ok) return { ...NOT_OPENED, missing: announced.length, findings: [started.fault.why] }
  const detail = [...store.records({ stream: 'detail' })]
  const found = new Set(detail.map(textOf))
  const gaps = [...store.records({ stream: 'ledger', kinds: ['gap'] })].flatMap(({ record }) =>
    record.kind === 'gap' ? [record] : [],
  )
  // What was salvaged lives on in a new stream under another number; its own number is in the reading.
  const values = new Set(detail.flatMap(({ record }) => (record.kind === 'reading' ? [`${numberOf(record)}`] : [])))
  const doubled = detail.filter(({ record }) => record.kind === 'reading').length - values.size
  const isSetAside = started.value.setAside !== undefined
  let missing = 0
  for (const { stream, first, last, n } of announced) {
    for (let seq = first; seq <= last; seq += 1) {
      const isNamed = gaps.some((gap) => gap.stream === stream && gap.first <= seq && seq <= gap.last)
      const isThere = isSetAside ? values.has(`${n + seq - first}`) : found.has(`${seq} ${n + seq - first}`)
      if (!isNamed && !isThere) missing += 1
    }
  }
  const findings = store.verify().findings.map((each) => `${each.what} ${each.number}: ${each.kind}`)
  const events = [...store.records({ stream: 'ledger', kinds: ['event'] })].length
  await store.close()
  const named = gaps.reduce((sum, gap) => sum + gap.last - gap.first + 1, 0)
  const oldestFirst = gaps.every((gap) => gap.stream_kind === 'ledger' || gap.last < (detail[0]?.seq ?? gap.last + 1))
  return {
    opened: true,
    setAside: isSetAside,
    missing,
    doubled,
    findings,
    kept: values.size,
    gaps: gaps.length,
    named,
    events,
    oldestFirst,
  }
}

const textOf = ({ seq, record }: Numbered): string => (record.kind === 'reading' ? `${seq} ${numberOf(record)}` : '')
