import type { FastifyRequest } from 'fastify'
import { isPlainJson } from './media-type.js'
import { HttpProblem } from './problem.js'

const ENCODINGS = ['br', 'gzip'] as const
export type ContentEncoding = (typeof ENCODINGS)[number] | undefined

/** Refuses any body that is not JSON by the letter of its header, before a byte of it is read. */
export async function requireJson(request: FastifyRequest): Promise<void> {
  if (isPlainJson(request.raw.rawHeaders, request.headers['content-type'])) return
  throw new HttpProblem(
    'unsupported_media_type',
    `Content-Type must be application/json, not ${JSON.stringify(request.headers['content-type'] ?? null)}`,
  )
}

/** The one Content-Encoding of a body; several or unknown ones are refused. */
export function contentEncoding(request: FastifyRequest): ContentEncoding {
  const field = request.headers['content-encoding']
  if (field === undefined) return undefined
  const known = ENCODINGS.find((encoding) => encoding === field)
  if (known) return known
  throw new HttpProblem('unsupported_media_type', `Content-Encoding must be br or gzip, not ${JSON.stringify(field)}`)
}
