import { type BatchAnswer, batchAnswerSchema, type DecodedBatch, unreachable, WIRE_LIMITS } from '@metergate/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App, Parts } from '../http/app.js'
import { answers, GATEWAY_SIGNED } from '../http/documented.js'
import { contentEncoding } from '../http/json-only.js'
import { HttpProblem } from '../http/problem.js'
import type { BatchToCommit, CommitOutcome } from '../store/series-store.js'
import { acceptBatch, type ReceivedBatch, readBatch } from './accept-batch.js'
import { revoked } from './gateway-auth.js'
import { inflate } from './inflate.js'
import { commitOrKeepBytes } from './keep-bytes.js'
import { documentedOnly, signedBy } from './signed-scope.js'

/** A gateway reads at most 256 KiB of answer; the rest of a long list is in `reconcile`. */
const MOST_REJECTED = 400

/** POST /v1/batches: acknowledged only after the commit. */
export function batchRoute(app: App, parts: Parts): void {
  const schema = {
    tags: ['gateway'],
    summary: 'Deliver one sealed batch',
    description:
      'The body is a sealed batch (JSON, format metergate-batch/3; /1 and /2 are read, too), Content-Encoding br or gzip.',
    security: GATEWAY_SIGNED,
    body: z.unknown().describe('A sealed batch, compressed'),
    response: answers(batchAnswerSchema),
  }
  const desk = new BatchDesk(parts)
  const options = { schema, bodyLimit: parts.limits.batchBytes, validatorCompiler: documentedOnly }
  app.post('/v1/batches', options, (request, reply) => desk.take(request, reply))
}

/** Where batches are worked on: signature, size, decision, commit, answer. */
class BatchDesk {
  constructor(private readonly parts: Parts) {}

  async take(request: FastifyRequest, _reply: FastifyReply): Promise<BatchAnswer> {
    const { metrics, patience } = this.parts
    try {
      return await patience.within(() => this.inItsPlace(request))
    } catch (error) {
      metrics.batches.inc({ outcome: error instanceof HttpProblem ? error.code : 'failed' })
      throw error
    }
  }

  private async inItsPlace(request: FastifyRequest): Promise<BatchAnswer> {
    const { metrics, places } = this.parts
    const leave = places.working.enter()
    if (!leave) {
      metrics.turnedAway.inc()
      throw new HttpProblem('busy', 'Too many batches are being stored at once. This one was not; try again later.')
    }
    const stop = metrics.commitSeconds.startTimer()
    metrics.working.inc()
    try {
      return await this.workOn(request)
    } finally {
      stop()
      metrics.working.dec()
      // Only now, not when the answer was given: what still waits for the store keeps its place, so that not more and
      // more wait behind it.
      leave()
    }
  }

  private async workOn(request: FastifyRequest): Promise<BatchAnswer> {
    const { gateway, body } = await signedBy(request, this.parts)
    const encoding = contentEncoding(request)
    if (!encoding) throw new HttpProblem('unsupported_media_type', 'A batch comes with Content-Encoding br or gzip')
    const inflated = await inflate(body, encoding, WIRE_LIMITS.decodedBytes)
    if (!inflated.ok) {
      const code = inflated.fault.kind === 'too_large' ? 'body_too_large' : 'batch_unreadable'
      throw new HttpProblem(code, inflated.fault.why)
    }
    const { ingest } = this.parts.store
    const receivedAt = this.parts.clock.wall()
    const received = { gateway: gateway.id, encoding, body, decoded: inflated.value, receivedAt }
    const read = this.read(received)
    const batch = acceptBatch(received, read)
    const report = (err: unknown) => request.log.error({ err, sha256: batch.sha256 }, 'batch kept but not filed')
    return this.answer(batch, await commitOrKeepBytes(ingest, batch, report))
  }

  private read(received: ReceivedBatch): DecodedBatch {
    const read = readBatch(received)
    if (read.ok) return read.value
    const { kind, why } = read.fault
    switch (kind) {
      case 'too_large':
        throw new HttpProblem('body_too_large', why)
      case 'unreadable':
        throw new HttpProblem('batch_unreadable', why)
      case 'wrong_gateway':
        throw new HttpProblem('wrong_gateway', why)
      default:
        return unreachable(kind)
    }
  }

  private answer({ header, sha256, body }: BatchToCommit, outcome: CommitOutcome): BatchAnswer {
    const { metrics, clock } = this.parts
    const { stream, number, gateway } = header
    if (outcome.kind === 'not_enrolled') throw new HttpProblem('gateway_revoked', revoked(gateway).why)
    if (outcome.kind === 'conflict') {
      throw new HttpProblem(
        'batch_conflict',
        `Batch ${number} of stream ${stream} is stored with SHA-256 ${outcome.held}; this one has ${sha256}. Both are kept. Go on in a new stream.`,
      )
    }
    metrics.batches.inc({ outcome: outcome.kind })
    if (outcome.kind === 'committed') {
      metrics.records.inc(header.void ? 0 : header.last - header.first + 1)
      metrics.rejected.inc(outcome.rejections)
      metrics.bytes.inc(body.length)
    }
    return {
      committed: [{ stream, number, sha256 }],
      contiguous: [{ stream, number: outcome.contiguous }],
      rejected: outcome.rejected.slice(0, MOST_REJECTED),
      server_time: clock.wall(),
    }
  }
}
