import { dirname, resolve } from 'node:path'
import { controlSocketPath } from '../control/socket-path.js'
import { CONFIG_PROBLEMS, CONFIG_REMEDIES, MOST_SOCKET_BYTES } from '../i18n/config-texts.js'
import { type Draft, issueAt } from './draft.js'
import type { ConfigIssue } from './issue.js'
import type { GatewayConfig } from './schema.js'

/** What `metergate run` would refuse only when it starts. */
export function checkStore(draft: Draft, { store }: GatewayConfig, file: string): ConfigIssue[] {
  const bytes = Buffer.byteLength(controlSocketPath(resolve(dirname(file), store.folder)))
  return [
    ...(bytes > MOST_SOCKET_BYTES
      ? [issueAt(draft, ['store', 'folder'], CONFIG_PROBLEMS.folderTooLong(bytes), CONFIG_REMEDIES.shorterFolder)]
      : []),
    ...(store.ballast >= store.cap
      ? [issueAt(draft, ['store', 'ballast'], CONFIG_PROBLEMS.ballastOverCap, CONFIG_REMEDIES.smallerBallast)]
      : []),
  ]
}
