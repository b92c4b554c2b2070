import { createRequire } from 'node:module'
import type Database from 'better-sqlite3'

/** From here on better-sqlite3 13 fits, which speaks Node-API and carries its binaries. */
const NODE_WITH_NAPI_BUILD = 22
const [major] = process.versions.node.split('.').map(Number)

/**
 * The SQLite binding that fits this Node version: 13 aborts on Node 20, and 12 aborts the process on Node 24.19 and
 * later whenever a statement is collected outside a context (nodejs/node#65446). Decision 0007.
 */
export const Sqlite: typeof Database = createRequire(import.meta.url)(
  (major ?? 0) >= NODE_WITH_NAPI_BUILD ? 'better-sqlite3-napi' : 'better-sqlite3',
)
