import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PublicKeys } from './public-keys.js'

const rawKey = (): string =>
  generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(12).toString('base64')

describe('public keys', () => {
  it('are made once and are the key they are asked for', () => {
    const keys = new PublicKeys()
    const [one, other] = [rawKey(), rawKey()]
    expect(keys.of(one)).toBe(keys.of(one))
    expect(keys.of(other)?.export({ type: 'spki', format: 'der' }).subarray(12).toString('base64')).toBe(other)
  })

  it('are no more than so many', () => {
    const keys = new PublicKeys(2)
    const [first, second, third] = [rawKey(), rawKey(), rawKey()]
    const made = keys.of(first)
    const kept = keys.of(third)
    keys.of(second)
    expect(keys.of(third)).toBe(kept)
    expect(keys.of(first)).not.toBe(made)
  })

  it('are none for what is no key', () => {
    expect(new PublicKeys().of('AAAA')).toBeUndefined()
    expect(new PublicKeys().of('')).toBeUndefined()
  })
})
