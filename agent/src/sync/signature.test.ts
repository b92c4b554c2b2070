import { createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../testing/seeded-random.js'
import { DiskKeyFile } from './key-file.js'
import { createKey, loadKey, loadOrCreateKey } from './signature.js'

const folder = (): string => mkdtempSync(join(tmpdir(), 'metergate-key-'))
const random = new SeededRandom(3)

describe("the gateway's key", () => {
  it('is the Ed25519 key of its seed (RFC 8032, test 1)', () => {
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
    const key = createKey({ next: () => 0, bytes: () => seed })
    expect(Buffer.from(key.publicKey, 'base64').toString('hex')).toBe(
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    )
    expect(Buffer.from(key.sign('')).toString('hex')).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    )
  })

  it('is made once, for its owner only, and is the same after a restart', () => {
    const path = join(folder(), 'data', 'gateway.key')
    const made = loadOrCreateKey(new DiskKeyFile(path), random)
    const again = loadOrCreateKey(new DiskKeyFile(path), random)
    expect(made.ok && again.ok && made.value.publicKey === again.value.publicKey).toBe(true)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('signs what its public half verifies', () => {
    const key = createKey(random)
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key.publicKey, 'base64')])
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    expect(verify(null, Buffer.from('base'), publicKey, key.sign('base'))).toBe(true)
    expect(verify(null, Buffer.from('bass'), publicKey, key.sign('base'))).toBe(false)
  })

  it('is not believed when others may read it, and not replaced when it is damaged', () => {
    const path = join(folder(), 'gateway.key')
    writeFileSync(path, 'not a key', { mode: 0o644 })
    expect(loadOrCreateKey(new DiskKeyFile(path), random)).toMatchObject({
      ok: false,
      fault: { why: expect.stringContaining('chmod 600') },
    })
    const other = join(folder(), 'gateway.key')
    writeFileSync(other, 'not a key', { mode: 0o600 })
    expect(loadOrCreateKey(new DiskKeyFile(other), random)).toMatchObject({
      ok: false,
      fault: { kind: 'key_unreadable' },
    })
    expect(readFileSync(other, 'utf8')).toBe('not a key')
  })

  it('is absent, not made, when only asked for', () => {
    expect(loadKey(new DiskKeyFile(join(folder(), 'gateway.key')))).toEqual({ ok: true, value: undefined })
  })
})
