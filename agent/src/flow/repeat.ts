import type { Clock, DurationMs } from '@metergate/protocol'

/** Works at once and then after every pause, until `signal` aborts. What the work throws ends it. */
export async function repeat(
  clock: Clock,
  every: DurationMs,
  signal: AbortSignal,
  work: () => void | Promise<void>,
): Promise<void> {
  if (signal.aborted) return
  await work()
  await pauseThenRepeat(clock, every, signal, work)
}

/** The same, with the first pause before the first work. */
export async function pauseThenRepeat(
  clock: Clock,
  every: DurationMs,
  signal: AbortSignal,
  work: () => void | Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(every, signal)
    } catch (error) {
      if (!signal.aborted) throw error
      return
    }
    await work()
  }
}
