import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, gatewayIdSchema, ok, type Result } from '@metergate/protocol'
import { z } from 'zod'

/** Who this box is to the cloud, as enrolment gave it. Lies beside the key; neither is a secret without the other. */
export const identitySchema = z.strictObject({
  gateway: gatewayIdSchema,
  name: z.string(),
  cloud: z.string(),
})
export type Identity = z.infer<typeof identitySchema>

export const identityFile = (folder: string): string => join(folder, 'identity.json')
export const keyFile = (folder: string): string => join(folder, 'gateway.key')

/** The identity of this data folder; undefined before enrolment, a fault when the file is damaged. */
export function readIdentity(folder: string): Result<Identity | undefined, { readonly why: string }> {
  let text: string
  try {
    text = readFileSync(identityFile(folder), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ok(undefined)
    return fail({ why: `${identityFile(folder)} cannot be read: ${error instanceof Error ? error.message : error}` })
  }
  try {
    const parsed = identitySchema.safeParse(JSON.parse(text))
    if (parsed.success) return ok(parsed.data)
  } catch {
    // Falls through to the same advice as a wrong shape.
  }
  return fail({ why: `${identityFile(folder)} is damaged; move it away and enrol again with a new code` })
}
