// Sets a fresh clone up: installs the locked dependencies once per Node version, builds the one
// native module that needs it, and (with --build) compiles the workspaces and the dashboard.
// Plain JavaScript because it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const build = process.argv.includes('--build')
const quiet = process.argv.includes('--quiet')

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`metergate needs Node 20.19 or newer; this is ${process.version}. Install Node 24 (recommended).`)
  process.exit(2)
}

/** Runs one command and says so (`slow`: even when asked to be quiet); on failure shows all it printed and stops with its exit code. */
function run(title, command, args, slow = false) {
  if (slow || !quiet || process.stderr.isTTY) console.error(`… ${title}`)
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
  if (result.status === 0) return
  console.error(
    `${title} failed: ${command} ${args.join(' ')}\n${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`,
  )
  process.exit(result.status || 1)
}

const stampFile = join(root, 'node_modules', '.metergate-setup')
const stamp = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(process.version)
  .digest('hex')
const installed = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp
if (!installed) {
  // Install scripts stay off for every package but the one that must be compiled or fetched for this Node version.
  run('installing the locked dependencies', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], true)
  // From Node 22 on the SQLite binding that is used carries its binaries (docs/decisions/0007).
  if (major < 22)
    run(
      'preparing better-sqlite3 for Node 20 (compiles where no prebuilt binary fits; about a minute)',
      'npm',
      ['rebuild', 'better-sqlite3'],
      true,
    )
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, stamp)
}

if (build) {
  run('compiling', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'])
  const page = join(root, 'cloud-api/dashboard')
  if (existsSync(join(page, 'vite.config.ts')) && pageIsStale(page)) {
    run('building the page', process.execPath, [
      join(root, 'node_modules/vite/bin/vite.js'),
      'build',
      '--logLevel',
      'warn',
      page,
    ])
  }
}

/** True when the page was never built or its sources changed since (compared by content, not by time). */
function pageIsStale(folder) {
  const listing = spawnSync('git', ['ls-files', '-s', '-m', '-o', '--exclude-standard', folder], {
    cwd: root,
    encoding: 'utf8',
  })
  const hash = createHash('sha256').update(listing.stdout ?? '')
  for (const line of (listing.stdout ?? '').split('\n')) {
    const file = line.split('\t').pop()
    if (file && existsSync(join(root, file)) && /\.(vue|ts|css|html|json)$/.test(file))
      hash.update(readFileSync(join(root, file)))
  }
  const current = hash.digest('hex')
  const marker = join(root, 'cloud-api/dashboard/dist/.built-from')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === current) return false
  process.on('exit', (code) => {
    if (code === 0 && existsSync(dirname(marker))) writeFileSync(marker, current)
  })
  return true
}
