import { z } from 'zod'
import { epochMsSchema } from '../time.js'

/** Why a request failed, for programs. A reader must take an unknown code as the plain HTTP status. */
export const PROBLEM_CODES = [
  'malformed_request',
  'unsupported_media_type',
  'body_too_large',
  'enrolment_code_unknown',
  'enrolment_code_used',
  'enrolment_code_expired',
  'key_already_enrolled',
  'signature_missing',
  'signature_invalid',
  'digest_mismatch',
  'gateway_unknown',
  'gateway_revoked',
  'wrong_gateway',
  'batch_unreadable',
  'batch_conflict',
  'token_missing',
  'token_invalid',
  'not_found',
  'too_many_requests',
  'busy',
  'store_unavailable',
  'internal',
] as const
export const problemCodeSchema = z.enum(PROBLEM_CODES)
export type ProblemCode = z.infer<typeof problemCodeSchema>

/** Problem details (RFC 9457, `application/problem+json`); every error carries the server's time. */
export const problemSchema = z.object({
  type: z.string().max(200),
  title: z.string().max(200),
  status: z.number().int().min(400).max(599),
  /** What failed, with which value, and what to do. */
  detail: z.string().max(2000),
  code: z.string().max(60),
  server_time: epochMsSchema,
  /** One entry per wrong field of the request. */
  errors: z.array(z.object({ path: z.string().max(300), message: z.string().max(500) })).optional(),
})
export type Problem = z.infer<typeof problemSchema>
