import { createPublicKey, type KeyObject } from 'node:crypto'

/** DER of an Ed25519 public key up to the 32 raw bytes (RFC 8410, section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
/** More than a fleet that one server serves; a key object takes about a kilobyte. */
const MOST = 10_000

/**
 * Key objects by the raw Ed25519 key in base64. Making one takes longer than checking a signature with it (0.45 against
 * 0.25 ms on a small machine), so they are kept; the one made first goes when there are too many.
 */
export class PublicKeys {
  private readonly made = new Map<string, KeyObject>()

  constructor(private readonly most = MOST) {}

  /** Undefined when it is no such key. */
  of(base64: string): KeyObject | undefined {
    const known = this.made.get(base64)
    if (known) return known
    const key = publicKeyOf(base64)
    if (!key) return undefined
    const [first] = this.made.keys()
    if (this.made.size >= this.most && first !== undefined) this.made.delete(first)
    this.made.set(base64, key)
    return key
  }
}

/** The key object of a raw Ed25519 key in base64, or undefined when it is none. */
export function publicKeyOf(base64: string): KeyObject | undefined {
  const raw = Buffer.from(base64, 'base64')
  if (raw.length !== 32) return undefined
  try {
    return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}
