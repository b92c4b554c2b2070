import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { HEAP_FLAGS } from '@metergate/agent'
import { z } from 'zod'
import { rootFolder } from '../root.js'
import { benchEnergy, type EnergyBench } from './energy.js'
import { type BenchResult, median, round } from './figures.js'

const MEMORY = join(rootFolder(), 'scripts/dist/bench/energy-memory.js')
const run = promisify(execFile)
const memorySchema = z.object({ rss: z.number(), heap: z.number(), drafts: z.number() })

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** What energy costs the box: time for a month again, and memory as the difference of two processes. */
export async function benchEnergyWithVerdict(rounds: number): Promise<BenchResult> {
  // On a machine that has other work the wall clock measures that work too: both are shown.
  const onTheWall = Array.from({ length: rounds }, () => benchEnergy(() => performance.now()))
  const onTheCpu = Array.from({ length: rounds }, () => benchEnergy(cpuMs))
  const [first] = onTheWall
  const middle = (runs: readonly EnergyBench[], figure: (run: EnergyBench) => number) => median(runs.map(figure))
  const row = (what: string, figure: (run: EnergyBench) => number) => ({
    what,
    ms: middle(onTheWall, figure),
    'CPU ms': middle(onTheCpu, figure),
  })
  const memory = await extraMemory(rounds)
  return {
    title: 'energy: a month of quarter hours recomputed',
    how: `${first?.meters} meters, ${first?.intervals} intervals; median of ${rounds}. Memory: a process that takes four days of readings a minute of 32 meters, with energy less one without`,
    rows: [
      row('from registers each quarter hour', ({ fromBoundariesMs }) => fromBoundariesMs),
      row(`from a reading a minute (${first?.readings})`, ({ fromMinutesMs }) => fromMinutesMs),
      row('unit energy of the month', ({ unitEnergyMs }) => unitEnergyMs),
      { what: 'resident memory after four days in seconds, with less without', MiB: memory.rss },
      { what: 'heap kept, with less without', MiB: memory.heap },
    ],
    targets: [
      {
        what: 'a month of 32 meters recomputed, ms',
        figure: middle(onTheWall, ({ fromBoundariesMs, unitEnergyMs }) => fromBoundariesMs + unitEnergyMs),
        bound: 2000,
      },
      // What is kept; resident memory beside it holds the garbage of four days played in seconds as well, which a daemon never has at once.
      { what: 'memory the daemon keeps for it, MiB', figure: memory.heap, bound: 9.5 },
    ],
  }
}

/** Medians of the differences, MiB. */
async function extraMemory(rounds: number): Promise<{ readonly rss: number; readonly heap: number }> {
  const differences = []
  for (let turn = 0; turn < rounds; turn += 1) {
    const [without, given] = [await memoryOf([]), await memoryOf(['--energy'])]
    differences.push({ rss: given.rss - without.rss, heap: given.heap - without.heap })
  }
  return {
    rss: round(median(differences.map(({ rss }) => rss)), 1),
    heap: round(median(differences.map(({ heap }) => heap)), 1),
  }
}

async function memoryOf(args: readonly string[]): Promise<z.infer<typeof memorySchema>> {
  const { stdout } = await run(process.execPath, [...HEAP_FLAGS, MEMORY, ...args])
  return memorySchema.parse(JSON.parse(stdout))
}
