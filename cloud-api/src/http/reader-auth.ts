import type { FastifyRequest } from 'fastify'
import { hashReaderToken } from '../fleet/secret.js'
import type { Parts } from './app.js'
import { HttpProblem } from './problem.js'

const BEARER = /^Bearer ([\x21-\x7e]{8,200})$/

/** Lets only holders of a reader token read: fifteen-minute curves show a plant's orders. */
export function requireReader({ store, patience }: Pick<Parts, 'store' | 'patience'>) {
  return async (request: FastifyRequest): Promise<void> => {
    const field = request.headers.authorization
    if (field === undefined) {
      throw new HttpProblem(
        'token_missing',
        'Send "Authorization: Bearer <token>"; a token is made with: metergate-cloud token create --name <who>',
      )
    }
    const [, token] = BEARER.exec(field) ?? []
    const known = token && (await patience.within(() => store.registry.token(hashReaderToken(token))))
    if (known) return
    throw new HttpProblem(
      'token_invalid',
      'This reader token is not known here; make one with: metergate-cloud token create',
    )
  }
}
