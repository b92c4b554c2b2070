/**
 * Lets at most `limit` in at a time and turns the rest away at once: a quick 503 costs nothing, a queue that grows
 * costs the server. Whoever entered must leave, once.
 */
export class Admission {
  private inside = 0
  private turnedAway = 0

  constructor(private readonly limit: number) {}

  /** The way out again, or undefined when it is full. Leaving twice counts once. */
  enter(): (() => void) | undefined {
    if (this.isFull) {
      this.turnAway()
      return undefined
    }
    this.inside += 1
    let left = false
    return () => {
      if (left) return
      left = true
      this.inside -= 1
    }
  }

  get isFull(): boolean {
    return this.inside >= this.limit
  }

  /** Counts one who was not even let to the door. */
  turnAway(): void {
    this.turnedAway += 1
  }

  get figures(): { readonly inside: number; readonly turnedAway: number } {
    return { inside: this.inside, turnedAway: this.turnedAway }
  }
}
