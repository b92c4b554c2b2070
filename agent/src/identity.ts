import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, gatewayIdSchema, ok, parseJson, type Result } from '@metergate/protocol'
import { z } from 'zod'
import type { Environment } from './config/environment.js'
import type { ConfigIssue } from './config/issue.js'
import type { LoadedConfig } from './config/load.js'
import { CONFIG_PROBLEMS, CONFIG_REMEDIES } from './i18n/config-texts.js'
import { type CloudUrl, parseCloudUrl } from './sync/cloud-url.js'

/** Who this box is to the cloud, as enrolment gave it. Lies beside the key; neither is a secret without the other. */
export const identitySchema = z.strictObject({
  gateway: gatewayIdSchema,
  name: z.string(),
  cloud: z.string().transform((text, context): CloudUrl => {
    const url = parseCloudUrl(text)
    if (url.ok) return url.value
    context.addIssue({ code: 'custom', message: url.fault.why, input: text })
    return z.NEVER
  }),
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
  const parsed = identitySchema.safeParse(parseJson(text))
  if (parsed.success) return ok(parsed.data)
  return fail({ why: `${identityFile(folder)} is damaged; move it away and enrol again with a new code` })
}

/** The cloud in force: the configured one, else the one enrolled with; undefined for a gateway that works alone. */
export const cloudOf = (configured: CloudUrl | undefined, identity: Identity | undefined): CloudUrl | undefined =>
  configured ?? identity?.cloud

/** An error when the configuration names another cloud than the one this box was enrolled with: it would be refused there. */
export function cloudIssue({ file, config }: LoadedConfig, env: Environment): ConfigIssue | undefined {
  const identity = readIdentity(config.store.folder)
  const enrolled = identity.ok ? identity.value?.cloud : undefined
  const { cloud } = config.sync
  if (cloud === undefined || enrolled === undefined || cloud === enrolled) return undefined
  const name = 'METERGATE_SYNC_CLOUD'
  return {
    severity: 'error',
    path: 'sync.cloud',
    where: env[name] ? { kind: 'environment', name } : { kind: 'file', file },
    value: cloud,
    problem: CONFIG_PROBLEMS.otherCloud(enrolled),
    remedy: CONFIG_REMEDIES.otherCloud(enrolled, identityFile(config.store.folder)),
  }
}
