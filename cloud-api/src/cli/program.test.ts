import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { epochMs, gatewayIdSchema } from '@metergate/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createReaderToken, inviteGateway, openStore } from '../compose.js'
import type { Config } from '../config/config.js'
import { UsageError } from '../config/usage-error.js'
import { hashInvitationCode, hashReaderToken } from '../fleet/secret.js'
import { GatewayDouble } from '../testing/gateway-double.js'
import { T0 } from '../testing/records.js'
import { buildProgram } from './program.js'

const folder = mkdtempSync(join(tmpdir(), 'metergate-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// As `serve` does when it first starts.
beforeAll(async () => (await openStore({ dataDir: folder })).close())

const served: Config[] = []
/** Runs one command line on a real store in a folder of this test; what it printed. */
async function run(...words: string[]): Promise<string[]> {
  const lines: string[] = []
  const program = buildProgram({
    version: '1',
    openStore,
    serve: async (config) => {
      served.push(config)
    },
    inviteGateway: (store, name) => inviteGateway(store, name),
    createReaderToken: (store, name) => createReaderToken(store, name),
    now: () => T0,
    print: (line) => lines.push(line),
    note: () => undefined,
  })
  await program.parseAsync(['node', 'metergate-cloud', ...words])
  return lines
}
const inFolder = ['--data-dir', folder]

describe('metergate-cloud', () => {
  it('prints an invitation that enrols one gateway, lists it, and revokes it', async () => {
    const [code = ''] = await run('gateway', 'invite', '--name', '东一楼', ...inFolder)
    const store = await openStore({ dataDir: folder })
    const gateway = 'gw-aaaabbbb'
    const { publicKey } = new GatewayDouble()
    const codeHash = hashInvitationCode(code)
    const id = gatewayIdSchema.parse(gateway)
    const enrolment = { codeHash, gateway: id, publicKey, name: undefined, software: 'test', at: epochMs(T0) }
    expect(await store.registry.enrol(enrolment)).toMatchObject({ kind: 'enrolled', name: '东一楼' })
    await store.close()
    expect(await run('gateway', 'list', ...inFolder)).toEqual([
      expect.stringMatching(/^gw-aaaabbbb\t东一楼\tenrolled /),
    ])
    await run('gateway', 'revoke', gateway, ...inFolder)
    expect(await run('gateway', 'list', ...inFolder)).toEqual([
      expect.stringContaining('revoked 2026-11-23T08:00:00.000Z'),
    ])
  })

  it('prints a reader token and keeps only its hash', async () => {
    const [token = ''] = await run('token', 'create', '--name', 'dashboard', ...inFolder)
    const store = await openStore({ dataDir: folder })
    expect(await store.registry.token(hashReaderToken(token))).toMatchObject({ name: 'dashboard' })
    expect(await store.registry.token(hashReaderToken(`${token}x`))).toBeUndefined()
    await store.close()
  })

  it('prints JSON for programs', async () => {
    const read = async (...words: string[]): Promise<unknown> =>
      JSON.parse((await run(...words, '--json', ...inFolder)).join())
    expect(await read('gateway', 'invite', '--name', '东二楼')).toEqual({ name: '东二楼', code: expect.any(String) })
    expect(await read('token', 'create', '--name', 'x')).toEqual({ name: 'x', token: expect.stringMatching(/^mgr_/) })
    const row = { id: 'gw-aaaabbbb', name: '东一楼', enrolled_at: T0, revoked_at: T0 }
    expect(await read('gateway', 'list')).toEqual([row])
  })

  it('serves by flags, and refuses to open a door to the network', async () => {
    await run('serve', '--port', '9', ...inFolder)
    expect(served).toMatchObject([{ port: 9, host: '127.0.0.1', dataDir: folder }])
    await expect(run('serve', '--host', '0.0.0.0', ...inFolder)).rejects.toBeInstanceOf(UsageError)
    expect(served).toHaveLength(1)
  })

  it.each([
    ['gateway', 'invite', '--name', 'x'],
    ['gateway', 'list'],
    ['gateway', 'revoke', 'gw-aaaabbbb'],
    ['token', 'create', '--name', 'x'],
  ])('makes no store of its own for %s %s, and says which folder it looked in', async (...words) => {
    const empty = join(folder, 'nobody-serves-here')
    await expect(run(...words, '--data-dir', empty)).rejects.toThrow(/nobody-serves-here.*serve/)
    expect(existsSync(empty)).toBe(false)
  })

  it('says of wrong words what is wrong, and ends the process itself nowhere', async () => {
    await expect(run('serf')).rejects.toThrow(/unknown command/)
    await expect(run('token', 'create', ...inFolder)).rejects.toThrow(/--name/)
  })

  it('says of a damaged store where it is', async () => {
    const damaged = mkdtempSync(join(tmpdir(), 'metergate-cli-damaged-'))
    writeFileSync(join(damaged, 'cloud.sqlite'), 'x'.repeat(5000))
    await expect(run('gateway', 'list', '--data-dir', damaged)).rejects.toThrow(/metergate-cli-damaged.*not a database/)
    rmSync(damaged, { recursive: true })
  })

  it('says which gateway it does not know', async () => {
    await expect(run('gateway', 'revoke', 'gw-nobody000', ...inFolder)).rejects.toThrow(/gw-nobody000/)
  })
})
