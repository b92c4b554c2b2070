import { z } from 'zod'
import type { ConfigHint } from '../i18n/config-texts.js'

/**
 * Zod schemas whose message is the name of a hint: the loader turns it into "what to write" in the reader's
 * language. Every leaf of the configuration is made by one of these.
 */

/** A value read from text or a number by `parse`; undefined from it means "not allowed". */
export function read<T>(hint: ConfigHint, parse: (text: string) => T | undefined) {
  return z.union([z.string(), z.number()], { error: hint }).transform((raw, context): T => {
    const value = parse(String(raw))
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: hint, input: raw })
    return z.NEVER
  })
}

/** As {@link read}, from text only: a bare number means somebody forgot the unit or the quotes. */
export function readText<T>(hint: ConfigHint, parse: (text: string) => T | undefined) {
  return z.string({ error: hint }).transform((raw, context): T => {
    const value = parse(raw)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: hint, input: raw })
    return z.NEVER
  })
}

export const text = (hint: ConfigHint, max: number) => z.string({ error: hint }).trim().min(1, hint).max(max, hint)
export const whole = (hint: ConfigHint, least: number, most: number) =>
  z.int({ error: hint }).min(least, hint).max(most, hint)
export const choice = <const T extends readonly [string, ...string[]]>(hint: ConfigHint, values: T) =>
  z.enum(values, { error: hint })
export const section = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.strictObject(shape, { error: 'section' satisfies ConfigHint })
export const list = <T extends z.core.SomeType>(item: T) => z.array(item, { error: 'list' satisfies ConfigHint })
