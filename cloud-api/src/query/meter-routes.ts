import {
  energyAnswerSchema,
  energyQuerySchema,
  intervalsAnswerSchema,
  intervalsQuerySchema,
  meterParamsSchema,
  seriesAnswerSchema,
  seriesQuerySchema,
} from '@metergate/protocol'
import { z } from 'zod'
import type { App, Parts } from '../http/app.js'
import { answers, READER_TOKEN } from '../http/documented.js'
import { BatchReader } from './batch-reader.js'
import { readEnergySteps, zoneOf } from './energy.js'
import { gatewayOf } from './gateway-routes.js'
import { intervalCsv } from './interval-csv.js'
import { rangeOf } from './ranges.js'
import { readSeries } from './series.js'

/** Curves and intervals of one meter. */
export function meterRoutes(app: App, { store, clock }: Parts): void {
  const batches = new BatchReader(store.reader)

  app.get(
    '/v1/gateways/:gateway/meters/:meter/series',
    {
      schema: {
        tags: ['reading'],
        summary: 'A curve in buckets; gaps are null',
        security: READER_TOKEN,
        params: meterParamsSchema,
        querystring: seriesQuerySchema,
        response: answers(seriesAnswerSchema),
      },
    },
    async ({ params, query }) => {
      await gatewayOf(store, params.gateway)
      const { quantity, points } = query
      return readSeries(store.reader, batches, { ...params, ...rangeOf(query, clock.wall()), quantity, points })
    },
  )

  app.get(
    '/v1/gateways/:gateway/meters/:meter/intervals',
    {
      schema: {
        tags: ['reading'],
        summary: 'Energy per interval with register values, newest revision; JSON or CSV',
        security: READER_TOKEN,
        params: meterParamsSchema,
        querystring: intervalsQuerySchema,
        response: { ...answers(intervalsAnswerSchema), 200: INTERVALS_BODY },
      },
    },
    async ({ params: { gateway, meter }, query }, reply) => {
      await gatewayOf(store, gateway)
      const range = rangeOf(query, clock.wall())
      const intervals = [...(await store.reader.intervals(gateway, meter, range))]
      if (query.format === 'json') return reply.send({ gateway, meter, ...range, intervals })
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="${gateway}-${meter}-intervals.csv"`)
        .send(intervalCsv(intervals))
    },
  )

  app.get(
    '/v1/gateways/:gateway/meters/:meter/energy',
    {
      schema: {
        tags: ['reading'],
        summary: 'Energy per civil hour or day: exact sums of the newest intervals',
        description:
          'Whole hours or days of the zone that touch the range. An interval counts in the step it starts in. ' +
          '`estimated` is the part of `energy` that was not measured; `coverage` is the share of the whole step, per ' +
          'mille, that was metered, so the running day has less than 1000. Of an interval in which a register broke ' +
          'off, the metered parts count in both.',
        security: READER_TOKEN,
        params: meterParamsSchema,
        querystring: energyQuerySchema,
        response: answers(energyAnswerSchema),
      },
    },
    async ({ params, query }) => {
      await gatewayOf(store, params.gateway)
      const zone = await zoneOf(store.reader, params.gateway, query.zone)
      const { step, quantity } = query
      return readEnergySteps(store.reader, { ...params, ...rangeOf(query, clock.wall()), step, quantity, zone })
    },
  )
}

const INTERVALS_BODY = {
  description: 'The intervals',
  content: {
    'application/json': { schema: intervalsAnswerSchema },
    'text/csv': { schema: z.string() },
  },
}
