import { setMaxListeners } from 'node:events'
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'
import { type Clock, type DurationMs, fail, ok, type Result } from '@metergate/protocol'
import axios, { isAxiosError } from 'axios'
import type { CloudUrl } from './cloud-url.js'

/** More than any true answer, even one that rejects every record of a batch; beyond it somebody else is talking. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
/** More than any sealed batch, compressed. */
const MAX_BODY_BYTES = 2 * 1024 * 1024

/**
 * A connection is kept for the next heartbeat a minute later, because beginning one anew, with TLS, takes more bytes than a batch of
 * a minute. Shorter than the cloud keeps it, or as it says (`Keep-Alive: timeout`) when many come at once; a first sign of life on it
 * after 25 s, so that a mobile network does not forget it.
 */
const KEPT = { keepAlive: true, keepAliveMsecs: 25_000, timeout: 70_000 }

export interface CloudRequest {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** From start to the last byte of the answer. */
  readonly timeout: DurationMs
}

export interface CloudAnswer {
  readonly status: number
  /** A header field, its values joined, or undefined. */
  header(name: string): string | undefined
  readonly body: Uint8Array
  readonly roundTripMs: number
  readonly bytesSent: number
}

export type CloudHttpFault = { readonly kind: 'unreachable'; readonly why: string }

/**
 * One POST to the cloud, as careful as a gateway must be: one deadline for the whole exchange, capped sizes both ways,
 * no redirect followed, no proxy from the environment, nothing decompressed (so nothing can explode).
 */
export class CloudHttp {
  private readonly agents = { httpAgent: new http.Agent(KEPT), httpsAgent: new https.Agent(KEPT) }

  constructor(
    private readonly url: CloudUrl,
    private readonly clock: Clock,
  ) {}

  async post(request: CloudRequest, signal?: AbortSignal): Promise<Result<CloudAnswer, CloudHttpFault>> {
    const cut = new AbortController()
    const settled = new AbortController()
    const stop = (): void => cut.abort()
    let late = false
    this.clock.sleep(request.timeout, settled.signal).then(
      () => {
        late = true
        cut.abort()
      },
      () => undefined,
    )
    // Many exchanges may end by one signal; each takes its listener away again, so a number of them is no leak.
    if (signal) setMaxListeners(0, signal)
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    const start = this.clock.mono()
    try {
      const answer = await this.sent(request, cut.signal)
      return ok({ ...answer, roundTripMs: Math.round(this.clock.mono() - start) })
    } catch (error) {
      if (late) return fail({ kind: 'unreachable', why: `no answer within ${request.timeout} ms` })
      return fail({ kind: 'unreachable', why: reasonOf(error) })
    } finally {
      signal?.removeEventListener('abort', stop)
      settled.abort()
    }
  }

  /**
   * Sent on a kept connection, a request may meet its closing, however carefully both sides wait (Node's `request.reusedSocket`): then
   * once more, on a new one; a batch or a heartbeat may come twice. Rejects with axios' error.
   */
  private async sent(request: CloudRequest, signal: AbortSignal): Promise<Omit<CloudAnswer, 'roundTripMs'>> {
    try {
      return await this.sentOnce(request, signal)
    } catch (error) {
      if (signal.aborted || !metClosing(error)) throw error
      const answer = await this.sentOnce(request, signal)
      return { ...answer, bytesSent: 2 * answer.bytesSent }
    }
  }

  private async sentOnce(request: CloudRequest, signal: AbortSignal): Promise<Omit<CloudAnswer, 'roundTripMs'>> {
    const answer = await axios.post<unknown>(`${this.url}${request.path}`, Buffer.from(request.body), {
      headers: { ...NO_DEFAULTS, ...request.headers },
      ...this.agents,
      transport: TERSE,
      signal,
      responseType: 'arraybuffer',
      decompress: false,
      maxRedirects: 0,
      maxContentLength: MAX_ANSWER_BYTES,
      maxBodyLength: MAX_BODY_BYTES,
      proxy: false,
      validateStatus: () => true,
    })
    return {
      status: answer.status,
      header: (name) => headerText(answer.headers, name),
      body: Buffer.isBuffer(answer.data) ? answer.data : new Uint8Array(),
      bytesSent: request.body.length + sizeOfHead(request.path, request.headers),
    }
  }
}

/** Says nothing of keeping the connection, which is what HTTP/1.1 does unless told otherwise (RFC 9112, section 9.3). */
const TERSE = {
  request(options: RequestOptions, onAnswer: (answer: IncomingMessage) => void): ClientRequest {
    const { request } = options.protocol === 'https:' ? https : http
    const sent = request(options, onAnswer)
    sent.removeHeader('connection')
    return sent
  },
}

/** A kept connection was closed at the far end, or forgotten by somebody on the way, before any answer to the request came on it. */
function metClosing(error: unknown): boolean {
  if (!isAxiosError(error) || error.response !== undefined) return false
  const request: unknown = error.request
  const wasKept = request instanceof http.ClientRequest && request.reusedSocket
  return wasKept && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}

/** Not sent: nobody chooses by them (versions are in the heartbeat), and a batch by the minute is short enough to notice. */
const NO_DEFAULTS = { accept: null, 'accept-encoding': null, 'user-agent': null }

function headerText(headers: object, name: string): string | undefined {
  const value: unknown = Reflect.get(headers, name)
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.join(', ') : undefined
}

/** Request line and header fields as they go over the wire, near enough for a data plan. */
function sizeOfHead(path: string, headers: Readonly<Record<string, string>>): number {
  const fields = Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
  return `POST ${path} HTTP/1.1\r\n`.length + fields
}

function reasonOf(error: unknown): string {
  if (isAxiosError(error)) {
    const { code = '', message } = error
    // Node's own message usually names the code already: `connect ECONNREFUSED 127.0.0.1:443`.
    const parts = message.includes(code) ? [message] : [code, message]
    return parts.filter(Boolean).join(': ').slice(0, 300)
  }
  return error instanceof Error ? error.message.slice(0, 300) : String(error)
}
