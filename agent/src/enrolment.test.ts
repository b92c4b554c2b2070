import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invariant } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { enrolGateway } from './enrolment.js'
import { cloudOf, identityFile, readIdentity } from './identity.js'
import { parseCloudUrl } from './sync/cloud-url.js'
import { SeededRandom } from './testing/seeded-random.js'
import { VirtualClock } from './testing/virtual-clock.js'

const cloudUrl = (text: string) => {
  const url = parseCloudUrl(text)
  invariant(url.ok, text)
  return url.value
}
const NOWHERE = cloudUrl('http://127.0.0.1:9')

const enrolIn = (folder: string) =>
  enrolGateway(
    { cloud: NOWHERE, code: 'AAAAA-BBBBB', folder, name: undefined },
    new VirtualClock(),
    new SeededRandom(1),
  )

describe('enrolment', () => {
  it('in a folder that cannot be made is a fault that names it, before any code is sent', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'mg-enrol-')), 'file')
    writeFileSync(file, '')
    const folder = join(file, 'data')
    expect(await enrolIn(folder)).toMatchObject({ ok: false, fault: { kind: 'folder', folder } })
  })

  it('with the cloud away is a fault that names the error once, and keeps the key for the next try', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-enrol-'))
    const answer = await enrolIn(folder)
    expect(answer).toMatchObject({ ok: false, fault: { kind: 'unreachable' } })
    invariant(!answer.ok && answer.fault.kind === 'unreachable', 'the port is closed')
    expect(answer.fault.why.split('ECONNREFUSED')).toHaveLength(2)
    const key = readFileSync(join(folder, 'gateway.key'), 'utf8')
    await enrolIn(folder)
    expect(readFileSync(join(folder, 'gateway.key'), 'utf8')).toBe(key)
  })
})

describe('the cloud in force', () => {
  it('is the one enrolled with when the configuration names none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-enrol-'))
    writeFileSync(
      identityFile(folder),
      '{"gateway":"gw-0123456789abcdef","name":"hall","cloud":"https://cloud.example.com"}',
    )
    const identity = readIdentity(folder)
    invariant(identity.ok, 'the identity is whole')
    expect(cloudOf(undefined, identity.value)).toBe('https://cloud.example.com')
    expect(cloudOf(cloudUrl('https://other.example.com'), identity.value)).toBe('https://other.example.com')
    expect(cloudOf(undefined, undefined)).toBeUndefined()
  })
})
