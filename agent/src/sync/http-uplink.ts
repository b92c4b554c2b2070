import {
  batchAnswerSchema,
  type Clock,
  contentDigest,
  type DurationMs,
  fail,
  type GatewayId,
  heartbeatAnswerSchema,
  ok,
  parseJsonBytes,
  problemSchema,
  type Result,
  seconds,
  signatureBase,
  signatureHeaders,
} from '@metergate/protocol'
import type { z } from 'zod'
import { compress, DEFAULT_COMPRESSION } from '../store/compression.js'
import type { SealedBatch } from '../store/record-store.js'
import type { CloudAnswer, CloudHttp } from './cloud-http.js'
import { parseRetryAfter } from './retry-schedule.js'
import type { GatewayKey } from './signature.js'
import type { Uplink, UplinkFault, UplinkReceipt } from './uplink.js'

/** Who signs, and how long an exchange may take. */
export interface HttpUplinkOptions {
  readonly gateway: GatewayId
  readonly key: GatewayKey
  readonly clock: Clock
  readonly timeout?: DurationMs
}

/** The cloud by HTTP: signs every request, believes an answer only when it is what the contract says. */
export class HttpUplink implements Uplink {
  /** Some cloud would not have a compressed heartbeat: an older one, so all of them go plain from then on. */
  private onlyPlain = false

  constructor(
    private readonly http: CloudHttp,
    private readonly options: HttpUplinkOptions,
  ) {}

  async send(batch: SealedBatch, signal?: AbortSignal): Promise<Result<UplinkReceipt, UplinkFault>> {
    const answer = await this.post('/v1/batches', batch.body, { 'content-encoding': batch.encoding }, signal)
    if (!answer.ok) return answer
    const body = readAnswer(answer.value, batchAnswerSchema)
    if (!body.ok) return body
    const { committed, rejected, contiguous, server_time } = body.value
    const { roundTripMs, bytesSent } = answer.value
    return ok({ committed, rejected, contiguous, serverTime: server_time, roundTripMs, bytesSent })
  }

  async heartbeat(body: unknown, signal?: AbortSignal): ReturnType<Uplink['heartbeat']> {
    const text = new TextEncoder().encode(JSON.stringify(body))
    const packed = this.onlyPlain ? undefined : packWhenItPays(text)
    const encoding = packed && { 'content-encoding': DEFAULT_COMPRESSION.encoding }
    const answer = await this.post('/v1/heartbeat', packed ?? text, encoding ?? {}, signal)
    if (!answer.ok) return answer
    if (packed && answer.value.status === 415) {
      this.onlyPlain = true
      return this.heartbeat(body, signal)
    }
    const read = readAnswer(answer.value, heartbeatAnswerSchema)
    if (!read.ok) return read
    const { roundTripMs, bytesSent } = answer.value
    return ok({ serverTime: read.value.server_time, roundTripMs, bytesSent })
  }

  private post(path: string, body: Uint8Array, extra: Readonly<Record<string, string>>, signal?: AbortSignal) {
    const { gateway, key, clock, timeout = seconds(30) } = this.options
    const request = {
      method: 'POST',
      path,
      contentDigest: contentDigest(body),
      created: Math.max(0, Math.floor(clock.wall() / 1000)),
      keyId: gateway,
    }
    const signed = signatureHeaders(request, key.sign(signatureBase(request)))
    const headers = { 'content-type': 'application/json', ...extra, ...signed }
    return this.http.post({ path, headers, body, timeout }, signal)
  }
}

/** What the extra header field costs. */
const ENCODING_FIELD_BYTES = `content-encoding: ${DEFAULT_COMPRESSION.encoding}\r\n`.length

/** The bytes in brotli, or undefined when plain ones are fewer on the wire. */
export function packWhenItPays(text: Uint8Array): Uint8Array | undefined {
  const packed = compress(text, DEFAULT_COMPRESSION)
  return packed.length + ENCODING_FIELD_BYTES < text.length ? packed : undefined
}

/** A 2xx answer of exactly this shape, or the fault its status means. */
export function readAnswer<T>(answer: CloudAnswer, schema: z.ZodType<T>): Result<T, UplinkFault> {
  if (answer.status < 200 || answer.status > 299) return fail(faultOf(answer))
  const read = schema.safeParse(parseJsonBytes(answer.body))
  if (read.success) return ok(read.data)
  const issue = read.error.issues[0]
  return malformed(answer, `${issue?.path.join('.') || 'answer'}: ${issue?.message ?? 'wrong'}`)
}

/** Every status has a named treatment; what our cloud would not say is somebody else speaking (a portal, a proxy). */
function faultOf(answer: CloudAnswer): UplinkFault {
  const { status } = answer
  const retryAfterMs = parseRetryAfter(answer.header('retry-after'), answer.header('date'))
  const problem = problemSchema.safeParse(parseJsonBytes(answer.body))
  const why = problem.success ? `${problem.data.code}: ${problem.data.detail}`.slice(0, 300) : `HTTP ${status}`
  if (status >= 300 && status <= 399) return { kind: 'redirect', to: answer.header('location')?.slice(0, 300) ?? '' }
  switch (status) {
    case 400:
    case 413:
    case 422:
      return { kind: 'refused_batch', status, why }
    case 403:
      // Sealed under an earlier enrolment of this box: the records are good, the old name on them is not.
      if (problem.success && problem.data.code === 'wrong_gateway') return { kind: 'conflict', why }
      return { kind: 'refused_gateway', status, why }
    case 401:
    case 404:
      return { kind: 'refused_gateway', status, why }
    case 409:
      // A new stream is a great step, so it takes our own cloud's word for it, not just any 409.
      if (problem.success && problem.data.code === 'batch_conflict') return { kind: 'conflict', why }
      return { kind: 'malformed_answer', status, why: 'a conflict that is not the cloud speaking' }
    case 408:
    case 425:
    case 429:
    case 503:
      return { kind: 'busy', status, retryAfterMs }
    default:
      if (status >= 500) return { kind: 'server_error', status, retryAfterMs }
      return { kind: 'malformed_answer', status, why }
  }
}

const malformed = (answer: CloudAnswer, why: string): Result<never, UplinkFault> =>
  fail({ kind: 'malformed_answer', status: answer.status, why: why.slice(0, 300) })
