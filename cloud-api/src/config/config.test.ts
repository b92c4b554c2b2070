import { describe, expect, it } from 'vitest'
import { readConfig } from './config.js'

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
    expect(faultOf({ port: 'eighty' })).toMatch(/--port is "eighty"/)
    expect(faultOf({ databaseUrl: 'mysql://x' })).toMatch(/--database-url is "mysql:\/\/x"/)
    expect(faultOf({ logLevel: 'loud' })).toMatch(/--log-level/)
  })

  it('reads switches from the environment as words', () => {
    expect(faultOf({ host: '0.0.0.0', behindProxy: 'true' })).toBe('accepted')
    expect(faultOf({ host: '0.0.0.0', behindProxy: 'false' })).toContain('--behind-proxy')
  })
})
