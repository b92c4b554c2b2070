import { type Clock, epochMs, fail, monoMs, ok } from '@metergate/protocol'
import type { ControlHandlers } from '../control/calls.js'
import type { ClockAnswer } from '../control/clock-answer.js'
import type { ClockTrust } from '../reading/clock-trust.js'
import type { ClockWatch } from './clock-watch.js'

export interface ClockCallParts {
  readonly clock: Clock
  readonly trust: ClockTrust
  readonly watch: ClockWatch
  readonly offsetMs: () => number | undefined
  readonly waitsForClock: () => boolean
}

/** What a technician asks and says of the running gateway's clock. */
export function clockCalls(parts: ClockCallParts): Pick<ControlHandlers, 'clock' | 'clock_confirm'> {
  const { clock, watch } = parts
  return {
    clock: async () => ok(clockAnswer(parts)),
    clock_confirm: async ({ boot, mono, wall, error_ms: errorMs }) => {
      if (boot !== clock.bootId || mono > clock.mono())
        return fail({ kind: 'bad_request', why: 'the box has started again since it showed this time' })
      if (!(await watch.technicianConfirms({ wall, mono }, errorMs)))
        return fail({ kind: 'store', why: 'the confirmation could not be stored' })
      return ok(clockAnswer(parts))
    },
  }
}

function clockAnswer({ clock, trust, offsetMs, waitsForClock }: ClockCallParts): ClockAnswer {
  const { quality, word, dispute } = trust.state()
  return {
    boot: clock.bootId,
    mono: monoMs(Math.round(clock.mono())),
    wall: epochMs(Math.round(clock.wall())),
    quality,
    evidence: word
      ? { source: word.source, age_ms: word.ageMs, error_ms: word.errorMs, off_by_ms: word.offByMs }
      : null,
    dispute: dispute ? { source: dispute.source, against: dispute.against, by_ms: dispute.byMs } : null,
    offset_ms: offsetMs() ?? null,
    ...(waitsForClock() ? { waiting_for: 'clock' } : {}),
  }
}
