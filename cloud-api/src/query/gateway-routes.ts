import {
  eventsAnswerSchema,
  eventsQuerySchema,
  type GatewayId,
  gatewayAnswerSchema,
  gatewayParamsSchema,
  gatewaysAnswerSchema,
  type MeterSummary,
  metersAnswerSchema,
  metersQuerySchema,
  productionAnswerSchema,
  rangeQuerySchema,
  reconcileAnswerSchema,
  unitEnergyAnswerSchema,
  unitEnergyQuerySchema,
} from '@metergate/protocol'
import { fleetOf, summarise } from '../fleet/gateway-view.js'
import { metersOf } from '../fleet/meter-view.js'
import type { App, Parts } from '../http/app.js'
import { answers, READER_TOKEN } from '../http/documented.js'
import { HttpProblem } from '../http/problem.js'
import type { GatewayEntry, SeriesStore } from '../store/series-store.js'
import { rangeOf } from './ranges.js'
import { reconcile } from './reconcile.js'

/** The gateway of a path, or 404. */
export async function gatewayOf({ registry }: SeriesStore, id: GatewayId): Promise<GatewayEntry> {
  const entry = await registry.gateway(id)
  if (!entry) throw new HttpProblem('not_found', `No gateway ${id} is enrolled here`)
  return entry
}

const about = (summary: string) => ({ tags: ['reading'], summary, security: READER_TOKEN })

/** Which gateways and meters there are, and how they are. */
export function fleetRoutes(app: App, { store, clock }: Parts): void {
  const summaryOf = async (entry: GatewayEntry) => {
    const [beat, lastBatchAt] = await Promise.all([
      store.reader.heartbeat(entry.id),
      store.reader.lastBatchAt(entry.id),
    ])
    return { summary: summarise(entry, beat, lastBatchAt, clock.wall()), beat }
  }

  app.get(
    '/v1/gateways',
    { schema: { ...about('All gateways'), response: answers(gatewaysAnswerSchema) } },
    async () => {
      const all = await Promise.all((await store.registry.gateways()).map(summaryOf))
      const gateways = all.map(({ summary }) => summary)
      return { gateways, fleet: fleetOf(gateways), server_time: clock.wall() }
    },
  )

  app.get(
    '/v1/gateways/:gateway',
    { schema: { ...about('One gateway'), params: gatewayParamsSchema, response: answers(gatewayAnswerSchema) } },
    async ({ params }) => {
      const { summary, beat } = await summaryOf(await gatewayOf(store, params.gateway))
      return { gateway: summary, heartbeat: beat?.body ?? null, server_time: clock.wall() }
    },
  )

  app.get(
    '/v1/meters',
    {
      schema: {
        ...about('Meters and last values'),
        querystring: metersQuerySchema,
        response: answers(metersAnswerSchema),
      },
    },
    async ({ query }) => {
      const entries = query.gateway ? [await gatewayOf(store, query.gateway)] : await store.registry.gateways()
      const meters: MeterSummary[] = []
      for (const entry of entries) {
        const [beat, stored] = await Promise.all([
          store.reader.heartbeat(entry.id),
          store.reader.newestValues(entry.id),
        ])
        meters.push(...metersOf(entry, beat, stored, clock.wall()))
      }
      return { meters, server_time: clock.wall() }
    },
  )
}

/** What one gateway delivered beside its meters' curves. */
export function ledgerRoutes(app: App, { store, clock }: Parts): void {
  const params = gatewayParamsSchema

  app.get(
    '/v1/gateways/:gateway/unit-energy',
    {
      schema: {
        ...about('Energy per product, newest revision'),
        params,
        querystring: unitEnergyQuerySchema,
        response: answers(unitEnergyAnswerSchema),
      },
    },
    async ({ params: { gateway }, query }) => {
      await gatewayOf(store, gateway)
      const rows = await store.reader.unitEnergy(gateway, rangeOf(query, clock.wall()), query.period)
      return { gateway, unit_energy: [...rows] }
    },
  )

  app.get(
    '/v1/gateways/:gateway/production',
    {
      schema: {
        ...about('Product counts, newest revision'),
        params,
        querystring: rangeQuerySchema,
        response: answers(productionAnswerSchema),
      },
    },
    async ({ params: { gateway }, query }) => {
      await gatewayOf(store, gateway)
      return { gateway, production: [...(await store.reader.production(gateway, rangeOf(query, clock.wall())))] }
    },
  )

  app.get(
    '/v1/gateways/:gateway/events',
    {
      schema: {
        ...about('Events, newest first'),
        params,
        querystring: eventsQuerySchema,
        response: answers(eventsAnswerSchema),
      },
    },
    async ({ params: { gateway }, query }) => {
      await gatewayOf(store, gateway)
      return { gateway, events: [...(await store.reader.events(gateway, rangeOf(query, clock.wall()), query.limit))] }
    },
  )

  app.get(
    '/v1/gateways/:gateway/reconcile',
    { schema: { ...about('What is here, counted and summed'), params, response: answers(reconcileAnswerSchema) } },
    async ({ params: { gateway } }) => {
      await gatewayOf(store, gateway)
      return { ...(await reconcile(store.reader, gateway)), server_time: clock.wall() }
    },
  )
}
