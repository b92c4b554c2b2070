import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import { open as openPty } from '@lydell/node-pty'

declare module '@lydell/node-pty' {
  /** Opens a pty pair without a process. The package has it (UnixTerminal.open) but does not declare it. */
  export function open(options: { encoding: null }): {
    readonly master: Socket
    readonly slave: Socket
    readonly ptsName: string
  }
}

/** One pseudo-terminal with its far side held open and raw, so that bytes pass unchanged and nobody's leaving ends it. */
export class Pty {
  readonly path: string
  readonly #master: Socket
  readonly #slaveFd: number
  #open = true

  constructor(onData: (bytes: Uint8Array) => void) {
    const { master, slave, ptsName } = openPty({ encoding: null })
    this.path = ptsName
    this.#master = master
    this.#slaveFd = openSync(ptsName, constants.O_RDWR | constants.O_NOCTTY)
    // The library reads the far side too and would take bytes away from the real reader.
    slave.destroy()
    makeRaw(ptsName)
    master.on('data', (chunk: Buffer) => onData(chunk))
    // EIO when the far side goes away: an unplugged adapter, nothing to say.
    master.on('error', () => {})
  }

  write(bytes: Uint8Array): void {
    if (this.#open) this.#master.write(bytes)
  }

  /** Both sides go: whoever has the device open gets a hang-up, as when a USB adapter is pulled. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    closeSync(this.#slaveFd)
    this.#master.destroy()
  }
}

function makeRaw(path: string): void {
  execFileSync('stty', ['-F', path, 'raw', '-echo', '-echoe', '-echok', '-echoctl', '-echoke'])
}
