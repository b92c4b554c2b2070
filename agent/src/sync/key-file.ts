import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Where the gateway's private key lives. */
export interface KeyFile {
  /** The key's text, or undefined when there is none yet. */
  read(): string | undefined
  /** Writes the key once, for the owner's eyes only; throws when there is one already. */
  create(text: string): void
}

/** A key file on disk, mode 0600; refuses to read one that others may read. */
export class DiskKeyFile implements KeyFile {
  constructor(readonly path: string) {}

  read(): string | undefined {
    const stat = statSync(this.path, { throwIfNoEntry: false })
    if (!stat) return undefined
    if ((stat.mode & 0o077) !== 0) {
      throw new Error(
        `${this.path} may be read by others (mode ${(stat.mode & 0o777).toString(8)}): run chmod 600 on it`,
      )
    }
    return readFileSync(this.path, 'utf8')
  }

  create(text: string): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 })
    // `wx`: never over an existing key, which would cut the gateway off from its own enrolment.
    writeFileSync(this.path, text, { mode: 0o600, flag: 'wx', flush: true })
  }
}
