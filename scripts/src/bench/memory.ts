import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LineChild } from '@metergate/simulator'
import { rootFolder } from '../root.js'
import { Program, pause } from '../system/program.js'
import { benchPlant } from './bus-case.js'
import { type BenchResult, type Row, round } from './figures.js'
import { startOf } from './unit-file.js'

const METERS = 32
const EVERY_MS = 10_000
const MOST_MIB = 95
const UNIT = join(rootFolder(), 'agent/metergate.service')

/** Resident memory of a process, MiB; undefined where the system does not tell (not Linux). */
function residentMiB(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Number(kib) / 1024
  } catch {
    return undefined
  }
}

/** What Node alone takes on this machine, so that the agent's own share can be seen. */
async function bareNode(): Promise<number> {
  const node = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await pause(2000)
  const resident = residentMiB(node.pid ?? 0) ?? Number.NaN
  node.kill()
  return resident
}

/** The agent's configuration for the bench plant: every quantity of 32 meters, as often as the line allows. */
function config(folder: string, device: string): string {
  const spec = benchPlant(METERS)
  const meters = spec.meters.map(
    ({ id, profile, unit, ct }) => `  - { id: ${id}, line: line-1, profile: ${profile}, unit: ${unit}, ct: ${ct} }`,
  )
  return `lines:\n  - { id: line-1, port: ${device}, baud: 9600, format: 8N1 }\nmeters:\n${meters.join('\n')}\nstore:\n  folder: ${join(folder, 'data')}\n`
}

/** Resident memory of the whole agent with 32 meters on one line, storing and cutting intervals, no cloud. */
export async function benchMemory(minutes: number): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'metergate-bench-'))
  const plant = join(folder, 'plant.json')
  writeFileSync(plant, JSON.stringify(benchPlant(METERS)))
  const line = new LineChild(['--plant', plant])
  let agent: Program | undefined
  try {
    const { path } = await line.ready()
    writeFileSync(join(folder, 'metergate.yaml'), config(folder, path))
    const { environment, nodeOptions } = startOf(readFileSync(UNIT, 'utf8'))
    const own = { ...environment, METERGATE_CONFIG: join(folder, 'metergate.yaml') }
    agent = new Program('metergate', ['run'], own, nodeOptions)
    await agent.says('metergate runs')
    const rows: Row[] = [{ what: 'bare node', seconds: 0, 'RSS MiB': round(await bareNode(), 1) }]
    for (let at = EVERY_MS; at <= minutes * 60_000; at += EVERY_MS) {
      await pause(EVERY_MS)
      rows.push({
        what: 'metergate run',
        seconds: at / 1000,
        'RSS MiB': round(residentMiB(agent.pid) ?? Number.NaN, 1),
      })
    }
    return {
      title: `memory: the agent with ${METERS} meters on one line`,
      how: 'VmRSS of `metergate run`, started as in agent/metergate.service, on a paced line of 9600 baud, without a cloud, beside a Node that does nothing',
      rows,
      targets: [{ what: 'RSS at the end, MiB', figure: Number(rows.at(-1)?.['RSS MiB']), bound: MOST_MIB }],
    }
  } finally {
    await agent?.end()
    await line.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
