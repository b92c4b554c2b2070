import { schedule } from 'node-cron'

/**
 * Runs `task` at the times a cron expression names, in the plant's time zone, until `signal` aborts. For housekeeping
 * only (daily retention, checkpoints): polling has its own grid. A run still going when the next is due makes that one
 * fall out. A task that throws is reported to `failed` and runs again next time.
 */
export function housekeeping(
  expression: string,
  timezone: string,
  task: () => Promise<void> | void,
  failed: (error: unknown) => void,
  signal: AbortSignal,
): void {
  if (signal.aborted) return
  const job = schedule(
    expression,
    async () => {
      try {
        await task()
      } catch (error) {
        failed(error)
      }
    },
    { timezone, noOverlap: true },
  )
  signal.addEventListener('abort', () => void job.destroy(), { once: true })
}
