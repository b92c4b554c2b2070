import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from 'node:zlib'
import { fail, ok, type Result, WIRE_LIMITS } from '@metergate/protocol'

/** How sealed batches are compressed. */
export type Compression =
  | { readonly encoding: 'br'; readonly quality: number | 'by_size' }
  | { readonly encoding: 'gzip'; readonly level: number }

/** Fast: for tests and simulations, which seal all the time. */
export const DEFAULT_COMPRESSION: Compression = { encoding: 'br', quality: 5 }
/**
 * For whoever pays by the megabyte: a sixth smaller than quality 5. A batch is compressed once and holds up the line while
 * it is, so the best quality is for small ones; a quarter hour of eight meters takes some 80 ms.
 */
export const FRUGAL_COMPRESSION: Compression = { encoding: 'br', quality: 'by_size' }
const QUALITY_BY_SIZE = [
  { below: 32 * 1024, quality: 11 },
  { below: 128 * 1024, quality: 10 },
] as const

export function compress(bytes: Uint8Array, how: Compression): Uint8Array {
  if (how.encoding === 'gzip') return gzipSync(bytes, { level: how.level })
  return brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: qualityOf(how.quality, bytes.length),
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  })
}

/** Undoes {@link compress}; a fault for damaged bytes or more than any batch may hold. */
export function decompress(body: Uint8Array, encoding: Compression['encoding']): Result<Uint8Array, string> {
  const limit = { maxOutputLength: WIRE_LIMITS.decodedBytes }
  try {
    return ok(encoding === 'gzip' ? gunzipSync(body, limit) : brotliDecompressSync(body, limit))
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

const qualityOf = (quality: number | 'by_size', size: number): number =>
  quality === 'by_size' ? (QUALITY_BY_SIZE.find(({ below }) => size < below)?.quality ?? 5) : quality
