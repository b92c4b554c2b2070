import { z } from 'zod'
import { gatewayIdSchema } from '../ids.js'
import { epochMsSchema } from '../time.js'
import { label, shortText } from './common.js'

// POST /v1/enrol

export const enrolRequestSchema = z.object({
  /** The one-time code of the invitation. */
  code: z.string().min(8).max(80),
  /** Raw 32-byte Ed25519 public key, base64. */
  public_key: z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'base64 of a raw 32-byte Ed25519 public key (44 characters)'),
  /** Wins over the invitation's name. */
  name: label.optional(),
  software: shortText,
})
export type EnrolRequest = z.infer<typeof enrolRequestSchema>

export const enrolAnswerSchema = z.object({ gateway_id: gatewayIdSchema, name: label, server_time: epochMsSchema })
export type EnrolAnswer = z.infer<typeof enrolAnswerSchema>
