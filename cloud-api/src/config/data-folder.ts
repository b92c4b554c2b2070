import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { systemReason, UsageError } from './usage-error.js'

const STORE_FILE = 'cloud.sqlite'

/** The SQLite file within the data folder. */
export const storeFile = (dataDir: string): string => join(dataDir, STORE_FILE)

/** Makes the data folder where it is missing, for `serve`. UsageError when nothing can be kept there. */
export function makeDataFolder(dataDir: string): void {
  const folder = resolve(dataDir)
  try {
    makeWithParents(folder)
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new UsageError(
      `The store can't be kept in ${folder} (--data-dir "${dataDir}"): ${systemReason(error)}. ` +
        'Give a folder this user may write to, or let its owner allow it.',
    )
  }
}

/** UsageError unless a server has made its store there: a code filed in a store of its own would be known to no server. */
export function requireStore(dataDir: string): void {
  const file = resolve(storeFile(dataDir))
  try {
    accessSync(file, constants.R_OK | constants.W_OK)
  } catch (error) {
    const where = `${file} (--data-dir "${dataDir}")`
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw new UsageError(
      isMissing
        ? `There is no store at ${where}. Give the --data-dir or --database-url the server runs with; "metergate-cloud serve" makes the store when it first starts.`
        : `The store at ${where} can't be opened: ${systemReason(error)}. Run this as the user the server runs as.`,
    )
  }
}

/** UsageError when the folder of --dashboard holds no built page: it would be missing without a word. */
export function requirePage(folder: string): void {
  if (existsSync(join(folder, 'index.html'))) return
  throw new UsageError(
    `--dashboard "${folder}" holds no index.html. Give the folder of the built page, or leave it out.`,
  )
}

/** One folder after the other: Node's own `recursive` never ends where a parent exists and refuses children, as /proc does. */
function makeWithParents(folder: string): void {
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'EEXIST' })
    return
  }
  const parent = dirname(folder)
  if (parent !== folder) makeWithParents(parent)
  mkdirSync(folder, { mode: 0o700 })
}
