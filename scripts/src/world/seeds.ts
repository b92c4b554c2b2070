import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootFolder } from '../root.js'

/** Seeds that once failed: one a line, `#` begins a comment. They run first, for ever. */
export function knownSeeds(file = seedsFile()): number[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines
    .map((line) => line.replace(/#.*/, '').trim())
    .flatMap((line) => (/^\d+$/.test(line) ? [Number(line)] : []))
}

/** Keeps a failing seed, with what failed. */
export function keepSeed(seed: number, why: string, file = seedsFile()): void {
  if (!knownSeeds(file).includes(seed)) appendFileSync(file, `${seed} # ${why.replaceAll('\n', ' ').slice(0, 160)}\n`)
}

// Beside the sources it speaks of, also when the compiled program runs.
const seedsFile = (): string => join(rootFolder(), 'simulator', 'seeds.txt')
