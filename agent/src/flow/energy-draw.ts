import { type Clock, durationMs } from '@metergate/protocol'
import type { EnergyFeed } from './energy-feed.js'

/** Between two goes of a long backlog the line gets its turn. */
const PAUSE = durationMs(20)

/** Lets the energy feed take what a commit brought, once however many readings it held; a long backlog bit by bit. */
export class EnergyDraw {
  #isDrawing = false

  constructor(
    private readonly feed: EnergyFeed,
    private readonly clock: Clock,
  ) {}

  soon(): void {
    if (this.#isDrawing) return
    this.#isDrawing = true
    void this.#draw().finally(() => {
      this.#isDrawing = false
    })
  }

  async #draw(): Promise<void> {
    // One turn later every reading of the commit has resolved.
    await Promise.resolve()
    while (this.feed.advance()) await this.clock.sleep(PAUSE)
  }
}
