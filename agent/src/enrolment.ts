import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { type Clock, fail, ok, type Random, type Result } from '@metergate/protocol'
import type { EnrolCommand, EnrolCommandFault, Enrolled } from './cli/ports.js'
import { identityFile, keyFile } from './identity.js'
import { CloudHttp } from './sync/cloud-http.js'
import { enrol } from './sync/enrol.js'
import { DiskKeyFile } from './sync/key-file.js'
import { loadOrCreateKey } from './sync/signature.js'
import { writePrivately } from './system/index.js'
import { SOFTWARE } from './version.js'

/**
 * Makes the key, enrols, and keeps who we are beside it. The folder is tried first, so that no one-time code is spent
 * on a box that cannot keep its identity; with the same key and code it may be repeated.
 */
export async function enrolGateway(
  { cloud, code, folder, name }: EnrolCommand,
  clock: Clock,
  random: Random,
): Promise<Result<Enrolled, EnrolCommandFault>> {
  const writable = await onDisk(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.W_OK | constants.X_OK)
  })
  if (!writable.ok) return writable
  const key = loadOrCreateKey(new DiskKeyFile(keyFile(folder)), random)
  if (!key.ok) return key
  const request = { code, software: SOFTWARE, ...(name === undefined ? {} : { name }) }
  const answer = await enrol(new CloudHttp(cloud, clock), key.value, request)
  if (!answer.ok) return answer
  const identity = { gateway: answer.value.gateway_id, name: answer.value.name, cloud }
  const kept = await onDisk(folder, () =>
    writePrivately(identityFile(folder), `${JSON.stringify(identity, null, 2)}\n`),
  )
  return kept.ok ? ok({ gateway: identity.gateway, name: identity.name }) : kept
}

async function onDisk(folder: string, work: () => Promise<void>): Promise<Result<void, EnrolCommandFault>> {
  try {
    await work()
    return ok(undefined)
  } catch (error) {
    return fail({ kind: 'folder', folder, why: error instanceof Error ? error.message : String(error) })
  }
}
