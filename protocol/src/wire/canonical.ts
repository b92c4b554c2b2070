import { createHash } from 'node:crypto'
import { type Sha256Hex, sha256HexSchema } from '../ids.js'

/** Anything JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * Brings a plain value into {@link Json}, its members sorted by name: equal values look alike whoever made them.
 * `undefined` members are left out; anything else JSON cannot say throws.
 */
export function toJson(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value === 0 ? 0 : value
  if (Array.isArray(value)) return value.map(toJson)
  if (isObject(value)) {
    const members: Record<string, Json> = Object.create(null)
    for (const key of Object.keys(value).sort()) {
      if (value[key] !== undefined) members[key] = toJson(value[key])
    }
    return members
  }
  throw new TypeError(`not JSON: ${String(value)}`)
}

/** An object that is no array; its members are still to be looked at. */
export function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** JSON text without white space and with sorted members: equal values have equal text, so it can be hashed. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(toJson(value))
}

/** SHA-256 of bytes (or of a text's UTF-8) in lower-case hex. */
export function sha256Hex(bytes: Uint8Array | string): Sha256Hex {
  return sha256HexSchema.parse(createHash('sha256').update(bytes).digest('hex'))
}
