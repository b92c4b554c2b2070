import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const DEBIAN = '/usr/lib/postgresql'
/** PostgreSQL refuses to run as root; then it runs as nobody. */
const NOBODY = 65_534

/** The folder of the newest PostgreSQL server on this machine, or undefined. */
export function postgresBinaries(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined
  const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a))
  return versions.map((version) => join(DEBIAN, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')))
}

/** A real PostgreSQL server in a folder of its own, reached over a socket in it. */
export class PostgresServer {
  private constructor(
    private readonly bin: string,
    private readonly folder: string,
    private child: ChildProcess,
  ) {}

  static async start(bin: string): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), 'metergate-pg-'))
    if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY)
    const data = join(folder, 'data')
    const made = spawnSync(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--no-sync'],
      {
        ...asUser(),
        cwd: folder,
        encoding: 'utf8',
      },
    )
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
    const server = new PostgresServer(bin, folder, launch(bin, folder))
    await server.ready()
    return server
  }

  get url(): string {
    return `postgres://postgres@localhost/postgres?host=${encodeURIComponent(this.folder)}`
  }

  /** As a power cut would: no shutdown, no checkpoint; then started again. */
  async crashAndRestart(): Promise<void> {
    const gone = once(this.child, 'exit')
    this.child.kill('SIGQUIT')
    await gone
    this.child = launch(this.bin, this.folder)
    await this.ready()
  }

  /** Nothing of it answers any more, nothing of it is lost: every process of the server is stopped where it is. */
  freeze(): void {
    for (const pid of this.processes()) process.kill(pid, 'SIGSTOP')
  }

  thaw(): void {
    for (const pid of this.processes().reverse()) process.kill(pid, 'SIGCONT')
  }

  /** The server and its children, by whom each was started. Linux. */
  private processes(): number[] {
    const own = this.child.pid
    if (own === undefined) return []
    const children = readFileSync(`/proc/${own}/task/${own}/children`, 'utf8').trim()
    return [own, ...children.split(' ').filter(Boolean).map(Number)]
  }

  async stop(): Promise<void> {
    const gone = once(this.child, 'exit')
    this.child.kill('SIGINT')
    await gone
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async ready(): Promise<void> {
    // Recovery after a crash on a busy machine takes its time.
    for (let attempt = 0; attempt < 1_000; attempt += 1) {
      const asked = spawnSync(join(this.bin, 'pg_isready'), ['-h', this.folder, '-q'])
      if (asked.status === 0) return
      if (this.child.exitCode !== null) throw new Error(`PostgreSQL ended with code ${this.child.exitCode}`)
      await wait(50)
    }
    throw new Error('PostgreSQL did not start within 50 s')
  }
}

const asUser = (): { uid?: number; gid?: number } => (process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {})

function launch(bin: string, folder: string): ChildProcess {
  const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, 'max_connections=40']
  const args = ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])]
  return spawn(join(bin, 'postgres'), args, { ...asUser(), cwd: folder, stdio: 'ignore' })
}
