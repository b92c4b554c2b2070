import { invariant } from '@metergate/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App, Parts } from '../http/app.js'
import { requireJson } from '../http/json-only.js'
import { HttpProblem } from '../http/problem.js'
import type { GatewayEntry } from '../store/series-store.js'
import { authenticate } from './gateway-auth.js'

/**
 * Makes a scope whose bodies stay the bytes that came, since the digest is over them: nothing is decompressed or
 * parsed before the signature holds. Each body being received takes a place.
 */
export function signedScope(app: App, { metrics, places }: Parts): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const leave = places.receiving.enter()
    if (!leave) {
      metrics.turnedAway.inc()
      throw new HttpProblem('busy', 'Too many gateways are sending at once. Nothing was read; try again later.')
    }
    leaveWhenDone(reply, leave)
    await requireJson(request)
  })
}

/** Finished, or the connection broke before. */
export function leaveWhenDone(reply: FastifyReply, leave: () => void): void {
  reply.raw.once('finish', leave)
  reply.raw.once('close', leave)
}

export interface SignedRequestBody {
  readonly gateway: GatewayEntry
  /** As received, compressed or not. */
  readonly body: Uint8Array
}

/** The gateway that signed this request, and the signed bytes. */
export async function signedBy(request: FastifyRequest, { store, keys }: Parts): Promise<SignedRequestBody> {
  const body = request.body ?? Buffer.alloc(0)
  invariant(Buffer.isBuffer(body), 'a signed body must not be parsed')
  const [path = '/'] = request.url.split('?')
  const signed = { method: request.method, path, body, headers: request.headers }
  const gateway = await authenticate(store.registry, keys, signed)
  if (!gateway.ok) throw new HttpProblem(gateway.fault.kind, gateway.fault.why)
  return { gateway: gateway.value, body }
}

/** For routes whose schema only documents a body that stays bytes. */
export const documentedOnly = () => (data: unknown) => ({ value: data })
