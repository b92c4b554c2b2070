import { healthAnswerSchema } from '@metergate/protocol'
import { z } from 'zod'
import type { App, Parts } from './app.js'

/** For those who run the server: health, figures, the documentation. */
export function operationRoutes(app: App, parts: Parts): void {
  const { store, clock, metrics, version, patience } = parts
  const response = { 200: healthAnswerSchema, 503: healthAnswerSchema }
  app.get(
    '/healthz',
    { schema: { tags: ['operation'], summary: 'Does the store answer?', security: [], response } },
    async (request, reply) => {
      const health = { store: store.kind, version, server_time: clock.wall() }
      try {
        await patience.within(() => store.ping())
        return await reply.send({ status: 'ok' as const, ...health })
      } catch (error) {
        request.log.warn({ err: error }, 'store does not answer')
        return reply.code(503).send({ status: 'unavailable' as const, ...health })
      }
    },
  )

  const text = { 200: { description: 'Prometheus text', content: { 'text/plain': { schema: z.string() } } } }
  app.get(
    '/metrics',
    { schema: { tags: ['operation'], summary: 'Figures for Prometheus', security: [], response: text } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  )

  const document = { 200: z.unknown().describe('OpenAPI 3.1') }
  app.get(
    '/openapi.json',
    { schema: { tags: ['operation'], summary: 'This documentation', security: [], response: document } },
    async (_request, reply) => reply.type('application/json').serializer(JSON.stringify).send(app.swagger()),
  )
}
