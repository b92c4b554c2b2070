import { parseJson } from '@metergate/protocol'
import { z } from 'zod'
import { ANSWER_FAULTS, lineFaultsSchema, unitFaultsSchema } from '../fault/faults.js'

/** What a running line takes on its standard input, one JSON object a line. */
export const lineCommandSchema = z.discriminatedUnion('cmd', [
  /** Replaces a unit's faults; an empty set heals it. */
  z.strictObject({ cmd: z.literal('faults'), unit: z.string(), set: unitFaultsSchema }),
  z.strictObject({ cmd: z.literal('line-faults'), set: lineFaultsSchema }),
  z.strictObject({
    cmd: z.literal('once'),
    unit: z.string(),
    fault: z.enum(ANSWER_FAULTS),
    count: z.number().int().min(1).max(100_000).default(1),
  }),
  z.strictObject({ cmd: z.literal('heal') }),
  z.strictObject({ cmd: z.literal('unplug') }),
  z.strictObject({ cmd: z.literal('replug') }),
  z.strictObject({ cmd: z.literal('truth'), meter: z.string().optional(), at: z.number().int().optional() }),
  z.strictObject({ cmd: z.literal('stats') }),
])
export type LineCommand = z.infer<typeof lineCommandSchema>

/** Reads one line of input; a wrong one gives what is wrong with it. */
export function parseCommand(line: string): LineCommand | { readonly error: string } {
  const json = parseJson(line)
  if (json === undefined) return { error: `not JSON: ${line.slice(0, 80)}; write e.g. {"cmd":"unplug"}` }
  const parsed = lineCommandSchema.safeParse(json)
  if (parsed.success) return parsed.data
  return {
    error: parsed.error.issues.map((issue) => `${issue.path.join('.') || 'command'}: ${issue.message}`).join('; '),
  }
}
