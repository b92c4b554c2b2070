import { randomBytes } from 'node:crypto'
import type { Random } from '@metergate/protocol'

/** The operating system's chance: invitations and tokens are made of it. */
export const systemRandom: Random = {
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  bytes: (count) => randomBytes(count),
}
