import { type DurationMs, durationMs, minutes, type Random, seconds } from '@metergate/protocol'

const BASE = seconds(2)
const CAP = minutes(15)
const SHORTEST = seconds(1)
/** What a server may ask for at most: a mistaken or hostile one must not stop a gateway for years. */
const LONGEST_ASKED = minutes(60)

/**
 * Waits between attempts, without end: full jitter, `random × min(15 min, 2 s × 2^n)`, at least 1 s. Seed `random`
 * per device, so that a thousand gateways that lost the cloud together do not come back together.
 */
export function* retryWaits(random: Random): Generator<DurationMs, never> {
  for (let attempt = 0; ; attempt += 1) {
    const ceiling = Math.min(CAP, BASE * 2 ** Math.min(attempt, 30))
    yield durationMs(Math.max(SHORTEST, Math.floor(random.next() * ceiling)))
  }
}

/** A wait the server asked for, clamped to [1 s, 1 h] and drawn out by up to a fifth, never beyond the hour. */
export function askedWait(retryAfterMs: number, random: Random): DurationMs {
  const drawnOut = Math.floor(Math.max(retryAfterMs, SHORTEST) * (1 + random.next() / 5))
  return durationMs(Math.min(LONGEST_ASKED, drawnOut))
}

/** The wait after a refusal no retry will cure soon (revoked, not enrolled): between half the cap and the cap. */
export function slowWait(random: Random): DurationMs {
  return durationMs(Math.floor(CAP * (0.5 + random.next() / 2)))
}

/**
 * `Retry-After` in milliseconds (RFC 9110, 10.2.3): seconds, or a date, which is read against the server's own
 * `Date` because ours may be wrong by years. Undefined when absent or neither.
 */
export function parseRetryAfter(field: string | undefined, date: string | undefined): number | undefined {
  if (field === undefined) return undefined
  if (/^\s*-?\d{1,15}\s*$/.test(field)) return Number(field) * 1000
  const wait = /GMT\s*$/.test(field) ? Date.parse(field) - Date.parse(date ?? '') : Number.NaN
  return Number.isNaN(wait) ? undefined : wait
}
