import { createPublicKey, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { brotliDecompressSync, gzipSync } from 'node:zlib'
import {
  batchNumberSchema,
  durationMs,
  gatewayIdSchema,
  readSignature,
  seqSchema,
  sha256Hex,
  streamIdSchema,
} from '@metergate/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SealedBatch } from '../store/record-store.js'
import { realClock } from '../testing/real-clock.js'
import { SeededRandom } from '../testing/seeded-random.js'
import { CloudHttp } from './cloud-http.js'
import { parseCloudUrl } from './cloud-url.js'
import { enrol } from './enrol.js'
import { HttpUplink } from './http-uplink.js'
import { createKey } from './signature.js'

interface Received {
  readonly request: IncomingMessage
  readonly body: Buffer
}
type Handler = (response: ServerResponse, received: Received) => void

const clock = realClock
const key = createKey(new SeededRandom(5))
const stream = streamIdSchema.parse('0123456789abcdef0123456789abcdef')
const body = gzipSync('{"a":"batch"}')
const batch: SealedBatch = {
  streamKind: 'detail',
  stream,
  number: batchNumberSchema.parse(3),
  first: seqSchema.parse(7),
  last: seqSchema.parse(9),
  sha256: sha256Hex('{"a":"batch"}'),
  encoding: 'gzip',
  body,
  decodedSize: 13,
}
const committed = { stream, number: 3, sha256: batch.sha256 }
const answer = {
  committed: [committed],
  contiguous: [{ stream, number: 3 }],
  rejected: [],
  server_time: 1_790_000_000_000,
}
const problem = {
  type: 'about:blank',
  title: 'No',
  status: 409,
  detail: 'other bytes',
  code: 'batch_conflict',
  server_time: 1,
}

let server: Server
let handler: Handler
let requests: Received[]
let uplink: HttpUplink
let http: CloudHttp

beforeEach(async () => {
  requests = []
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      const received = { request, body: Buffer.concat(chunks) }
      requests.push(received)
      handler(response, received)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  http = new CloudHttp(url(), clock)
  uplink = new HttpUplink(http, { gateway: gatewayIdSchema.parse('gw-k3v9q2x7'), key, clock, timeout: durationMs(400) })
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function url() {
  const address = server.address()
  const parsed = parseCloudUrl(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
  if (!parsed.ok) throw new Error(parsed.fault.why)
  return parsed.value
}

const json = (status: number, value: unknown, headers: Record<string, string> = {}): Handler => {
  return (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}
const text = (status: number, value: string, headers: Record<string, string> = {}): Handler => {
  return (response) => response.writeHead(status, headers).end(value)
}

describe('sending a batch', () => {
  it('sends the sealed bytes as they are, signed so that the cloud can verify them', async () => {
    handler = json(200, answer)
    const outcome = await uplink.send(batch)
    expect(outcome).toMatchObject({
      ok: true,
      value: { committed: [committed], rejected: [], serverTime: 1_790_000_000_000 },
    })
    const [received] = requests
    expect(received?.body.equals(body)).toBe(true)
    expect(received?.request.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-type': 'application/json' })
    const claimed = readSignature(
      { method: received?.request.method ?? '', path: received?.request.url ?? '', body: received?.body ?? body },
      received?.request.headersDistinct ? flat(received.request.headers) : {},
    )
    expect(claimed).toMatchObject({ ok: true, value: { keyId: 'gw-k3v9q2x7' } })
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key.publicKey, 'base64')])
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    expect(claimed.ok && verify(null, Buffer.from(claimed.value.base), publicKey, claimed.value.signature)).toBe(true)
  })

  it('counts what it sent', async () => {
    handler = json(200, answer)
    const outcome = await uplink.send(batch)
    if (!outcome.ok) throw new Error('not sent')
    expect(outcome.value.bytesSent).toBeGreaterThan(body.length + 300)
    expect(outcome.value.bytesSent).toBeLessThan(body.length + 900)
  })
})

describe('every answer has a named treatment', () => {
  const hash = (value: string) => ({ ...answer, committed: [{ ...committed, sha256: value }] })
  const cases: [string, Handler, Record<string, unknown>][] = [
    [
      '200 with a login page',
      text(200, '<html>Please log in</html>', { 'content-type': 'text/html' }),
      { kind: 'malformed_answer', status: 200 },
    ],
    ['200 with another schema', json(200, { status: 'ok' }), { kind: 'malformed_answer' }],
    ['200 with a hash that is none', json(200, hash('abc')), { kind: 'malformed_answer' }],
    ['200 with a list', json(200, [answer]), { kind: 'malformed_answer' }],
    ['200 with half the answer', text(200, JSON.stringify(answer).slice(0, 60)), { kind: 'malformed_answer' }],
    [
      '200 compressed though not asked for',
      (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify(answer))),
      { kind: 'malformed_answer' },
    ],
    ['204', (response) => response.writeHead(204).end(), { kind: 'malformed_answer', status: 204 }],
    ['301', text(301, '', { location: 'http://evil.example/' }), { kind: 'redirect', to: 'http://evil.example/' }],
    ['302', text(302, '', { location: '/elsewhere' }), { kind: 'redirect', to: '/elsewhere' }],
    ['307', text(307, '', { location: 'http://evil.example/' }), { kind: 'redirect' }],
    ['308 without a place', text(308, ''), { kind: 'redirect', to: '' }],
    [
      '400',
      json(400, { ...problem, status: 400, code: 'malformed_request' }),
      { kind: 'refused_batch', status: 400, why: 'malformed_request: other bytes' },
    ],
    ['401', text(401, ''), { kind: 'refused_gateway', status: 401 }],
    ['403', text(403, ''), { kind: 'refused_gateway', status: 403 }],
    [
      '403 for a batch of an earlier enrolment',
      json(403, { ...problem, status: 403, code: 'wrong_gateway' }),
      { kind: 'conflict', why: 'wrong_gateway: other bytes' },
    ],
    ['404', text(404, ''), { kind: 'refused_gateway', status: 404 }],
    ['408', text(408, ''), { kind: 'busy', status: 408 }],
    ['409 by the cloud', json(409, problem), { kind: 'conflict', why: 'batch_conflict: other bytes' }],
    ['409 by somebody else', text(409, 'Conflict'), { kind: 'malformed_answer', status: 409 }],
    ['413', text(413, ''), { kind: 'refused_batch', status: 413 }],
    ['418', text(418, ''), { kind: 'malformed_answer', status: 418 }],
    ['422', text(422, ''), { kind: 'refused_batch', status: 422 }],
    [
      '429 with Retry-After',
      text(429, '', { 'retry-after': '30' }),
      { kind: 'busy', status: 429, retryAfterMs: 30_000 },
    ],
    ['500', text(500, ''), { kind: 'server_error', status: 500 }],
    ['502', text(502, '<html>Bad gateway</html>'), { kind: 'server_error', status: 502 }],
    [
      '503 with a nonsense Retry-After',
      text(503, '', { 'retry-after': 'soon' }),
      { kind: 'busy', status: 503, retryAfterMs: undefined },
    ],
    ['504', text(504, ''), { kind: 'server_error', status: 504 }],
  ]
  it.each(cases)('%s', async (_, handle, fault) => {
    handler = handle
    const outcome = await uplink.send(batch)
    expect(outcome).toMatchObject({ ok: false, fault })
    expect(requests).toHaveLength(1)
  })
})

describe('a sick peer ends in a fault, never in a hang, a throw or a full memory', () => {
  const endless =
    (chunk: string): Handler =>
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
  const cases: [string, Handler][] = [
    ['accepts and never answers', () => undefined],
    ['sends headers and then nothing', (response) => response.writeHead(200).flushHeaders()],
    [
      'trickles a byte at a time',
      (response) => {
        const timer = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(timer))
      },
    ],
    ['resets the connection', (response) => response.socket?.resetAndDestroy()],
    [
      'resets in the middle of the answer',
      (response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"committed":')
        setImmediate(() => response.socket?.resetAndDestroy())
      },
    ],
    [
      'ends before the promised length',
      (response) => response.writeHead(200, { 'content-length': '1000' }).end('{"committed":['),
    ],
    ['sends without end', endless('x'.repeat(65_536))],
    ['says nothing that is HTTP', (response) => response.socket?.end('+OK POP3 ready\r\n')],
    [
      'sends far too many header fields',
      (response) =>
        response
          .writeHead(200, Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`x-${i}`, 'y'.repeat(40)])))
          .end(),
    ],
  ]
  it.each(cases)('%s', async (_, handle) => {
    handler = handle
    const before = process.memoryUsage().rss
    const outcome = await uplink.send(batch)
    expect(outcome).toMatchObject({ ok: false, fault: { kind: 'unreachable' } })
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
  })

  it('nests its answer a hundred thousand deep', async () => {
    handler = text(200, '['.repeat(100_000))
    expect(await uplink.send(batch)).toMatchObject({ ok: false, fault: { kind: 'malformed_answer' } })
    handler = text(200, `${'['.repeat(100_000)}${']'.repeat(100_000)}`)
    expect(await uplink.send(batch)).toMatchObject({ ok: false, fault: { kind: 'malformed_answer' } })
  })

  it('is not there at all', async () => {
    const gone = new HttpUplink(new CloudHttp(url(), clock), {
      gateway: gatewayIdSchema.parse('gw-k3v9q2x7'),
      key,
      clock,
    })
    await new Promise((resolve) => server.close(resolve))
    expect(await gone.send(batch)).toMatchObject({
      ok: false,
      fault: { kind: 'unreachable', why: expect.stringContaining('ECONNREFUSED') },
    })
  })

  it.each([
    [
      'closes a kept connection just as a request comes on it',
      (response: ServerResponse) => response.socket?.destroy(),
    ],
    ['resets it', (response: ServerResponse) => response.socket?.resetAndDestroy()],
  ])('%s: asked once more on a new one', async (_, cut) => {
    const connections = new Set<unknown>()
    handler = (response, { request }) => {
      const isKept = connections.has(request.socket)
      connections.add(request.socket)
      if (isKept) cut(response)
      else json(200, answer)(response, { request, body })
    }
    const once = await uplink.send(batch)
    const twice = await uplink.send(batch)
    expect(twice).toMatchObject({ ok: true, value: { committed: [committed] } })
    expect(twice.ok && twice.value.bytesSent).toBe(once.ok && 2 * once.value.bytesSent)
    expect(requests.map(({ body: bytes }) => bytes.equals(body))).toEqual([true, true, true])
    // A connection that is cut every time is not asked for ever.
    handler = (response) => cut(response)
    expect(await uplink.send(batch)).toMatchObject({ ok: false, fault: { kind: 'unreachable' } })
    expect(requests).toHaveLength(5)
  })

  it('resets a kept connection in the middle of its answer: not asked again', async () => {
    handler = json(200, answer)
    expect(await uplink.send(batch)).toMatchObject({ ok: true })
    handler = (response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"committed":')
      setImmediate(() => response.socket?.resetAndDestroy())
    }
    expect(await uplink.send(batch)).toMatchObject({ ok: false, fault: { kind: 'unreachable' } })
    const [first, second] = requests
    expect(second?.request.socket).toBe(first?.request.socket)
    expect(requests).toHaveLength(2)
  })

  it('is left at once when the gateway stops', async () => {
    handler = () => undefined
    const abort = new AbortController()
    const outcome = uplink.send(batch, abort.signal)
    abort.abort()
    expect(await outcome).toMatchObject({ ok: false, fault: { kind: 'unreachable' } })
  })
})

describe('heartbeat and enrolment', () => {
  it('sends a signed heartbeat and takes the time', async () => {
    handler = json(200, { server_time: 1_790_000_000_123 })
    expect(await uplink.heartbeat({ a: 1 })).toMatchObject({ ok: true, value: { serverTime: 1_790_000_000_123 } })
    expect(requests[0]?.request.url).toBe('/v1/heartbeat')
    expect(requests[0]?.request.headers['signature-input']).toContain('keyid="gw-k3v9q2x7"')
  })

  it('packs a heartbeat when that is smaller, and never again for a cloud that knows only plain ones', async () => {
    const large = { text: 'voltage '.repeat(300) }
    handler = (response, received) =>
      json(received.request.headers['content-encoding'] ? 415 : 200, { server_time: 5 })(response, received)
    expect(await uplink.heartbeat(large)).toMatchObject({ ok: true })
    expect(await uplink.heartbeat(large)).toMatchObject({ ok: true })
    expect(requests.map(({ request }) => request.headers['content-encoding'])).toEqual(['br', undefined, undefined])
    expect(JSON.parse(brotliDecompressSync(requests[0]?.body ?? Buffer.of()).toString())).toEqual(large)
    expect(requests[1]?.body.toString()).toBe(JSON.stringify(large))
  })

  it('may be under way many times with one signal without a warning', async () => {
    const warnings: string[] = []
    const note = ({ name }: Error): void => void warnings.push(name)
    process.on('warning', note)
    handler = json(200, { server_time: 5 })
    const { signal } = new AbortController()
    await Promise.all(Array.from({ length: 20 }, () => uplink.heartbeat({}, signal)))
    await new Promise(setImmediate)
    process.off('warning', note)
    expect(warnings).toEqual([])
  })

  it('enrols with the code and the public key, and the private key never leaves', async () => {
    handler = json(200, { gateway_id: 'gw-k3v9q2x7', name: 'Plant 1', server_time: 5 })
    const outcome = await enrol(http, key, { code: 'ABCD-EFGH-JKLM', software: 'metergate/0.1.0' })
    expect(outcome).toEqual({ ok: true, value: { gateway_id: 'gw-k3v9q2x7', name: 'Plant 1', server_time: 5 } })
    const sent = requests[0]?.body.toString() ?? ''
    expect(JSON.parse(sent)).toEqual({ code: 'ABCD-EFGH-JKLM', software: 'metergate/0.1.0', public_key: key.publicKey })
    const secret = key.toPem().split('\n')[1] ?? ''
    expect(sent).not.toContain(secret)
  })

  it('says why the cloud refuses a code', async () => {
    handler = json(409, { ...problem, code: 'enrolment_code_used', detail: 'this code was used on 2026-11-20' })
    expect(await enrol(http, key, { code: 'ABCD-EFGH-JKLM', software: 'x' })).toEqual({
      ok: false,
      fault: { kind: 'refused', code: 'enrolment_code_used', why: 'this code was used on 2026-11-20' },
    })
  })

  it('does not take a login page for a cloud', async () => {
    handler = text(200, '<html>')
    expect(await enrol(http, key, { code: 'ABCD-EFGH-JKLM', software: 'x' })).toMatchObject({
      ok: false,
      fault: { kind: 'malformed_answer' },
    })
  })
})

const flat = (headers: IncomingMessage['headers']): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )
