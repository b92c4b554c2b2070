import modbusSerial from 'modbus-serial'
import { benchProfile, LINE, TIMEOUT_MS } from './bus-case.js'
import type { MasterReport, Task } from './contender.js'
import { loopOver } from './contender-loop.js'

/** modbus-serial with the given reads of each meter, its own time-out and no silence of its own between requests. */
export async function modbusSerialLoop(
  task: Task,
  blocks: readonly { readonly address: number; readonly count: number }[],
): Promise<MasterReport> {
  const client = new modbusSerial.default()
  await client.connectRTUBuffered(task.device, { baudRate: LINE.baud })
  client.setTimeout(TIMEOUT_MS)
  const { read_function: fn } = benchProfile()
  const result = await loopOver(task, blocks, async ({ unit, address, count }) => {
    client.setID(unit)
    try {
      await (fn === 4 ? client.readInputRegisters(address, count) : client.readHoldingRegisters(address, count))
      return true
    } catch {
      return false
    }
  })
  await new Promise<void>((resolve) => client.close(() => resolve()))
  return result
}
