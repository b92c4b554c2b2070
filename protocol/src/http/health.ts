import { z } from 'zod'
import { epochMsSchema } from '../time.js'
import { shortText } from './common.js'

/** GET /healthz: 200 when the store answers, 503 when not. */
export const healthAnswerSchema = z.object({
  status: z.enum(['ok', 'unavailable']),
  store: z.enum(['sqlite', 'postgres']),
  version: shortText,
  server_time: epochMsSchema,
})
export type HealthAnswer = z.infer<typeof healthAnswerSchema>
