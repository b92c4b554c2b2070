import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import swagger from '@fastify/swagger'
import { type FastifyBaseLogger, type FastifyServerFactory, fastify, LogController } from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { enrolRoute } from './fleet/enrol-route.js'
import { ProblemAnswerer } from './http/answer-problem.js'
import type { App, Parts } from './http/app.js'
import { boundConnections } from './http/connections.js'
import { protect, serveDashboard } from './http/dashboard.js'
import { FrontDoor } from './http/front-door.js'
import { operationRoutes } from './http/operation-routes.js'
import { HttpProblem } from './http/problem.js'
import { requireReader } from './http/reader-auth.js'
import { batchRoute } from './ingest/batch-route.js'
import { heartbeatRoute } from './ingest/heartbeat-route.js'
import { signedScope } from './ingest/signed-scope.js'
import { energyCheckRoute } from './query/energy-check-route.js'
import { fleetRoutes, ledgerRoutes } from './query/gateway-routes.js'
import { meterRoutes } from './query/meter-routes.js'

export interface ServerOptions {
  readonly logger: FastifyBaseLogger
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  readonly dashboard: string | undefined
  /** Addresses of proxies whose `X-Forwarded-For` is believed, with commas between. Undefined: nobody's. */
  readonly trustProxy: string | undefined
}

/** The route table. */
export async function createServer(parts: Parts, options: ServerOptions): Promise<App> {
  const app: App = fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: parts.limits.jsonBytes,
    trustProxy: options.trustProxy ?? false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 100 },
    serverFactory: serverFactory(options.tls, parts),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  const problems = new ProblemAnswerer(parts.clock, parts.returnTimes)
  app.setErrorHandler(problems.answer)
  app.setNotFoundHandler((request, reply) => {
    const what = `${request.method} ${request.url}`.slice(0, 200)
    return problems.send(new HttpProblem('not_found', `There is no ${what}; see /openapi.json`), reply)
  })
  protect(app)
  await document(app, parts.version)

  await app.register(async (open: App) => {
    operationRoutes(open, parts)
    enrolRoute(open, parts)
  })
  await app.register(async (gateways: App) => {
    signedScope(gateways, parts)
    batchRoute(gateways, parts)
    heartbeatRoute(gateways, parts)
  })
  await app.register(async (readers: App) => {
    readers.addHook('onRequest', requireReader(parts))
    fleetRoutes(readers, parts)
    ledgerRoutes(readers, parts)
    meterRoutes(readers, parts)
    energyCheckRoute(readers, parts)
  })
  if (options.dashboard !== undefined) await serveDashboard(app, options.dashboard)
  return app
}

/** Slow senders are cut off; a whole request takes at most half a minute. */
function serverFactory(tls: ServerOptions['tls'], parts: Parts): FastifyServerFactory {
  const { places, metrics, doorway } = parts
  const door = new FrontDoor({ ...parts, places: [places.receiving, places.working] })
  const limits = { requestTimeout: 30_000, headersTimeout: 15_000, maxHeaderSize: 16_384 }
  return (handle) => {
    const handler: RequestListener = (request, response) => {
      if (door.letsIn(request, response)) handle(request, response)
    }
    const server = tls ? createHttpsServer({ ...limits, ...tls }, handler) : createHttpServer(limits, handler)
    boundConnections(server, metrics, doorway)
    return server
  }
}

async function document(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'metergate cloud', version, description: 'Ingest and reading of electricity meters' },
      components: {
        securitySchemes: {
          readerToken: { type: 'http', scheme: 'bearer' },
          gatewaySignature: {
            type: 'apiKey',
            in: 'header',
            name: 'Signature',
            description: 'HTTP Message Signature (RFC 9421), Ed25519, over @method, @path and content-digest',
          },
        },
      },
    },
    transform: jsonSchemaTransform,
  })
}
