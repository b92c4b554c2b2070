import type { BusFault } from './bus-fault.js'
import type { BusCounters } from './register-bus.js'

type Counts = { -readonly [name in keyof BusCounters]: BusCounters[name] }

const zero = (): Counts => ({
  requests: 0,
  good: 0,
  timeout: 0,
  crc: 0,
  bad_frame: 0,
  exception: 0,
  line_down: 0,
  stray_bytes: 0,
  echoes: 0,
  late_answers: 0,
  resyncs: 0,
})

/** Every way a line can fail, counted by name. */
export class Tally {
  readonly #counts = zero()

  count(what: keyof BusCounters | BusFault['kind'], by = 1): void {
    this.#counts[what] += by
  }

  get counters(): BusCounters {
    return { ...this.#counts }
  }
}
