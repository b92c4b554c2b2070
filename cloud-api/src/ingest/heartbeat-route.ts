import { heartbeatAnswerSchema, heartbeatRequestSchema, parseJsonBytes } from '@metergate/protocol'
import type { FastifyRequest } from 'fastify'
import type { App, Parts } from '../http/app.js'
import { answers, GATEWAY_SIGNED } from '../http/documented.js'
import { contentEncoding } from '../http/json-only.js'
import { HttpProblem } from '../http/problem.js'
import { inflate } from './inflate.js'
import { documentedOnly, signedBy } from './signed-scope.js'

/** POST /v1/heartbeat: what the box says of itself, plain or compressed, filed under the server's time. */
export function heartbeatRoute(app: App, parts: Parts): void {
  const { metrics, limits, patience } = parts
  const schema = {
    tags: ['gateway'],
    summary: 'Report last values, backlog, clock and health',
    description: 'JSON, plain or with Content-Encoding br or gzip; at most 256 KiB either way.',
    security: GATEWAY_SIGNED,
    body: heartbeatRequestSchema,
    response: answers(heartbeatAnswerSchema),
  }
  const options = { schema, bodyLimit: limits.jsonBytes, validatorCompiler: documentedOnly }
  app.post('/v1/heartbeat', options, async (request) => {
    await patience.within(() => file(request, parts))
    metrics.heartbeats.inc()
    return { server_time: parts.clock.wall() }
  })
}

async function file(request: FastifyRequest, parts: Parts): Promise<void> {
  const { gateway, body } = await signedBy(request, parts)
  const read = heartbeatRequestSchema.safeParse(jsonOf(await plain(request, body, parts.limits.jsonBytes)))
  if (!read.success) {
    const errors = read.error.issues
      .slice(0, 20)
      .map(({ path, message }) => ({ path: path.join('.').slice(0, 300), message: message.slice(0, 500) }))
    const detail = errors.map(({ path, message }) => `${path || 'body'}: ${message}`).join('; ')
    throw new HttpProblem('malformed_request', detail, { errors })
  }
  await parts.store.ingest.heartbeat(gateway.id, read.data, parts.clock.wall())
}

/** The body as JSON text; nothing is decompressed before the signature over the compressed bytes held. */
async function plain(request: FastifyRequest, body: Uint8Array, limit: number): Promise<Uint8Array> {
  const encoding = contentEncoding(request)
  if (!encoding) return body
  const inflated = await inflate(body, encoding, limit, 'heartbeat')
  if (inflated.ok) return inflated.value
  const code = inflated.fault.kind === 'too_large' ? 'body_too_large' : 'malformed_request'
  throw new HttpProblem(code, inflated.fault.why)
}

function jsonOf(body: Uint8Array): unknown {
  const json = parseJsonBytes(body)
  if (json === undefined) throw new HttpProblem('malformed_request', 'The body is not JSON')
  return json
}
