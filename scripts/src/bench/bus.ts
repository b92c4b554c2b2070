import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Result } from '@metergate/protocol'
import { LineChild } from '@metergate/simulator'
import { rootFolder } from '../root.js'
import { benchPlant, minimumMs } from './bus-case.js'
import { said, TARGETS, verdict } from './bus-verdict.js'
import { virtualBench } from './bus-virtual.js'
import { KINDS, type Kind, type MasterReport, reportSchema } from './contender.js'
import { type BenchResult, median, type Row, round } from './figures.js'
import { NODE_RED, nodeRedFolder } from './node-red-install.js'

const MASTER = join(rootFolder(), 'scripts/dist/bench/bus-master.js')
const run = promisify(execFile)

const NAMES: Readonly<Record<Kind, string>> = {
  metergate: 'metergate',
  bare: 'the line alone: serialport, nothing checked',
  blocked: 'modbus-serial, blocks by hand',
  naive: 'modbus-serial, one request per value',
  nodeRed: 'node-red-contrib-modbus, blocks by hand',
}

interface Case {
  readonly meters: number
  readonly dead: readonly number[]
  /** Meters that ignore a request after less than 3.5 characters of silence. */
  readonly strict: boolean
}

const CASES: readonly Case[] = [
  { meters: 8, dead: [], strict: false },
  { meters: 8, dead: [], strict: true },
  { meters: 8, dead: [5], strict: false },
  { meters: 8, dead: [2, 5, 8], strict: false },
  { meters: 32, dead: [], strict: false },
  { meters: 32, dead: [], strict: true },
  { meters: 32, dead: [17], strict: false },
  { meters: 32, dead: [4, 17, 29], strict: false },
]

export interface BusBenchOptions {
  readonly rounds: number
  /** Only 8 meters, and a dead unit measured over one minute instead of two; so it is with several rounds as well. */
  readonly quick: boolean
  /** Only the cases with so many meters: a round of all of them takes half an hour at 9600 baud. */
  readonly meters: number | undefined
  readonly onProgress: (text: string) => void
}

/**
 * Cycle time of the live meters over the theoretical minimum, side by side: each round runs all contenders one after the other on
 * the same paced line in a process of its own.
 */
export async function benchBus(options: BusBenchOptions): Promise<BenchResult> {
  const only = options.meters ?? (options.quick ? 8 : undefined)
  const cases = CASES.filter(({ meters }) => only === undefined || meters === only)
  options.onProgress('bus: Node-RED, to be measured beside')
  const nodeRed = await nodeRedFolder(!options.quick)
  const folder = nodeRed.ok ? nodeRed.value : undefined
  const rows: Row[] = []
  const allLive = new Map<number, number>()
  for (const each of cases) {
    const reports = new Map<Kind, MasterReport[]>()
    for (let turn = 1; turn <= options.rounds; turn += 1) {
      for (const kind of KINDS) {
        if (!takesPart(kind, each, folder) || (kind === 'naive' && options.quick && turn > 1)) continue
        options.onProgress(`bus: ${caseName(each)}, ${NAMES[kind]}, round ${turn} of ${options.rounds}`)
        reports.set(kind, [...(reports.get(kind) ?? []), await measure(each, kind, options, folder)])
      }
    }
    const own = reports.get('metergate')
    if (own && each.dead.length === 0 && !each.strict) allLive.set(each.meters, ratioOf(each, own))
    rows.push(...[...reports].map(([kind, own]) => rowOf(each, kind, own, allLive.get(each.meters))))
  }
  rows.push(...(await backRows(options)))
  return {
    title: 'bus: cycle time of live meters over the theoretical minimum',
    how: `9600 8N1 on a pty paced by its own process, turnaround 15 ms, 20 quantities a meter, time-out of the loops 500 ms; median of ${options.rounds}. ${nodeRedText(nodeRed)}`,
    rows,
  }
}

/** The line alone is about good answers only; one request per value on strict slaves would take an hour of time-outs. */
function takesPart(kind: Kind, { dead, strict }: Case, nodeRed: string | undefined): boolean {
  if (kind === 'bare') return dead.length === 0
  if (kind === 'naive') return !strict
  return kind !== 'nodeRed' || nodeRed !== undefined
}

const nodeRedText = (folder: Result<string, string>): string =>
  folder.ok
    ? `node-red-contrib-modbus ${NODE_RED['node-red-contrib-modbus']} on Node-RED ${NODE_RED['node-red']}: one client, one flex getter, RSS with the editor's API off.`
    : `node-red-contrib-modbus is not measured: ${folder.fault}.`

const caseName = ({ meters, dead, strict }: Case): string =>
  `${meters} meters, ${dead.length} dead${strict ? ', strict gaps' : ''}`

const ratioOf = (each: Case, reports: readonly MasterReport[]): number =>
  median(reports.map(({ cycleMs }) => cycleMs)) / minimumMs(each.meters - each.dead.length)

/** How soon a dead unit is back: in virtual time, where the figure is exact and a run of minutes takes seconds. */
async function backRows({ onProgress }: BusBenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  for (const { meters, dead } of [
    { meters: 8, dead: [5] },
    { meters: 32, dead: [4, 17, 29] },
  ]) {
    onProgress(`bus: ${meters} meters, ${dead.length} dead, in virtual time`)
    const { ratio, backAfterMs } = await virtualBench({ meters, dead, minutes: 5 })
    rows.push({
      case: `${meters} meters, ${dead.length} dead, virtual time`,
      master: NAMES.metergate,
      runs: 1,
      ratio: round(ratio, 3),
      verdict: said(
        `back after ${(backAfterMs / 1000).toFixed(1)} s <= one probe period (${TARGETS.backMs / 1000} s)`,
        backAfterMs <= TARGETS.backMs,
      ),
    })
  }
  return rows
}

function rowOf(each: Case, kind: Kind, reports: readonly MasterReport[], ratioAllLive: number | undefined): Row {
  const of = (figure: (report: MasterReport) => number): number => median(reports.map(figure))
  const least = minimumMs(each.meters - each.dead.length)
  const cycle = of(({ cycleMs }) => cycleMs)
  return {
    case: caseName(each),
    master: NAMES[kind],
    runs: reports.length,
    'cycle ms': round(cycle, 0),
    'minimum ms': round(least, 0),
    ratio: round(cycle / least, 3),
    'requests/cycle': round(
      of(({ requestsPerCycle }) => requestsPerCycle),
      1,
    ),
    'unanswered %': round(100 * of(({ failed, requests }) => failed / requests), 1),
    'CPU s/1000 req': round(of(({ cpuMs, requests }) => cpuMs / requests)),
    'of it kernel': round(of(({ systemMs, requests }) => systemMs / requests)),
    'RSS MiB': round(
      of(({ rssMiB }) => rssMiB),
      0,
    ),
    ...(kind === 'metergate' ? { verdict: verdictOn(each, reports, ratioAllLive) } : {}),
  }
}

function verdictOn(each: Case, reports: readonly MasterReport[], ratioAllLive: number | undefined): string {
  return verdict({
    meters: each.meters,
    dead: each.dead.length,
    ratio: ratioOf(each, reports),
    ratioAllLive,
    failed: reports.reduce((sum, { failed }) => sum + failed, 0),
    cpuSecondsPer1000: median(reports.map(({ cpuMs, requests }) => cpuMs / requests)),
  })
}

/** A thousand requests of each contender in all, shared by the rounds; a naive cycle alone has hundreds. */
function cyclesOf({ meters, dead }: Case, kind: Kind, rounds: number): number {
  if (kind === 'naive') return 1
  if (dead.length > 0) return 3
  return meters === 8 ? Math.max(9, Math.ceil(42 / rounds)) : Math.max(3, Math.ceil(11 / rounds))
}

async function measure(
  each: Case,
  kind: Kind,
  { rounds, quick }: BusBenchOptions,
  nodeRed: string | undefined,
): Promise<MasterReport> {
  const folder = mkdtempSync(join(tmpdir(), 'metergate-bench-'))
  const plant = join(folder, 'plant.json')
  writeFileSync(plant, JSON.stringify(benchPlant(each.meters)))
  const line = new LineChild(['--plant', plant, ...(each.strict ? ['--strict-gaps'] : [])])
  try {
    const { path } = await line.ready()
    for (const unit of each.dead) await line.command({ cmd: 'faults', unit: String(unit), set: { dead: true } })
    // A unit that has been silent for long is probed once a minute: the window holds one probe of each, or two.
    const window = each.dead.length === 0 ? 0 : quick || rounds > 1 ? 65_000 : 125_000
    const cycles = cyclesOf(each, kind, rounds)
    const { stdout } = await run(process.execPath, [
      MASTER,
      ...['--device', path, '--kind', kind, '--meters', String(each.meters), '--dead', each.dead.join(',')],
      ...['--cycles', String(cycles), '--window-ms', String(window), '--node-red', nodeRed ?? ''],
    ])
    return reportSchema.parse(JSON.parse(stdout))
  } finally {
    await line.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
