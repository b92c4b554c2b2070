import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import type { Clock } from '@metergate/protocol'

/** Evidence that the system clock is right now (same shape as the reading part's ClockEvidence). */
export interface SystemClockEvidence {
  readonly source: 'chrony' | 'kernel' | 'timesyncd'
  readonly errorMs: number
  /** When it last measured or set the clock, by the wall clock as it was then. */
  readonly markMs?: number
}

/** What is asked of the system; replaced in tests. Outputs are undefined where there is no such program or daemon. */
export interface EvidenceSources {
  /** When systemd-timesyncd last set the clock (mtime of its mark), milliseconds; undefined when it never did. */
  timesyncdMark(): Promise<number | undefined>
  /** Output of `chronyc -c tracking`. */
  chronyTracking(): Promise<string | undefined>
  /** Output of `ntpq -c rv`: the system variables of ntpd. */
  ntpdVariables(): Promise<string | undefined>
  /** What systemd reads from adjtimex, `yes` or `no`. */
  kernelSynchronised(): Promise<string | undefined>
  wallMs(): number
}

const TIMESYNCD_MARK = '/run/systemd/timesync/synchronized'
/** timesyncd asks at the longest every 34 minutes (PollIntervalMaxSec); an older mark proves nothing about now. */
const MARK_FRESH_MS = 2048_000 + 60_000
/** timesyncd states no error; its single-server SNTP over the internet is good to about this. */
const TIMESYNCD_ERROR_MS = 500
/** The kernel keeps saying yes up to nine hours after the last correction; a disciplined crystal holds 30 ppm meanwhile. */
const KERNEL_ERROR_MS = 1_500
/** Each question starts a service of systemd, and its journal writes that to the disk. */
const KERNEL_EVERY_MS = 600_000
const TIMEOUT_MS = 2_000
/** Free-running crystals of such boxes drift up to 100 ppm. */
const DRIFT_PER_MS = 1e-4
const UNIX_EPOCH_IN_NTP_S = 2_208_988_800

/**
 * Looks for whoever keeps the clock: chrony and ntpd first, because they state their error, then timesyncd. Where there is
 * none of them the kernel's own word is taken (adjtimex, by `timedatectl`): it ends when somebody sets the clock. A
 * timesyncd whose mark is old is not asked twice through the kernel. Undefined when nobody vouches for the clock.
 */
export async function clockEvidence(sources: EvidenceSources): Promise<SystemClockEvidence | undefined> {
  const now = sources.wallMs()
  const stated =
    evidenceOf('chrony', chronyWord(await sources.chronyTracking())) ??
    evidenceOf('kernel', ntpdWord(await sources.ntpdVariables(), now))
  if (stated) return stated
  const mark = await sources.timesyncdMark()
  if (mark !== undefined) {
    const age = now - mark
    // A mark from the future was left by another idea of the time.
    if (age < -1000 || age > MARK_FRESH_MS) return undefined
    return { source: 'timesyncd', errorMs: TIMESYNCD_ERROR_MS, markMs: mark }
  }
  if ((await sources.kernelSynchronised())?.trim() !== 'yes') return undefined
  return { source: 'kernel', errorMs: KERNEL_ERROR_MS }
}

type StatedWord = Omit<SystemClockEvidence, 'source'>

const evidenceOf = (source: 'chrony' | 'kernel', word: StatedWord | undefined): SystemClockEvidence | undefined =>
  word && { source, ...word }

/**
 * Bound of the clock's error, ms, from `chronyc -c tracking`: |system time offset| + root dispersion + root delay / 2.
 * Columns (chronyc(1)): 0 reference id, 2 stratum, 3 time of the last measurement, 4 system time, 10 root delay, 11 root
 * dispersion, 13 leap status.
 */
export function chronyWord(tracking = ''): StatedWord | undefined {
  const fields = tracking.trim().split(',')
  if (fields.length < 14 || fields[13] === 'Not synchronised') return undefined
  const [at, offset, delay, dispersion] = [fields[3], fields[4], fields[10], fields[11]].map(Number)
  return wordOf(at, offset, delay, dispersion, 1000)
}

/** The same of ntpd (`ntpq -c rv`), which counts in ms, names no error by age, and its last correction in NTP seconds as hex. */
export function ntpdWord(variables = '', wallMs = 0): StatedWord | undefined {
  const value = (name: string): string | undefined => new RegExp(`(?:^|[\\s,])${name}=([^,\\s]+)`).exec(variables)?.[1]
  const leap = value('leap')
  if (leap === undefined || leap === '11' || leap === '3' || !(Number(value('stratum')) < 16)) return undefined
  const [seconds = '', fraction = '0'] = (value('reftime') ?? '').replaceAll('0x', '').split('.')
  const at = Number.parseInt(seconds, 16) - UNIX_EPOCH_IN_NTP_S + Number.parseInt(fraction, 16) / 2 ** 32
  const [offset, delay, dispersion] = ['offset', 'rootdelay', 'rootdisp'].map((name) => Number(value(name)))
  const word = wordOf(at, offset, delay, dispersion, 1)
  const age = Math.max(0, wallMs - (word?.markMs ?? 0))
  return word && { ...word, errorMs: word.errorMs + Math.ceil(age * DRIFT_PER_MS) }
}

function wordOf(at = NaN, offset = NaN, delay = NaN, dispersion = NaN, msPerUnit = 1): StatedWord | undefined {
  const errorMs = Math.ceil((Math.abs(offset) + dispersion + delay / 2) * msPerUnit)
  const markMs = Math.round(at * 1000)
  return Number.isFinite(errorMs) && Number.isFinite(markMs) ? { errorMs, markMs } : undefined
}

/** Asks the system this runs on. */
export function systemClockEvidence(clock: Clock): () => Promise<SystemClockEvidence | undefined> {
  let kernelAskedAt: number | undefined
  const sources: EvidenceSources = {
    wallMs: () => clock.wall(),
    timesyncdMark: () =>
      stat(TIMESYNCD_MARK).then(
        (mark) => Math.round(mark.mtimeMs),
        () => undefined,
      ),
    chronyTracking: () => outputOf('chronyc', ['-c', 'tracking']),
    ntpdVariables: () => outputOf('ntpq', ['-n', '-c', 'rv']),
    kernelSynchronised: async () => {
      const now = clock.mono()
      if (kernelAskedAt !== undefined && now - kernelAskedAt < KERNEL_EVERY_MS) return undefined
      kernelAskedAt = now
      return outputOf('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'])
    },
  }
  return () => clockEvidence(sources)
}

function outputOf(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, [...args], { timeout: TIMEOUT_MS }, (error, stdout) => resolve(error ? undefined : stdout))
  })
}
