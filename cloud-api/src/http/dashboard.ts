import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyRequest } from 'fastify'
import type { App } from './app.js'

/**
 * Only own scripts and styles run. `style-src-attr`: the charts' tooltips are HTML with inline styles.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Serves the built page at `/`, when there is one. The page asks for a reader token itself. */
export async function serveDashboard(app: App, directory: string): Promise<boolean> {
  if (!existsSync(join(directory, 'index.html'))) return false
  await app.register(fastifyStatic, { root: directory, cacheControl: false, schemaHide: true })
  return true
}

/** Headers for everything: nothing of this server belongs into a frame or is to be guessed at. */
export function protect(app: App): void {
  app.addHook('onRequest', async (request: FastifyRequest, reply) => {
    reply.header('content-security-policy', POLICY)
    reply.header('x-content-type-options', 'nosniff')
    reply.header('referrer-policy', 'no-referrer')
    reply.header('cache-control', /^\/assets\//.test(request.url) ? 'public, max-age=31536000, immutable' : 'no-store')
  })
}
