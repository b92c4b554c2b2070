import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's top folder, from the compiled scripts (scripts/dist) or their sources (scripts/src). */
export function rootFolder(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '..', '..')
}
