import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, durationMs, type EventRecord, fail, type GapRecord, ok, type Result } from '@metergate/protocol'
import { historyPage, queryRecords } from './history.js'
import { openSnapshot, PAGE_SIZE, sqliteCode } from './open-database.js'
import type { RecordQuery } from './record-store.js'
import { DamagedRow, Tables } from './tables.js'
import { type Verdict, verifySteps } from './verify.js'
import { readLog } from './write-ahead-log.js'

/** Events by which a store tells of its own past. */
export const STORE_EVENTS = ['store_repaired', 'stream_restarted'] as const
export type StoreEventCode = (typeof STORE_EVENTS)[number]

export interface FolderVerdict extends Verdict {
  /** Why the file as a whole cannot be believed, in SQLite's words. */
  readonly file: string | undefined
  /** What the store says of itself: losses it named, repairs it made. */
  readonly gaps: readonly GapRecord[]
  readonly events: readonly (EventRecord & { readonly code: StoreEventCode })[]
}

const STEPS_AT_ONCE = 8
const BETWEEN = durationMs(5)

/**
 * Verifies the store of a folder on a frozen view of it, so that a running gateway goes on meanwhile: reads only, repairs
 * nothing, and leaves the line its turn every few batches. A fault when there is no store, or it cannot be read.
 */
export async function verifyFolder(
  folder: string,
  clock: Clock,
): Promise<Result<FolderVerdict, { readonly why: string }>> {
  const path = join(folder, 'store.sqlite')
  if (!existsSync(path)) return fail({ why: `there is no store in ${folder}` })
  const damage = readLog(`${path}-wal`, PAGE_SIZE).damage
  const snapshot = openSnapshot(path)
  if (!snapshot.ok)
    return snapshot.fault.kind === 'damaged' ? ok({ ...NOTHING, file: snapshot.fault.why }) : fail(snapshot.fault)
  try {
    const tables = new Tables(snapshot.value)
    const steps = verifySteps(tables)
    for (let count = 1; ; count += 1) {
      const step = steps.next()
      if (step.done) return ok({ ...step.value, ...ownHistory(tables), file: damage })
      if (count % STEPS_AT_ONCE === 0) await clock.sleep(BETWEEN)
    }
  } catch (error) {
    if (sqliteCode(error) === '' && !(error instanceof DamagedRow)) throw error
    return ok({ ...NOTHING, file: `${error instanceof Error ? error.message : ''} (${sqliteCode(error)})` })
  } finally {
    snapshot.value.close()
  }
}

const NOTHING = { batches: 0, rows: 0, findings: [], gaps: [], events: [] }

function ownHistory(tables: Tables): Pick<FolderVerdict, 'gaps' | 'events'> {
  const gaps: GapRecord[] = []
  const events: (EventRecord & { readonly code: StoreEventCode })[] = []
  for (const { record } of queryRecords(() => tables, { stream: 'ledger', kinds: ['gap', 'event'] })) {
    if (record.kind === 'gap') gaps.push(record)
    if (record.kind !== 'event') continue
    const code = STORE_EVENTS.find((each) => each === record.code)
    if (code) events.push({ ...record, code })
  }
  return { gaps, events }
}

/** A page of local history, read on a view of its own; see {@link historyPage}. */
export function readHistory(
  folder: string,
  query: RecordQuery,
  limit: number,
): Result<ReturnType<typeof historyPage>, { readonly why: string }> {
  const path = join(folder, 'store.sqlite')
  if (!existsSync(path)) return fail({ why: `there is no store in ${folder}` })
  const snapshot = openSnapshot(path)
  if (!snapshot.ok) return snapshot
  try {
    return ok(historyPage(new Tables(snapshot.value), query, limit))
  } catch (error) {
    if (sqliteCode(error) === '') throw error
    return fail({
      why: `${error instanceof Error ? error.message : ''} (${sqliteCode(error)}); run \`metergate verify\``,
    })
  } finally {
    snapshot.value.close()
  }
}
