import { z } from 'zod'
import { gatewayIdSchema, meterIdSchema } from '../ids.js'
import { quantityNameSchema } from '../quantity/quantity.js'
import { epochMs } from '../time.js'
import { unitEnergyRecordSchema } from '../wire/records.js'

/** An instant in a query: milliseconds since the epoch, or ISO 8601 with an offset (`2026-11-23T08:00:00+08:00`). */
export const instantParamSchema = z
  .string()
  .max(40)
  .transform((text, context) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : isoInstant(text)
    if (value !== undefined && Math.abs(value) <= 8.64e15) return epochMs(value)
    context.addIssue({ code: 'custom', message: `"${text}" is neither milliseconds nor 2026-11-23T08:00:00+08:00` })
    return z.NEVER
  })

/** Text without an offset is refused: whose midnight would it be? */
function isoInstant(text: string): number | undefined {
  const shape = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/
  const value = shape.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(value) ? undefined : value
}

export const gatewayParamsSchema = z.object({ gateway: gatewayIdSchema })
export const meterParamsSchema = z.object({ gateway: gatewayIdSchema, meter: meterIdSchema })
/** `to` defaults to now, `from` to 24 hours before `to`. */
export const rangeQuerySchema = z.object({ from: instantParamSchema.optional(), to: instantParamSchema.optional() })
export const metersQuerySchema = z.object({ gateway: gatewayIdSchema.optional() })
export const seriesQuerySchema = rangeQuerySchema.extend({
  quantity: quantityNameSchema,
  /** Most buckets wanted. */
  points: z.coerce.number().int().min(1).max(5000).default(300),
})
export const intervalsQuerySchema = rangeQuerySchema.extend({ format: z.enum(['json', 'csv']).default('json') })
export const energyQuerySchema = rangeQuerySchema.extend({
  step: z.enum(['hour', 'day']).default('hour'),
  /** IANA zone; by default the plant's from its heartbeat, else Asia/Shanghai. */
  zone: z.string().max(64).optional(),
  quantity: quantityNameSchema.default('energy_active_import_total'),
})
export const unitEnergyQuerySchema = rangeQuerySchema.extend({
  period: unitEnergyRecordSchema.shape.period.optional(),
})
export const eventsQuerySchema = rangeQuerySchema.extend({
  limit: z.coerce.number().int().min(1).max(1000).default(200),
})
