import { type EpochMs, epochMs } from '@metergate/protocol'
import { HttpProblem } from '../http/problem.js'
import type { Range } from '../store/series-store.js'

const DAY_MS = 86_400_000
/** More would be an export, not a question. */
const LONGEST_MS = 400 * DAY_MS

/** `to` defaults to now, `from` to a day before `to`. */
export function rangeOf(query: { from?: EpochMs | undefined; to?: EpochMs | undefined }, now: EpochMs): Range {
  const to = query.to ?? now
  const from = query.from ?? epochMs(to - DAY_MS)
  if (from >= to) throw new HttpProblem('malformed_request', `from (${from}) must lie before to (${to})`)
  if (to - from > LONGEST_MS) throw new HttpProblem('malformed_request', 'from and to may lie at most 400 days apart')
  return { from, to }
}
