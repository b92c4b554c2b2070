import { Writable } from 'node:stream'
import type { Violation } from './oracle.js'

const MINUTE_MS = 60_000
/** Ten a minute; a minute of ours may meet two of the logger's. */
const MOST_LINES = 20

/** Reads along what one process logs: of no cause may there be more than so many lines a minute (I8). */
export class LogWatch {
  private readonly counts = new Map<string, number>()
  private readonly loud = new Set<string>()
  readonly out: Writable

  constructor(now: () => number) {
    this.out = new Writable({
      write: (chunk, _encoding, done) => {
        for (const line of String(chunk).trimEnd().split('\n')) this.take(line, Math.floor(now() / MINUTE_MS))
        done()
      },
    })
  }

  get violations(): readonly Violation[] {
    return [...this.loud].map((cause) => ({
      invariantName: 'I8',
      what: `more than ${MOST_LINES} lines a minute: ${cause}`,
    }))
  }

  private take(line: string, minute: number): void {
    // Everything but the instant and what is counted makes the cause.
    const cause = line.replace(/"time":"[^"]*",?/, '').replace(/\d+/g, '#')
    const key = `${minute} ${cause}`
    const count = (this.counts.get(key) ?? 0) + 1
    this.counts.set(key, count)
    if (count > MOST_LINES) this.loud.add(cause.slice(0, 200))
  }
}
