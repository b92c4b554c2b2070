import type { ProbeAnswer } from './herd-probe.js'

/** Thousands of connections in one instant take one core this long to accept, however short the answer is. */
const OPENING_MS = 5_000

/** One exchange as its gateway saw it. */
export interface Exchange {
  readonly gateway: number
  readonly at: number
  readonly tookMs: number
  readonly kind: 'taken' | 'shed' | 'other'
  readonly what: 'batch' | 'heartbeat'
  /** The one before was turned away, so this one comes after a pause. */
  readonly again: boolean
  readonly hint: boolean
  /** Why it broke off, when it did. */
  readonly why?: string | undefined
}

/** What the gateways saw of the server. */
export function figuresOf(log: readonly Exchange[], gateways: number, tookMs: number) {
  const shed = log.filter(({ kind }) => kind === 'shed')
  const failed = log.filter(({ kind }) => kind === 'other')
  const times = shed.map((each) => each.tookMs).sort((a, b) => a - b)
  const late = shed.filter(({ at }) => at > OPENING_MS).map((each) => each.tookMs)
  const firstTaken = new Map<number, number>()
  for (const { gateway, at, tookMs: took, kind } of log) {
    if (kind === 'taken') firstTaken.set(gateway, Math.min(firstTaken.get(gateway) ?? Infinity, at + took))
  }
  const heard = [...firstTaken.values()].sort((a, b) => a - b)
  return {
    exchanges: log.length,
    taken: log.filter(({ kind }) => kind === 'taken').length,
    shed: shed.length,
    failed: failed.length,
    failed_why: failed
      .slice(0, 3)
      .map(({ what, at: begun, tookMs, why }) => `${what} at ${round(begun / 1000)} s, ${round(tookMs)} ms: ${why}`),
    shed_without_hint: shed.filter(({ hint }) => !hint).length,
    shed_p50_ms: round(at(times, 0.5)),
    shed_p99_ms: round(at(times, 0.99)),
    shed_later: late.length,
    shed_p99_later_ms: round(
      at(
        late.sort((a, b) => a - b),
        0.99,
      ),
    ),
    heard_first: heard.length,
    first_heard_p50_s: round(at(heard, 0.5) / 1000),
    first_heard_p99_s: round(at(heard, 0.99) / 1000),
    biggest_wave: biggestWave(log, tookMs),
    biggest_wave_share: round((biggestWave(log, tookMs) / gateways) * 100) / 100,
  }
}

/**
 * Batches a second until 95 in 100 are in: the last few gateways wait for their turn, and the server with them, which says nothing
 * of what it can take.
 */
export function goodputOf(log: readonly Exchange[], batches: number): number {
  const taken = log
    .filter(({ what, kind }) => what === 'batch' && kind === 'taken')
    .map(({ at: begun, tookMs }) => begun + tookMs)
    .sort((a, b) => a - b)
  const most = Math.floor(batches * 0.95)
  return (most * 1000) / (taken[most - 1] ?? Number.POSITIVE_INFINITY)
}

/** After the opening (the list says after a minute; by then a quick server is through): the most gateways that came back within one second after having been turned away. */
function biggestWave(log: readonly Exchange[], tookMs: number): number {
  const seconds = Array.from({ length: Math.ceil(tookMs / 1000) + 1 }, () => new Set<number>())
  for (const { at: when, gateway, again } of log)
    if (again && when > OPENING_MS) seconds[Math.floor(when / 1000)]?.add(gateway)
  return Math.max(0, ...seconds.map(({ size }) => size))
}

/** What the probe saw, which the herd's own load does not blur. */
export function probeFigures(answers: readonly ProbeAnswer[]) {
  const times = (those: readonly ProbeAnswer[]) => those.map(({ tookMs }) => tookMs).sort((a, b) => a - b)
  const shed = times(answers.filter(({ status }) => status === 503))
  const taken = times(answers.filter(({ status }) => status === 200))
  return {
    probe_shed: shed.length,
    probe_shed_p50_ms: round(at(shed, 0.5)),
    probe_shed_p99_ms: round(at(shed, 0.99)),
    probe_taken: taken.length,
    probe_taken_p50_ms: round(at(taken, 0.5)),
    probe_taken_p99_ms: round(at(taken, 0.99)),
    probe_other: answers.length - shed.length - taken.length,
  }
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0

export const round = (value: number): number => Math.round(value * 10) / 10
