import type { Clock } from '@metergate/protocol'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { StoreUnavailable } from '../store/sql.js'
import { HttpProblem } from './problem.js'
import type { ReturnTimes } from './return-times.js'

/** Answers whatever went wrong as problem details. What is nobody's fault but ours is logged, not shown. */
export class ProblemAnswerer {
  constructor(
    private readonly clock: Clock,
    private readonly returnTimes: ReturnTimes,
  ) {}

  readonly answer = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const problem = problemOf(error)
    if (problem.code === 'internal') request.log.error({ err: error }, 'request failed')
    if (problem.code === 'store_unavailable') request.log.warn({ err: error }, 'store unavailable')
    return this.send(problem, reply)
  }

  send(problem: HttpProblem, reply: FastifyReply): FastifyReply {
    const { retryAfterS } = problem.more
    if (problem.status === 503 || retryAfterS !== undefined)
      reply.header('retry-after', retryAfterS ?? this.returnTimes.next(reply.request.url))
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer, Signature')
    // The rest of a refused body is not worth reading.
    if (problem.status === 413) reply.header('connection', 'close')
    return reply.code(problem.status).type('application/problem+json').send(problem.body(this.clock.wall()))
  }
}

function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error
  if (error instanceof StoreUnavailable) {
    return new HttpProblem('store_unavailable', 'Nothing was stored. Try again after the time in Retry-After.')
  }
  return isFastifyError(error) ? fromFastify(error) : internal()
}

const isFastifyError = (error: unknown): error is FastifyError => error instanceof Error && 'code' in error

const internal = (): HttpProblem =>
  new HttpProblem('internal', 'The cause is in the server log. Nothing of this request was stored.')

function fromFastify(error: FastifyError): HttpProblem {
  if (error.validation) {
    const errors = error.validation.map(({ instancePath, message }) => ({
      path: `${error.validationContext ?? 'request'}${instancePath}`.slice(0, 300),
      message: (message ?? 'wrong').slice(0, 500),
    }))
    return new HttpProblem('malformed_request', errors.map(({ path, message }) => `${path}: ${message}`).join('; '), {
      errors,
    })
  }
  if (error.statusCode === 413) return new HttpProblem('body_too_large', error.message)
  if (error.statusCode === 415) return new HttpProblem('unsupported_media_type', error.message)
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new HttpProblem('malformed_request', error.message)
  }
  return internal()
}
