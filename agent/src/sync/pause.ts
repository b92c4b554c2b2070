import type { Clock, DurationMs } from '@metergate/protocol'

/** Steps with pauses between them, each step saying how long; a pause can be ended early. */
export class Pause {
  private current: AbortController | undefined

  constructor(private readonly clock: Clock) {}

  /** Runs `step` again and again until `signal` aborts. */
  async between(step: () => Promise<DurationMs>, signal: AbortSignal): Promise<void> {
    const stop = (): void => this.end()
    signal.addEventListener('abort', stop)
    try {
      while (!signal.aborted) {
        const wait = await step()
        if (!signal.aborted) await this.wait(wait)
      }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** Ends the pause that is on, if one is. */
  end(): void {
    this.current?.abort()
  }

  private async wait(duration: DurationMs): Promise<void> {
    const current = new AbortController()
    this.current = current
    try {
      await this.clock.sleep(duration, current.signal)
    } catch (error) {
      if (!current.signal.aborted) throw error
    } finally {
      this.current = undefined
    }
  }
}
