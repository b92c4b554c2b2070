import { problemSchema } from '@metergate/protocol'
import type { z } from 'zod'

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemSchema } },
})

/** The answers of a route for the documentation: its own 200, and problem details for the rest. */
export function answers<T extends z.ZodType>(body: T) {
  return {
    200: body,
    '4xx': problem('Refused; `code` says why and `detail` what to do'),
    '5xx': problem('Nothing was stored; Retry-After says when to come again'),
  }
}

export const GATEWAY_SIGNED: { [name: string]: string[] }[] = [{ gatewaySignature: [] }]
export const READER_TOKEN: { [name: string]: string[] }[] = [{ readerToken: [] }]
