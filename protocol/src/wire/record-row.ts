import { fail, ok, type Result } from '../result.js'
import { canonicalJson, sha256Hex } from './canonical.js'
import { type StreamRecord, streamRecordSchema } from './records.js'

/** One record as the store keeps it until it is sealed: canonical JSON, so that equal records are equal text. */
export function encodeRecord(record: StreamRecord): string {
  return canonicalJson(record)
}

/** The record of a stored row, or why the text is none. */
export function decodeRecord(
  text: string,
): Result<StreamRecord, { readonly kind: 'not_a_record'; readonly why: string }> {
  try {
    const record = streamRecordSchema.safeParse(JSON.parse(text))
    if (record.success) return ok(record.data)
    const issue = record.error.issues[0]
    return fail({ kind: 'not_a_record', why: `${issue?.path.join('.')}: ${issue?.message}` })
  } catch (error) {
    return fail({ kind: 'not_a_record', why: error instanceof Error ? error.message : 'not JSON' })
  }
}

/**
 * Checksum of an unsealed row, verified when it is sealed: the first 16 hex digits of SHA-256 over the row's text.
 * Against decay of the medium, not against people: those are met by the chain and the signature.
 */
export function recordChecksum(record: StreamRecord | string): string {
  return sha256Hex(typeof record === 'string' ? record : encodeRecord(record)).slice(0, 16)
}
