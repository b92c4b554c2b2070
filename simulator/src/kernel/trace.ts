import { createHash } from 'node:crypto'

/**
 * What happened, in order, as one hash: two runs of a seed are the same run exactly when their hashes agree.
 * The last lines are kept to show where two runs parted.
 */
export class Trace {
  readonly #hash = createHash('sha256')
  readonly #kept: string[] = []
  readonly #keep: number
  #lines = 0

  constructor(keep = 200) {
    this.#keep = keep
  }

  add(line: string): void {
    this.#hash.update(line).update('\n')
    this.#lines += 1
    this.#kept.push(line)
    if (this.#kept.length > 2 * this.#keep) this.#kept.splice(0, this.#keep)
  }

  get lines(): number {
    return this.#lines
  }

  /** SHA-256 over all lines so far, hex; the trace may go on. */
  hash(): string {
    return this.#hash.copy().digest('hex')
  }

  /** The last lines. */
  tail(): readonly string[] {
    return this.#kept.slice(-this.#keep)
  }
}
