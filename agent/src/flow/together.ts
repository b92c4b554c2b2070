import { setMaxListeners } from 'node:events'

/**
 * Runs parts side by side until `signal` aborts and all have ended. When one throws, all of them are stopped, and then it
 * throws that: half of them that look alive would be worse than none.
 */
export async function together(signal: AbortSignal, parts: (stop: AbortSignal) => Promise<void>[]): Promise<void> {
  const stop = new AbortController()
  // Every exchange under way listens to it.
  setMaxListeners(0, stop.signal)
  const pass = (): void => stop.abort(signal.reason)
  signal.addEventListener('abort', pass)
  if (signal.aborted) pass()
  try {
    const running = parts(stop.signal).map((part) =>
      part.catch((error: unknown) => {
        stop.abort(error)
        throw error
      }),
    )
    await Promise.allSettled(running)
    await Promise.all(running)
  } finally {
    signal.removeEventListener('abort', pass)
  }
}
