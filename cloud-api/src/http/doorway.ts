import { setImmediate as turn } from 'node:timers/promises'

/**
 * Turns taken at most before work goes on, so that whoever knocks without end cannot stop it: some ten milliseconds.
 */
const MOST_TURNS = 50

/**
 * Lets in whoever knocks before more work is done. Node accepts one connection in each turn of its event loop (libuv pull request
 * 3696): with one turn between two pieces of work, a fleet that comes back at once would wait as many pieces as it has gateways
 * to be told even "later".
 */
export class Doorway {
  private cameIn = false

  /** A connection was accepted. */
  entered(): void {
    this.cameIn = true
  }

  /** Resolves after the first turn in which nobody came in, or after so many turns. */
  readonly clear = async (): Promise<void> => {
    for (let turns = 0; turns < MOST_TURNS; turns += 1) {
      this.cameIn = false
      await turn()
      if (!this.cameIn) return
    }
  }
}
