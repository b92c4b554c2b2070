import { once } from 'node:events'
import { connect } from 'node:net'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { batchAnswerSchema, problemSchema, reconcileAnswerSchema } from '@metergate/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CloudHarness } from '../testing/cloud-harness.js'
import { GatewayDouble, TestBatch } from '../testing/gateway-double.js'
import { event, gap, heartbeat, interval, reading, T0 } from '../testing/records.js'

let harness: CloudHarness
let gateway: GatewayDouble

beforeEach(async () => {
  harness = await CloudHarness.start()
  gateway = await harness.gateway()
})
afterEach(() => harness.stop())

const send = (batch: TestBatch, encoding: 'br' | 'gzip' = 'br') => harness.inject(gateway.post(batch, encoding))
const problemOf = (answer: { json(): unknown; headers: Record<string, unknown> }) => {
  expect(answer.headers['content-type']).toContain('application/problem+json')
  return problemSchema.parse(answer.json())
}
const streamOf = async (stream = gateway.stream) => {
  const { streams } = reconcileAnswerSchema.parse((await harness.read(`/v1/gateways/${gateway.id}/reconcile`)).json())
  return streams.find((each) => each.stream === stream)
}

describe('a good batch', () => {
  it.each(['br', 'gzip'] as const)('is acknowledged by stream, number and hash (%s)', async (encoding) => {
    const batch = gateway.seal([reading(T0, 12345, 100)])
    const answer = await send(batch, encoding)
    expect(answer.statusCode).toBe(200)
    expect(batchAnswerSchema.parse(answer.json())).toEqual({
      committed: [{ stream: gateway.stream, number: 1, sha256: batch.sha256 }],
      contiguous: [{ stream: gateway.stream, number: 1 }],
      rejected: [],
      server_time: T0,
    })
  })

  it('is kept as the bytes that came', async () => {
    const batch = gateway.seal([reading(T0, 12345, 100)])
    const body = batch.body('br')
    await send(batch)
    const { stream, number, gateway: id } = batch.header
    const stored = await harness.cloud.store.reader.batch(id, stream, number)
    expect(Buffer.from(stored?.body ?? []).equals(Buffer.from(body))).toBe(true)
    expect(stored?.sha256).toBe(batch.sha256)
  })

  it('posted again is acknowledged again and stored once', async () => {
    const batch = gateway.seal([reading(T0, 12345, 100)])
    const [first, second] = [await send(batch), await send(batch, 'gzip')]
    expect(second.statusCode).toBe(200)
    expect(second.json()).toEqual(first.json())
    expect(await streamOf()).toMatchObject({ batches: 1, records: 1, duplicates_refused: 1 })
  })

  it('posted fifty times at once becomes one row', async () => {
    const post = gateway.post(gateway.seal([reading(T0, 1, 1), reading(T0 + 1000, 2, 2)]))
    const answers = await Promise.all(Array.from({ length: 50 }, () => harness.inject(post)))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(50).fill(200))
    expect(await streamOf()).toMatchObject({ batches: 1, records: 2, duplicates_refused: 49 })
  })

  it('may leave a gap that the backlog closes later, and the chain is verified then', async () => {
    const [one, two, three] = [1, 2, 3].map((n) => gateway.seal([reading(T0 + n * 1000, n, n)]))
    if (!one || !two || !three) throw new Error('three batches')
    const fresh = batchAnswerSchema.parse((await send(three)).json())
    expect(fresh.contiguous).toEqual([{ stream: gateway.stream, number: 0 }])
    await send(one)
    expect(await streamOf()).toMatchObject({ contiguous: 1, chain_verified: 1 })
    const last = batchAnswerSchema.parse((await send(two)).json())
    expect(last.contiguous).toEqual([{ stream: gateway.stream, number: 3 }])
    expect(await streamOf()).toMatchObject({ chain_verified: 3, chain_broken: 0 })
  })

  it('whose predecessor says otherwise raises an alarm and is kept', async () => {
    await send(gateway.seal([reading(T0, 1, 1)]))
    expect((await send(gateway.seal([reading(T0 + 1000, 2, 2)], { previous: 'b'.repeat(64) }))).statusCode).toBe(200)
    expect(await streamOf()).toMatchObject({ batches: 2, chain_broken: 1 })
    const events = (await harness.read(`/v1/gateways/${gateway.id}/events?to=${T0 + 1}`)).json()
    expect(events.events).toMatchObject([{ source: 'cloud', code: 'chain_broken', facts: { number: 2 } }])
  })

  it('is settled by a void of its number, whose successor may name the refused bytes', async () => {
    const refused = gateway.seal([reading(T0, 1, 1)])
    const header = { ...refused.header, void: { sha256: refused.sha256, reason: 'too large', successors: [2] } }
    const text = JSON.stringify({ ...header, boots: [], layouts: [], tables: [] })
    const answer = await send(new TestBatch(refused.header, Buffer.from(text)))
    expect(answer.statusCode).toBe(200)
    expect((await send(gateway.seal([reading(T0, 1, 1)]))).statusCode).toBe(200)
    expect(await streamOf()).toMatchObject({ contiguous: 2, void_batches: 1, records: 1, chain_verified: 2 })
  })

  it('counts as settled when a gap record of the ledger names it', async () => {
    gateway.seal([reading(T0, 1, 1)])
    gateway.seal([reading(T0 + 1000, 2, 2)])
    await send(gateway.seal([reading(T0 + 2000, 3, 3)]))
    expect(await streamOf()).toMatchObject({ contiguous: 0 })
    const ledger = new GatewayDouble('c'.repeat(32))
    ledger.id = gateway.id
    const sealed = ledger.seal([gap(gateway.stream, 1, 2, 1, 2)])
    expect((await harness.inject(gateway.post(sealed))).statusCode).toBe(200)
    expect(await streamOf()).toMatchObject({ contiguous: 3, gap_records: 2 })
  })
})

describe('other bytes under a number that is taken', () => {
  it('are a conflict: refused, both kept, one alarm', async () => {
    await send(gateway.seal([reading(T0, 1, 1)]))
    const other = new GatewayDouble()
    other.id = gateway.id
    const second = other.seal([reading(T0, 2, 2)])
    for (let i = 0; i < 2; i += 1) {
      const answer = await harness.inject(gateway.post(second))
      expect(answer.statusCode).toBe(409)
      expect(problemOf(answer)).toMatchObject({ code: 'batch_conflict', server_time: T0 })
    }
    expect(await streamOf()).toMatchObject({ batches: 1, conflicts: 1, duplicates_refused: 0 })
    const { events } = (await harness.read(`/v1/gateways/${gateway.id}/events?to=${T0 + 1}`)).json()
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ source: 'cloud', code: 'batch_conflict', facts: { came: second.sha256 } })
  })
})

describe('a stream that goes on after a conflict', () => {
  it('counts a copied record once, where its original is here already', async () => {
    await send(gateway.seal([reading(T0, 1000, 1), reading(T0 + 1000, 2000, 2)]))
    const next = new GatewayDouble('9'.repeat(32))
    next.id = gateway.id
    const origin = [{ first: 1, count: 2, stream: gateway.stream, was: 2 }]
    // Original 2 is here and only its answer was lost; original 3 never arrived.
    const copied = next.seal([reading(T0 + 1000, 2000, 2), reading(T0 + 2000, 3000, 3)], { origin })
    expect((await harness.inject(gateway.post(copied))).statusCode).toBe(200)
    const answer = reconcileAnswerSchema.parse((await harness.read(`/v1/gateways/${gateway.id}/reconcile`)).json())
    expect(answer.meters).toMatchObject([{ meter: 'press-1', readings: 3 }])
    expect(answer.streams).toMatchObject([{ copied_records: 0 }, { records: 2, copied_records: 1 }])
  })
})

describe('records nobody understands', () => {
  it('are named and refuse nothing else', async () => {
    const good = gateway.seal([event(T0), event(T0 + 1000)])
    const json = JSON.parse(Buffer.from(good.decoded).toString())
    json.tables[0].columns.code = { raw: ['bus_down', 'NOT A CODE'] }
    const batch = new TestBatch(good.header, Buffer.from(JSON.stringify(json)))
    const answer = await send(batch)
    expect(answer.statusCode).toBe(200)
    const { committed, rejected } = batchAnswerSchema.parse(answer.json())
    expect(committed).toEqual([{ stream: gateway.stream, number: 1, sha256: batch.sha256 }])
    expect(rejected).toMatchObject([{ stream: gateway.stream, number: 1, record: 2 }])
    expect(await streamOf()).toMatchObject({ rejected_records: 1, records: 2 })
  })
})

describe('a request that is not the gateway speaking', () => {
  const batch = () => gateway.seal([reading(T0, 1, 1)])

  it.each([
    [
      'not signed',
      (post: ReturnType<GatewayDouble['post']>) => ({ ...post, headers: { ...post.headers, signature: undefined } }),
      'signature_missing',
    ],
    [
      'of a changed body',
      (post: ReturnType<GatewayDouble['post']>) => ({ ...post, payload: gzipSync('{}') }),
      'digest_mismatch',
    ],
    [
      'of another path',
      (post: ReturnType<GatewayDouble['post']>) => ({ ...post, url: '/v1/heartbeat' }),
      'signature_invalid',
    ],
  ])('%s is refused', async (_what, change, code) => {
    const { headers, ...rest } = change(gateway.post(batch()))
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
    const answer = await harness.inject({ ...rest, headers: sent })
    expect(answer.statusCode).toBe(401)
    expect(problemOf(answer).code).toBe(code)
  })

  it('signed with another key is refused', async () => {
    const thief = new GatewayDouble()
    thief.id = gateway.id
    const answer = await harness.inject(thief.post(batch()))
    expect([answer.statusCode, problemOf(answer).code]).toEqual([401, 'signature_invalid'])
  })

  it('by somebody not enrolled is refused', async () => {
    const stranger = new GatewayDouble()
    stranger.id = 'gw-stranger1'
    const answer = await harness.inject(stranger.post(stranger.seal([reading(T0, 1, 1)])))
    expect([answer.statusCode, problemOf(answer).code]).toEqual([401, 'gateway_unknown'])
  })

  it('with a batch of another gateway is refused', async () => {
    const other = await harness.gateway('d'.repeat(32))
    const answer = await harness.inject(gateway.post(other.seal([reading(T0, 1, 1)])))
    expect([answer.statusCode, problemOf(answer).code]).toEqual([403, 'wrong_gateway'])
    expect(await streamOf('d'.repeat(32))).toBeUndefined()
  })

  it('after revocation is refused, heartbeat included, and what it sent stays', async () => {
    await send(batch())
    await harness.cloud.store.registry.revoke(batch().header.gateway, harness.clock.wall())
    for (const post of [gateway.post(batch()), gateway.beat(heartbeat(T0))]) {
      const answer = await harness.inject(post)
      expect([answer.statusCode, problemOf(answer).code]).toEqual([403, 'gateway_revoked'])
    }
    expect(await streamOf()).toMatchObject({ batches: 1 })
  })

  it('a wrong clock is no reason to refuse: the signature is 50 years old in every test here', async () => {
    expect((await send(batch())).statusCode).toBe(200)
  })
})

describe('a body that is no batch', () => {
  const post = (body: Uint8Array, encoding: string) =>
    harness.inject(gateway.signed('/v1/batches', body, { 'content-encoding': encoding }))

  it.each([
    [
      'a bomb',
      () => brotliCompressSync(Buffer.alloc(200_000_000), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
      'br',
      413,
      'body_too_large',
    ],
    ['a gzip bomb', () => gzipSync(Buffer.alloc(200_000_000)), 'gzip', 413, 'body_too_large'],
    ['more than the limit as sent', () => Buffer.alloc(1024 * 1024 + 1, 1), 'br', 413, 'body_too_large'],
    ['garbage', () => Buffer.from('garbage'), 'br', 422, 'batch_unreadable'],
    ['nothing', () => Buffer.alloc(0), 'gzip', 422, 'batch_unreadable'],
    ['JSON of something else', () => gzipSync('{"format":"other"}'), 'gzip', 422, 'batch_unreadable'],
    ['deeply nested JSON', () => gzipSync('['.repeat(100_000)), 'gzip', 413, 'body_too_large'],
    ['another encoding', () => Buffer.from('x'), 'deflate', 415, 'unsupported_media_type'],
    ['two encodings', () => Buffer.from('x'), 'gzip, br', 415, 'unsupported_media_type'],
  ])('%s is refused with a reason', async (_what, body, encoding, status, code) => {
    const answer = await post(body(), encoding)
    expect([answer.statusCode, problemOf(answer).code]).toEqual([status, code])
    expect(problemOf(answer).detail.length).toBeGreaterThan(10)
    expect(await streamOf()).toBeUndefined()
  })

  it.each([
    'text/plain',
    'application/json\t; charset=utf-8',
    'application/json;',
    'application/jsonx',
    'application/json; charset=utf-7',
    '',
  ])('the content type %j is refused before the body is read', async (type) => {
    const signed = gateway.post(gateway.seal([reading(T0, 1, 1)]))
    const answer = await harness.inject({ ...signed, headers: { ...signed.headers, 'content-type': type } })
    expect([answer.statusCode, problemOf(answer).code]).toEqual([415, 'unsupported_media_type'])
  })
})

describe('a full server', () => {
  it('says so at once, with a time to come back, and stores nothing', async () => {
    const full = await CloudHarness.start({ limits: { working: 0 } })
    const sender = await full.gateway()
    const answer = await full.inject(sender.post(sender.seal([interval(T0, 1, 2)])))
    expect([answer.statusCode, problemOf(answer).code]).toEqual([503, 'busy'])
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(2)
    await full.stop()
  })

  it('turns gateways away at the door before a body is there, and goes on answering who reads', async () => {
    const full = await CloudHarness.start({ limits: { working: 0 } })
    const socket = connect(Number(new URL(full.cloud.url).port), '127.0.0.1')
    // Neither signed nor sent: nobody looked.
    socket.write('POST /v1/batches HTTP/1.1\r\nhost: cloud\r\ncontent-length: 9000\r\n\r\n')
    const [head, text = ''] = String(await once(socket, 'data').then(([bytes]) => bytes)).split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1.1 503 .*\r\nretry-after: \d+\r\n/s)
    expect(problemSchema.parse(JSON.parse(text)).code).toBe('busy')
    expect((await fetch(`${full.cloud.url}/v1/heartbeat`, { method: 'POST' })).status).toBe(503)
    expect((await fetch(`${full.cloud.url}/healthz`)).status).toBe(200)
    socket.destroy()
    await full.stop()
  })
})
