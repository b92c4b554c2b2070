import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { fail, ok, type Random, type Result } from '@metergate/protocol'
import type { KeyFile } from './key-file.js'

export type KeyFault = { readonly kind: 'key_unreadable'; readonly why: string }

/** The gateway's Ed25519 key: made on the box, never leaves it. Only its public half is ever shown. */
export class GatewayKey {
  constructor(private readonly key: KeyObject) {}

  /** Raw 32-byte public key in base64, as enrolment wants it. */
  get publicKey(): string {
    const der = createPublicKey(this.key).export({ type: 'spki', format: 'der' })
    return der.subarray(der.length - 32).toString('base64')
  }

  /** Ed25519 signature (64 bytes) of a signature base. */
  sign(base: string): Uint8Array {
    return sign(null, Buffer.from(base, 'utf8'), this.key)
  }

  toPem(): string {
    return this.key.export({ type: 'pkcs8', format: 'pem' }).toString()
  }
}

/** PKCS #8 around a 32-byte Ed25519 seed (RFC 8410, section 7): only the seed varies. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** A new key from 32 random bytes, so that the simulation has the same keys every time. */
export function createKey(random: Random): GatewayKey {
  const der = Buffer.concat([PKCS8_PREFIX, random.bytes(32)])
  return new GatewayKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
}

/** The key of this box, or undefined when it has none yet. */
export function loadKey(file: KeyFile): Result<GatewayKey | undefined, KeyFault> {
  try {
    const pem = file.read()
    if (pem === undefined) return ok(undefined)
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType !== 'ed25519') return unreadable(`it is ${key.asymmetricKeyType}, not Ed25519`)
    return ok(new GatewayKey(key))
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : String(error))
  }
}

/** The key of this box; makes it first when there is none. A damaged key is reported, never replaced. */
export function loadOrCreateKey(file: KeyFile, random: Random): Result<GatewayKey, KeyFault> {
  const loaded = loadKey(file)
  if (!loaded.ok) return loaded
  if (loaded.value) return ok(loaded.value)
  try {
    const key = createKey(random)
    file.create(key.toPem())
    return ok(key)
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : String(error))
  }
}

const unreadable = (why: string): Result<never, KeyFault> => fail({ kind: 'key_unreadable', why })
