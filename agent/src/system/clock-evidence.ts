import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'

/** Evidence that the system clock is right now (same shape as the reading part's ClockEvidence). */
export interface SystemClockEvidence {
  readonly source: 'chrony' | 'timesyncd'
  readonly errorMs: number
}

/** What is asked of the system; replaced in tests. */
export interface EvidenceSources {
  /** When systemd-timesyncd last set the clock (mtime of its mark), milliseconds; undefined when it never did. */
  timesyncdMark(): Promise<number | undefined>
  /** Output of `chronyc -c tracking`, undefined when there is no chrony. */
  chronyTracking(): Promise<string | undefined>
  wallMs(): number
}

const TIMESYNCD_MARK = '/run/systemd/timesync/synchronized'
/** timesyncd asks at the longest every 34 minutes (PollIntervalMaxSec); an older mark proves nothing about now. */
const MARK_FRESH_MS = 2048_000 + 60_000
/** timesyncd states no error; its single-server SNTP over the internet is good to about this. */
const TIMESYNCD_ERROR_MS = 500
const CHRONY_TIMEOUT_MS = 2_000

/**
 * Looks for a daemon that keeps the clock: chrony first, because it states its error, then timesyncd. Undefined when
 * nobody vouches for the clock. The kernel's adjtimex is not asked: Node cannot without native code.
 */
export async function clockEvidence(
  sources: EvidenceSources = systemSources,
): Promise<SystemClockEvidence | undefined> {
  const tracking = await sources.chronyTracking()
  const chrony = tracking === undefined ? undefined : chronyError(tracking)
  if (chrony !== undefined) return { source: 'chrony', errorMs: chrony }
  const mark = await sources.timesyncdMark()
  const age = mark === undefined ? undefined : sources.wallMs() - mark
  // A mark from the future was left by another idea of the time.
  if (age === undefined || age < -1000 || age > MARK_FRESH_MS) return undefined
  return { source: 'timesyncd', errorMs: TIMESYNCD_ERROR_MS }
}

/**
 * Bound of the clock's error, ms, from `chronyc -c tracking`: |system time offset| + root dispersion + root delay / 2.
 * Columns (chronyc(1)): 0 reference id, 2 stratum, 4 system time, 10 root delay, 11 root dispersion, 13 leap status.
 */
export function chronyError(tracking: string): number | undefined {
  const fields = tracking.trim().split(',')
  if (fields.length < 14 || fields[13] === 'Not synchronised') return undefined
  const [offset, delay, dispersion] = [fields[4], fields[10], fields[11]].map(Number)
  if (offset === undefined || delay === undefined || dispersion === undefined) return undefined
  const error = (Math.abs(offset) + dispersion + delay / 2) * 1000
  return Number.isFinite(error) ? Math.ceil(error) : undefined
}

const systemSources: EvidenceSources = {
  wallMs: () => Date.now(),
  timesyncdMark: () =>
    stat(TIMESYNCD_MARK).then(
      (mark) => mark.mtimeMs,
      () => undefined,
    ),
  chronyTracking: () =>
    new Promise((resolve) => {
      execFile('chronyc', ['-c', 'tracking'], { timeout: CHRONY_TIMEOUT_MS }, (error, stdout) =>
        resolve(error ? undefined : stdout),
      )
    }),
}
