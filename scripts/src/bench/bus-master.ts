import { parseArgs } from 'node:util'
import { z } from 'zod'
import { bestPlan, blocksOf } from './bus-case.js'
import { KINDS, type MasterReport, type Task } from './contender.js'
import { bareLoop } from './contender-bare.js'
import { metergateLoop } from './contender-metergate.js'
import { modbusSerialLoop } from './contender-modbus-serial.js'
import { nodeRedLoop } from './contender-node-red.js'

/**
 * One contender of the bus bench in a process of its own, so that its CPU time and memory are its own. Polls units
 * 1..meters as fast as it can and prints one line of JSON for the measured window.
 */
const { values: args } = parseArgs({
  options: {
    device: { type: 'string', default: '' },
    kind: { type: 'string', default: 'metergate' },
    meters: { type: 'string', default: '8' },
    /** As `3` or `3,9,20`. */
    dead: { type: 'string', default: '' },
    cycles: { type: 'string', default: '3' },
    'window-ms': { type: 'string', default: '0' },
    /** Folder in which Node-RED and node-red-contrib-modbus are installed. */
    'node-red': { type: 'string', default: '' },
  },
})
const kind = z.enum(KINDS).parse(args.kind)

const task: Task = {
  device: args.device,
  meters: Number(args.meters),
  dead: new Set(args.dead.split(',').filter(Boolean).map(Number)),
  cycles: Number(args.cycles),
  windowMs: Number(args['window-ms']),
}

function contender(): Promise<MasterReport> {
  const blocks = blocksOf(bestPlan())
  switch (kind) {
    case 'metergate':
      return metergateLoop(task)
    case 'bare':
      return bareLoop(task, blocks)
    case 'blocked':
      return modbusSerialLoop(task, blocks)
    case 'naive':
      return modbusSerialLoop(
        task,
        blocks.flatMap(({ items }) => items.map(({ item }) => ({ address: item.address, count: 2 }))),
      )
    case 'nodeRed':
      return nodeRedLoop(task, blocks, args['node-red'])
  }
}

// Node-RED leaves handles behind that keep a process alive.
process.stdout.write(`${JSON.stringify(await contender())}\n`, () => process.exit(0))
