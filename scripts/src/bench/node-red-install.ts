import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fail, ok, type Result } from '@metergate/protocol'
import { rootFolder } from '../root.js'

/**
 * The peer the bus is measured beside, in versions that run on Node 20: node-red-contrib-modbus 5.45 and later need a package that is not
 * on the npm registry. No dependency of this repository: some 140 MB, put beside it when a bench wants it.
 */
export const NODE_RED = { 'node-red': '4.1.15', 'node-red-contrib-modbus': '5.23.3' } as const
const FOLDER = join(rootFolder(), '.bench/node-red')
const LONGEST_MS = 600_000

/** The folder that holds both packages, installing them there if need be; or why they cannot be had. */
export async function nodeRedFolder(mayInstall: boolean): Promise<Result<string, string>> {
  if (existsSync(join(FOLDER, 'installed'))) return ok(FOLDER)
  if (!mayInstall) return fail('not installed; a bench without --quick installs it')
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(join(FOLDER, 'package.json'), JSON.stringify({ private: true, dependencies: NODE_RED }))
  try {
    const args = ['install', '--no-audit', '--no-fund', '--omit=dev', '--ignore-scripts']
    await promisify(execFile)('npm', args, { cwd: FOLDER, timeout: LONGEST_MS })
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return fail(`npm cannot install it: ${text.split('\n').slice(0, 3).join(' ')}`)
  }
  writeFileSync(join(FOLDER, 'installed'), '')
  return ok(FOLDER)
}
