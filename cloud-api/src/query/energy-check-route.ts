import {
  amountSchema,
  epochMsSchema,
  gatewayIdSchema,
  meterIdSchema,
  meterParamsSchema,
  quantityNameSchema,
  rangeQuerySchema,
} from '@metergate/protocol'
import { z } from 'zod'
import type { App, Parts } from '../http/app.js'
import { answers, READER_TOKEN } from '../http/documented.js'
import { BatchReader } from './batch-reader.js'
import { readEnergyCheck } from './energy-check.js'
import { gatewayOf } from './gateway-routes.js'
import { rangeOf } from './ranges.js'

export const energyCheckAnswerSchema = z.object({
  gateway: gatewayIdSchema,
  meter: meterIdSchema,
  quantity: quantityNameSchema,
  from: epochMsSchema,
  to: epochMsSchema,
  intervals: z.number().int(),
  agreeing: z.number().int(),
  not_comparable: z.number().int(),
  differing: z.array(z.object({ start: epochMsSchema, stored: amountSchema, computed: amountSchema })),
})

/** Whether the gateway's intervals are what its own raw readings give. */
export function energyCheckRoute(app: App, { store, clock }: Parts): void {
  const batches = new BatchReader(store.reader)
  app.get(
    '/v1/gateways/:gateway/meters/:meter/energy/check',
    {
      schema: {
        tags: ['reading'],
        summary: 'Intervals worked out again from the raw register readings, and compared',
        description:
          'Boundaries are linear between the nearest raw readings, cut off to the register digit (of formula `interval/1`: rounded half-even). ' +
          '`not_comparable`: readings are missing, or the register turned over or broke off between them.',
        security: READER_TOKEN,
        params: meterParamsSchema,
        querystring: rangeQuerySchema.extend({
          quantity: quantityNameSchema.default('energy_active_import_total'),
        }),
        response: answers(energyCheckAnswerSchema),
      },
    },
    async ({ params, query }) => {
      await gatewayOf(store, params.gateway)
      const question = { ...params, ...rangeOf(query, clock.wall()), quantity: query.quantity }
      const found = await readEnergyCheck(store.reader, batches, question)
      return { ...question, ...found, differing: [...found.differing] }
    },
  )
}
