import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Config } from './config.js'
import { systemReason, UsageError } from './usage-error.js'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

/** Certificate and key of `serve`; undefined when none are configured. UsageError names the option of a bad file. */
export function readTlsFiles({ tlsCert, tlsKey }: Pick<Config, 'tlsCert' | 'tlsKey'>): TlsFiles | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined
  const files = { cert: readPem('--tls-cert', tlsCert), key: readPem('--tls-key', tlsKey) }
  try {
    createSecureContext(files)
  } catch (error) {
    throw new UsageError(
      `--tls-cert "${tlsCert}" and --tls-key "${tlsKey}" can't be used: ${systemReason(error)}. ` +
        'Give a certificate chain and the private key that belongs to it, both as PEM.',
    )
  }
  return files
}

function readPem(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const why = isMissing ? 'there is no such file' : systemReason(error)
    throw new UsageError(`${option} "${path}" can't be read: ${why}. Give a PEM file this user may read.`)
  }
}
