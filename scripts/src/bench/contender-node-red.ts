import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invariant } from '@metergate/protocol'
import { pause } from '../system/program.js'
import { benchProfile, LINE, TIMEOUT_MS } from './bus-case.js'
import type { MasterReport, Task } from './contender.js'
import { type AskOnce, loopOver } from './contender-loop.js'

/** What is used of Node-RED when it runs inside another program (nodered.org/docs/user-guide/runtime/embedding). */
interface NodeRed {
  init(settings: Readonly<Record<string, unknown>>): unknown
  start(): Promise<unknown>
  stop(): Promise<unknown>
}

/**
 * A flow of Node-RED with node-red-contrib-modbus: one client on the serial port, one flex getter that is given a block, and what comes
 * out of it, an empty message after a time-out included, brings the next one. `folder` holds both packages.
 */
export async function nodeRedLoop(
  task: Task,
  blocks: readonly { readonly address: number; readonly count: number }[],
  folder: string,
): Promise<MasterReport> {
  const home = mkdtempSync(join(tmpdir(), 'metergate-node-red-'))
  symlinkSync(join(folder, 'node_modules'), join(home, 'node_modules'))
  writeFileSync(join(home, 'package.json'), JSON.stringify(DEPENDENCIES))
  writeFileSync(join(home, 'flows.json'), JSON.stringify(flow(task.device)))
  const red: unknown = createRequire(join(folder, 'package.json'))('node-red')
  invariant(isNodeRed(red), `no Node-RED in ${folder}`)
  const bench = new EventEmitter()
  red.init({
    userDir: home,
    flowFile: 'flows.json',
    httpAdminRoot: false,
    httpNodeRoot: false,
    functionGlobalContext: { bench },
    logging: { console: { level: 'off', metrics: false, audit: false } },
  })
  const ready = once(bench, 'ready')
  await red.start()
  await ready
  const { read_function: fc } = benchProfile()
  const ask: AskOnce = async ({ unit, address, count }) => {
    const answered = once(bench, 'answer')
    bench.emit('ask', { payload: { fc, unitid: unit, address, quantity: count } })
    const [isGood] = await answered
    return isGood === true
  }
  const [block] = blocks
  invariant(block, 'nothing to read')
  await connected(() => ask({ unit: 1, ...block }))
  const result = await loopOver(task, blocks, ask)
  await red.stop()
  rmSync(home, { recursive: true, force: true })
  return result
}

/** Before the client has opened its port the getter drops what it is given, without a word. */
async function connected(ask: () => Promise<boolean>): Promise<void> {
  for (;;) {
    const answered = await Promise.race([ask(), pause(2000)])
    if (answered === true) return
  }
}

const DEPENDENCIES = { name: 'bench', version: '1.0.0', dependencies: { 'node-red-contrib-modbus': '*' } }

function flow(device: string): readonly Readonly<Record<string, unknown>>[] {
  const client = {
    ...{ id: 'client', type: 'modbus-client', clienttype: 'simpleser', bufferCommands: true },
    ...{ serialPort: device, serialType: 'RTU-BUFFERD', serialBaudrate: String(LINE.baud), serialDatabits: '8' },
    ...{ serialStopbits: '1', serialParity: 'none', serialConnectionDelay: '100', unit_id: '1', commandDelay: '1' },
    ...{ clientTimeout: String(TIMEOUT_MS), reconnectOnTimeout: false, reconnectTimeout: '2000' },
    parallelUnitIdsAllowed: false,
  }
  const common = { z: 'tab', x: 0, y: 0 }
  const getter = { server: 'client', emptyMsgOnFail: true, keepMsgProperties: false, useIOFile: false }
  return [
    { id: 'tab', type: 'tab', label: 'bench' },
    client,
    { ...common, id: 'source', type: 'function', func: '', initialize: SOURCE, outputs: 1, wires: [['getter']] },
    { ...common, ...getter, id: 'getter', type: 'modbus-flex-getter', wires: [['sink'], []] },
    { ...common, id: 'sink', type: 'function', func: SINK, outputs: 1, wires: [[]] },
  ]
}

const SOURCE = `const bench = global.get('bench'); bench.on('ask', (message) => node.send(message)); bench.emit('ready')`
/** A failed read comes as an empty payload. */
const SINK = `global.get('bench').emit('answer', Array.isArray(msg.payload) && msg.payload.length > 0)`

function isNodeRed(value: unknown): value is NodeRed {
  return typeof value === 'object' && value !== null && 'init' in value && 'start' in value && 'stop' in value
}
