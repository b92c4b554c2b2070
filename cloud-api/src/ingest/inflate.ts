import { promisify } from 'node:util'
import { brotliDecompress, gunzip } from 'node:zlib'
import { fail, ok, type Result } from '@metergate/protocol'
import type { BatchEncoding } from '../store/series-store.js'

export type InflateFault =
  | { readonly kind: 'too_large'; readonly why: string }
  | { readonly kind: 'not_compressed'; readonly why: string }

/** Decompresses a body of at most `limit` bytes. */
export type Inflate = (
  body: Uint8Array,
  encoding: BatchEncoding,
  limit: number,
) => Promise<Result<Uint8Array, InflateFault>>

const inflaters = { br: promisify(brotliDecompress), gzip: promisify(gunzip) }

/**
 * Decompresses as a stream that stops at `limit` bytes: a bomb costs no more memory than an honest body. Runs off
 * the event loop. `what`: as a fault names the body.
 */
export async function inflate(
  body: Uint8Array,
  encoding: BatchEncoding,
  limit: number,
  what: 'batch' | 'heartbeat' = 'batch',
): Promise<Result<Uint8Array, InflateFault>> {
  try {
    return ok(await inflaters[encoding](body, { maxOutputLength: limit }))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      return fail({ kind: 'too_large', why: `the ${what} is larger than ${limit} bytes once decompressed` })
    }
    const why = error instanceof Error ? error.message : String(error)
    return fail({ kind: 'not_compressed', why: `the body is no ${encoding} data: ${why}` })
  }
}
