/**
 * `npm run bench -- [bus] [store] [sync] [energy] [memory] [all] [--quick] [--runs N] [--meters 8|32] [--json]`: what things
 * cost, measured side by side in one run. `bus` measures 8 and 32 meters unless one is named; `store` includes what a day
 * writes, slow flushes and the agent's memory, `sync` three weeks offline. A plain table, also through a pipe; JSON with
 * `--json`. A target that is missed is said, and the command ends with 1; no test asserts figures.
 */
import { parseArgs } from 'node:util'
import { benchBus } from './bus.js'
import { benchEnergyWithVerdict } from './energy-verdict.js'
import { type BenchResult, isMet, tableText } from './figures.js'
import { benchMemory } from './memory.js'
import { benchOfRig, type RigBench, SLOW_FLUSH, THREE_WEEKS, WEAR } from './rig-figures.js'
import { benchStore, benchSync } from './store.js'

const USAGE =
  'npm run bench -- [bus] [store] [sync] [energy] [memory] [all] [--quick] [--runs N] [--meters 8|32] [--json]'

/** Says what is wrong with the command line, and ends. */
function usage(why: string): never {
  process.stderr.write(`${why}\n${USAGE}\n`)
  process.exit(2)
}

function commandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        /** How often each figure is measured; the median is shown. `--rounds` is its older name. */
        runs: { type: 'string' },
        rounds: { type: 'string', default: '5' },
        meters: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error))
  }
}

const { values: flags, positionals } = commandLine()
const rounds = Number(flags.runs ?? flags.rounds)
const meters = flags.meters === undefined ? undefined : Number(flags.meters)
if (meters !== undefined && meters !== 8 && meters !== 32) usage(`--meters ${flags.meters}: give 8 or 32`)
const onProgress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K… ${text}`)
}

type Measure = () => Promise<BenchResult>
const memory: Measure = () => benchMemory(flags.quick ? 1 : 5)
const ofRig =
  <T>(bench: RigBench<T>): Measure =>
  () => {
    onProgress(bench.title)
    return benchOfRig(bench, flags.quick)
  }

const BENCHES: Readonly<Record<string, readonly Measure[]>> = {
  bus: [() => benchBus({ rounds, quick: flags.quick, meters, onProgress })],
  store: [() => benchStore(rounds), ofRig(WEAR), ofRig(SLOW_FLUSH), memory],
  sync: [benchSync, ofRig(THREE_WEEKS)],
  energy: [() => benchEnergyWithVerdict(rounds)],
  memory: [memory],
}

const wanted = positionals.length === 0 || positionals.includes('all') ? Object.keys(BENCHES) : positionals
const unknown = wanted.find((name) => !Object.hasOwn(BENCHES, name))
if (unknown !== undefined) usage(`there is no bench "${unknown}"`)
if (!Number.isInteger(rounds) || rounds < 1) usage(`--runs ${flags.runs ?? flags.rounds}: give a whole number from 1`)
let missed = 0
for (const measure of new Set(wanted.flatMap((name) => BENCHES[name] ?? []))) {
  const result = await measure()
  onProgress('')
  process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `${tableText(result)}\n`)
  missed += (result.targets ?? []).filter((target) => !isMet(target)).length
}
process.exitCode = missed > 0 ? 1 : 0
