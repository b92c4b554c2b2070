import type { Clock, EpochMs, MonoMs } from '@metergate/protocol'

/** What one answer told about true time: at `mono` it was `wall` there, give or take `errorMs`. */
export interface ServerTimeSample {
  readonly mono: MonoMs
  readonly serverWall: EpochMs
  /** Our wall clock minus the server's. */
  readonly offsetMs: number
  /** Half the round trip, in which the answer's instant can lie, and one millisecond of reading. */
  readonly errorMs: number
  readonly roundTripMs: number
}

/** Reads the server's time off an answer that has just arrived, taking it to be from the middle of the round trip. */
export function sampleServerTime(
  answer: { readonly serverTime: EpochMs; readonly roundTripMs: number },
  clock: Clock,
): ServerTimeSample {
  const half = answer.roundTripMs / 2
  return {
    mono: clock.mono(),
    serverWall: answer.serverTime,
    offsetMs: Math.round(clock.wall() - half - answer.serverTime),
    errorMs: Math.ceil(half) + 1,
    roundTripMs: answer.roundTripMs,
  }
}
