import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { healthAnswerSchema, problemSchema } from '@metergate/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { CloudHarness } from './testing/cloud-harness.js'

const page = mkdtempSync(join(tmpdir(), 'metergate-page-'))
mkdirSync(join(page, 'assets'))
writeFileSync(join(page, 'index.html'), '<!doctype html><title>metergate</title>')
writeFileSync(join(page, 'assets', 'app.js'), 'export {}')

let harness: CloudHarness
beforeEach(async () => {
  harness = await CloudHarness.start({ dashboard: page })
})
afterEach(async () => {
  await harness.stop()
})

const documentSchema = z.object({
  openapi: z.string(),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        summary: z.string().min(3),
        security: z.array(z.unknown()).optional(),
        responses: z.record(z.string(), z.unknown()),
      }),
    ),
  ),
})

describe('the documentation', () => {
  it('has every route, with a summary, its answers, and who may call it', async () => {
    const document = documentSchema.parse((await harness.inject({ method: 'GET', url: '/openapi.json' })).json())
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(documented.sort()).toEqual([
      'GET /healthz',
      'GET /metrics',
      'GET /openapi.json',
      'GET /v1/gateways',
      'GET /v1/gateways/{gateway}',
      'GET /v1/gateways/{gateway}/events',
      'GET /v1/gateways/{gateway}/meters/{meter}/energy',
      'GET /v1/gateways/{gateway}/meters/{meter}/energy/check',
      'GET /v1/gateways/{gateway}/meters/{meter}/intervals',
      'GET /v1/gateways/{gateway}/meters/{meter}/series',
      'GET /v1/gateways/{gateway}/production',
      'GET /v1/gateways/{gateway}/reconcile',
      'GET /v1/gateways/{gateway}/unit-energy',
      'GET /v1/meters',
      'POST /v1/batches',
      'POST /v1/enrol',
      'POST /v1/heartbeat',
    ])
    const routes = harness.cloud.app.printRoutes({ commonPrefix: false })
    expect(routes.match(/\((GET|POST)/g)?.length ?? 0).toBeGreaterThanOrEqual(documented.length)
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const route of Object.values(methods)) {
        expect(route.security, path).toBeDefined()
        expect(Object.keys(route.responses), path).toContain('200')
      }
    }
  })
})

describe('operation', () => {
  it('is healthy while the store answers, and says so when it does not', async () => {
    const answer = await harness.inject({ method: 'GET', url: '/healthz' })
    expect(healthAnswerSchema.parse(answer.json())).toMatchObject({ status: 'ok', store: 'sqlite' })
    await harness.cloud.store.close()
    const later = await harness.inject({ method: 'GET', url: '/healthz' })
    expect([later.statusCode, healthAnswerSchema.parse(later.json()).status]).toEqual([503, 'unavailable'])
  })

  it('counts for Prometheus without naming a gateway', async () => {
    await harness.gateway()
    const { body, headers } = await harness.inject({ method: 'GET', url: '/metrics' })
    expect(headers['content-type']).toContain('text/plain')
    expect(body).toContain('metergate_batches_total')
    expect(body).not.toContain('gw-')
  })

  it('answers what does not exist in words', async () => {
    const answer = await harness.inject({ method: 'GET', url: '/v1/nothing' })
    expect([answer.statusCode, problemSchema.parse(answer.json()).code]).toEqual([404, 'not_found'])
  })
})

describe('the page', () => {
  it('is served at / under a policy that runs no foreign script', async () => {
    const answer = await harness.inject({ method: 'GET', url: '/' })
    expect([answer.statusCode, answer.body]).toEqual([200, '<!doctype html><title>metergate</title>'])
    expect(answer.headers['content-security-policy']).toContain("script-src 'self';")
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
    const script = await harness.inject({ method: 'GET', url: '/assets/app.js' })
    expect(script.headers['content-type']).toContain('javascript')
    expect(script.headers['cache-control']).toContain('immutable')
  })

  it.each(['/../package.json', '/%2e%2e/package.json', '/assets/..%2f..%2fpackage.json'])(
    'gives nothing from outside its folder: %s',
    async (url) => {
      expect((await harness.inject({ method: 'GET', url })).statusCode).toBeGreaterThanOrEqual(400)
    },
  )
})

process.once('exit', () => rmSync(page, { recursive: true, force: true }))
