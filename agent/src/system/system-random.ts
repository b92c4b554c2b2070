import { randomBytes } from 'node:crypto'
import type { Random } from '@metergate/protocol'

/** Chance from the operating system; good enough for keys and stream ids. */
export class SystemRandom implements Random {
  next(): number {
    // 53 random bits, the most a number in [0, 1) can carry.
    return Number(randomBytes(8).readBigUInt64BE() >> 11n) / 2 ** 53
  }

  bytes(count: number): Uint8Array {
    return new Uint8Array(randomBytes(count))
  }
}
