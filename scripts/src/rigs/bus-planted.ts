import { durationMs, encodeReadRequest, fail, hasValidCrc, ok } from '@metergate/protocol'
import { type RigMaster, SETTINGS } from './bus-line.js'

const TIMEOUT_MS = 500

/**
 * A planted mistake: a master as they are commonly written. Clears its buffer before a request, checks unit, function, byte
 * count and CRC, and takes the first answer that fits.
 */
export const unguarded: RigMaster = (port, clock) => {
  let heard: number[] = []
  let wake: () => void = () => {}
  return async ({ unit, function: fn, block, count }) => {
    await port.open(SETTINGS.modbus, {
      onData: (bytes) => {
        heard.push(...bytes)
        wake()
      },
      onDown: () => {},
    })
    await clock.sleep(durationMs(5))
    heard = []
    await port.write(encodeReadRequest(unit, fn, block, count))
    const deadline = clock.mono() + TIMEOUT_MS
    const length = 5 + 2 * count
    for (;;) {
      const bytes = Uint8Array.from(heard)
      for (let at = 0; at + length <= bytes.length; at += 1) {
        const fits = bytes[at] === unit && bytes[at + 1] === fn && bytes[at + 2] === 2 * count
        if (fits && hasValidCrc(bytes, at, at + length)) return ok(bytes.slice(at + 3, at + length - 2))
      }
      const left = deadline - clock.mono()
      if (left <= 0) return fail('timeout')
      const stop = new AbortController()
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      await Promise.race([woken, clock.sleep(durationMs(left), stop.signal).catch(() => {})])
      stop.abort()
    }
  }
}

/** A planted mistake: takes what it hears for a whole answer and reads on past its end. */
export const careless: RigMaster = (port, clock) => {
  let heard: number[] = []
  return async ({ unit, function: fn, block, count }) => {
    await port.open(SETTINGS.modbus, { onData: (bytes) => heard.push(...bytes), onDown: () => {} })
    heard = []
    await port.write(encodeReadRequest(unit, fn, block, count))
    await clock.sleep(durationMs(TIMEOUT_MS))
    if (heard.length === 0) return fail('timeout')
    const words = Buffer.from(heard)
    return ok(Uint8Array.from({ length: 2 * count }, (_, index) => words.readUInt8(3 + index)))
  }
}
