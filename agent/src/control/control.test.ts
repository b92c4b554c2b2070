import { chmodSync, mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fail, meterIdSchema, ok } from '@metergate/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { SystemClock } from '../system/system-clock.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import type { ControlHandlers } from './calls.js'
import { ControlClient } from './client.js'
import { ControlServer } from './server.js'

const socketPath = (): string => join(mkdtempSync(join(tmpdir(), 'mg-ctl-')), 'control.sock')
const press1 = meterIdSchema.parse('press-1')
const nobody = async () => fail({ kind: 'failed', why: 'not in this test' } as const)
const handlers: ControlHandlers = {
  status: nobody,
  clock: nobody,
  clock_confirm: nobody,
  energy: nobody,
  production_add: nobody,
  meter_exchange: nobody,
  verify: nobody,
  history: nobody,
  production_list: async () => ok([]),
  production_correct: async () => Promise.reject(new Error('planted')),
  read: async ({ meter }) =>
    meter === press1
      ? ok({
          meter,
          label: '注塑机 1',
          profile: 'eastron-sdm630',
          line: 'line-1',
          unit: '1',
          at: new SystemClock().wall(),
          clock: 'S',
          duration_ms: 42,
          values: [{ quantity: 'voltage_l1_n', value: { n: 2305, exp: -1 } }],
        })
      : fail({ kind: 'unknown_meter', why: 'no such meter' }),
}

let stop = new AbortController()
afterEach(() => {
  stop.abort()
  stop = new AbortController()
})
async function served(path: string): Promise<ControlClient> {
  await new ControlServer(path, handlers).start(stop.signal)
  return new ControlClient(path, new SystemClock())
}

describe('the control socket', () => {
  it('carries a question there and its exact answer back', async () => {
    const client = await served(socketPath())
    const answer = await client.ask('read', { meter: press1 })
    expect(answer).toMatchObject({ ok: true, value: { label: '注塑机 1', values: [{ value: { n: 2305, exp: -1 } }] } })
  })

  it('hands a fault on as a value, and says so when a handler broke', async () => {
    const client = await served(socketPath())
    expect(await client.ask('read', { meter: meterIdSchema.parse('press-9') })).toEqual(
      fail({ kind: 'unknown_meter', why: 'no such meter' }),
    )
    const broken = await client.ask('production_correct', { entry: 'entry:1', count: null, reason: 'x' })
    expect(broken).toEqual(fail({ kind: 'failed', why: 'planted' }))
  })

  it('refuses a request that breaks the schema', async () => {
    const client = await served(socketPath())
    const answer = await client.ask('production_correct', { entry: 'entry:1', count: null, reason: '' })
    expect(answer).toMatchObject({ ok: false, fault: { kind: 'bad_request' } })
  })

  it('is for its owner only', async () => {
    const path = socketPath()
    await served(path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('takes the place of a socket left by a killed process, and never that of a living one', async () => {
    const path = socketPath()
    writeFileSync(path, '')
    chmodSync(path, 0o600)
    const client = await served(path)
    expect((await client.ask('production_list', handlersSpan)).ok).toBe(true)
    await expect(new ControlServer(path, handlers).start(stop.signal)).rejects.toThrow('another metergate is running')
    expect((await client.ask('production_list', handlersSpan)).ok).toBe(true)
  })

  it('says so when the data folder is too deep for a socket', async () => {
    const path = join('/tmp', 'x'.repeat(100), 'control.sock')
    await expect(new ControlServer(path, handlers).start(stop.signal)).rejects.toThrow('shorter store.folder')
  })

  it('says that nobody is running when there is no socket', async () => {
    const path = socketPath()
    const answer = await new ControlClient(path, new SystemClock()).ask('status', {})
    expect(answer).toEqual(fail({ kind: 'not_running', path }))
  })

  it('gives up on a daemon that takes the question and stays silent', async () => {
    const path = socketPath()
    const mute = createServer(() => undefined)
    await new Promise<void>((resolve) => mute.listen(path, resolve))
    // The clock is virtual: nothing here waits five seconds.
    const clock = new VirtualClock()
    const asked = new ControlClient(path, clock).ask('status', {})
    await new Promise<void>((resolve) => mute.once('connection', () => resolve()))
    await clock.advance(5_000)
    expect(await asked).toEqual(fail({ kind: 'silent', waitedMs: 5_000 }))
    mute.close()
  })
})

const handlersSpan = { start: new SystemClock().wall(), end: new SystemClock().wall() }
