import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readConfig } from './config.js'
import { makeDataFolder } from './data-folder.js'
import { readTlsFiles } from './tls-files.js'

const faultOf = (given: Record<string, unknown>): string => {
  const config = readConfig(given)
  return config.ok ? 'accepted' : config.fault
}

describe('the configuration', () => {
  it('binds to this machine alone unless told otherwise', () => {
    expect(readConfig({})).toMatchObject({ ok: true, value: { host: '127.0.0.1', port: 8080, behindProxy: false } })
  })

  it.each(['0.0.0.0', '192.168.1.5', '::', 'cloud.example'])(
    'refuses to serve %s in the clear and says what to do',
    (host) => {
      expect(faultOf({ host })).toContain('--behind-proxy')
      expect(faultOf({ host, behindProxy: true })).toBe('accepted')
      expect(faultOf({ host, tlsCert: 'a.pem', tlsKey: 'a.key' })).toBe('accepted')
    },
  )

  it.each(['127.0.0.1', '127.0.0.2', '::1', 'localhost'])('serves %s in the clear', (host) => {
    expect(faultOf({ host })).toBe('accepted')
  })

  it('wants certificate and key together', () => {
    expect(faultOf({ tlsCert: 'a.pem' })).toMatch(/belong together/)
  })

  it('names the setting and the value that is wrong', () => {
    expect(faultOf({ port: 'eighty' })).toBe('--port is "eighty": it must be a whole number from 0 to 65535.')
    expect(faultOf({ port: '70000' })).toBe('--port is "70000": it must be a whole number from 0 to 65535.')
    expect(faultOf({ databaseUrl: 'mysql://x' })).toMatch(/--database-url is "mysql:\/\/x"/)
    expect(faultOf({ logLevel: 'loud' })).toMatch(/--log-level/)
  })

  it('believes no proxy unless told which, and takes no words that would believe everybody', () => {
    expect(readConfig({})).not.toHaveProperty('value.trustProxy')
    for (const trustProxy of ['10.0.0.7', '10.0.0.0/8, ::1', 'loopback,fd00::/8']) {
      expect(readConfig({ trustProxy })).toMatchObject({ value: { trustProxy } })
    }
    for (const trustProxy of ['true', '1', '', '10.0.0.0/33', '0.0.0.0/0', '::/129', '10.0.0.7/8/8', 'proxy.example']) {
      expect(faultOf({ trustProxy })).toContain(`--trust-proxy is "${trustProxy}": it must be addresses`)
    }
  })

  it('reads switches from the environment as words', () => {
    expect(faultOf({ host: '0.0.0.0', behindProxy: 'true' })).toBe('accepted')
    expect(faultOf({ host: '0.0.0.0', behindProxy: 'false' })).toContain('--behind-proxy')
  })
})

describe('what the configuration points to', () => {
  it('makes a data folder with its parents, and says where it can make none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'metergate-config-'))
    makeDataFolder(join(folder, 'a', 'b'))
    makeDataFolder(join(folder, 'a', 'b'))
    writeFileSync(join(folder, 'file'), '')
    expect(() => makeDataFolder(join(folder, 'file'))).toThrow(/file.*a file of this name/)
    expect(() => makeDataFolder(join(folder, 'file', 'x'))).toThrow(/file/)
    rmSync(folder, { recursive: true })
  })

  it.skipIf(process.platform !== 'linux')('ends where the system takes no folder', () => {
    expect(() => makeDataFolder('/proc/metergate')).toThrow(/\/proc\/metergate.*--data-dir/)
  })

  it('names the option of a certificate that is missing or none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'metergate-config-'))
    const [tlsCert, tlsKey] = [join(folder, 'a.pem'), join(folder, 'a.key')]
    writeFileSync(tlsCert, 'nothing')
    expect(() => readTlsFiles({ tlsCert, tlsKey })).toThrow(/--tls-key ".*a\.key" can't be read: there is no such file/)
    writeFileSync(tlsKey, 'nothing')
    expect(() => readTlsFiles({ tlsCert, tlsKey })).toThrow(/--tls-cert ".*a\.pem" and --tls-key .*PEM/)
    rmSync(folder, { recursive: true })
  })
})
