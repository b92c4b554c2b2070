import {
  type Clock,
  durationMs,
  encodeReadRequest,
  expectedReplyLength,
  fail,
  hasValidCrc,
  ok,
  type Result,
} from '@metergate/protocol'
import type { BusFault } from '../bus/bus-fault.js'
import type { LinePort, LineSettings } from '../bus/line-port.js'
import type { BusAnswer, ModbusRead } from '../bus/register-bus.js'

/**
 * A planted mistake: a master as they are commonly written. It checks unit, function, byte count and CRC, clears its
 * buffer before each request, and takes the first answer that fits. The late-answer harness must catch it.
 */
export class UnguardedMaster {
  readonly #port: LinePort
  readonly #clock: Clock
  readonly #settings: LineSettings
  #heard: number[] = []
  #wake: (() => void) | undefined

  constructor(port: LinePort, clock: Clock, settings: LineSettings) {
    this.#port = port
    this.#clock = clock
    this.#settings = settings
  }

  async read(read: ModbusRead): Promise<Result<BusAnswer, BusFault>> {
    await this.#port.open(this.#settings, {
      onData: (bytes) => {
        this.#heard.push(...bytes)
        this.#wake?.()
      },
      onDown: () => {},
    })
    await this.#clock.sleep(durationMs(5))
    this.#heard = []
    const begun = this.#clock.mono()
    await this.#port.write(encodeReadRequest(read.unit, read.function, read.address, read.count))
    const data = await this.#answer(read, begun + 500)
    if (!data) return fail({ kind: 'timeout', waitedMs: 500 })
    const mono = this.#clock.mono()
    return ok({ data, at: { mono, wall: this.#clock.wall() }, turnaroundMs: 0, durationMs: mono - begun })
  }

  async #answer(read: ModbusRead, deadline: number): Promise<Uint8Array | undefined> {
    const length = expectedReplyLength(read.function, read.count)
    for (;;) {
      const bytes = Uint8Array.from(this.#heard)
      for (let at = 0; at + length <= bytes.length; at++) {
        const fits = bytes[at] === read.unit && bytes[at + 1] === read.function && bytes[at + 2] === length - 5
        if (fits && hasValidCrc(bytes, at, at + length)) return bytes.slice(at + 3, at + length - 2)
      }
      const left = deadline - this.#clock.mono()
      if (left <= 0) return undefined
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      await Promise.race([woken, this.#clock.sleep(durationMs(left))])
    }
  }
}
