import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a rig found out; one line of JSON. `violations` must be 0; a control must have some. */
export interface RigResult {
  readonly rig: string
  readonly runs: number
  readonly violations: number
  readonly notes: Readonly<Record<string, unknown>>
}

/** Runs a tool to its end and gives what it printed; throws with its words when it failed. */
export const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' })

/** Work in a folder of its own, gone afterwards. Work that throws may leave something mounted: then the folder stays, and what it threw is told. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'metergate-rig-'))
  try {
    const result = await work(folder)
    rmSync(folder, { recursive: true, force: true })
    return result
  } catch (error) {
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {}
    throw error
  }
}

/** A fresh ext4 file system in a file, mounted. Needs root. */
export function makeExt4(image: string, mount: string, options = 'loop', size = '48M'): void {
  run('truncate', '-s', size, image)
  run('mkfs.ext4', '-q', '-F', image)
  mkdirSync(mount, { recursive: true })
  run('mount', '-o', options, image, mount)
}

/** Unmounts; a busy machine needs a moment until the last process has let go. */
export async function unmount(mount: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      run('umount', mount)
      return
    } catch (error) {
      if (tries >= 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

/** Collects what went wrong; the first few in words. */
export class Findings {
  count = 0
  readonly words: string[] = []

  /** Notes each as a violation. */
  note(violations: readonly string[]): void {
    for (const words of violations) this.expect(false, () => words)
  }

  /** Notes a violation unless `holds`. */
  expect(holds: boolean, words: () => string): void {
    if (holds) return
    this.count += 1
    if (this.words.length < 5) this.words.push(words().slice(0, 600))
  }
}
