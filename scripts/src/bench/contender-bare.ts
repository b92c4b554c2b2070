import { once } from 'node:events'
import { SystemClock, silenceMs } from '@metergate/agent'
import { durationMs, encodeReadRequest } from '@metergate/protocol'
import { SerialPort } from 'serialport'
import { benchProfile, LINE, TIMEOUT_MS } from './bus-case.js'
import type { MasterReport, Task } from './contender.js'
import { loopOver } from './contender-loop.js'

/**
 * What the line, Node and serialport cost alone: frames made beforehand are written, what comes is counted and never looked at, and
 * after the awaited number of bytes 3.5 characters of silence are kept. No check, no late answer told apart, no record.
 */
export async function bareLoop(
  task: Task,
  blocks: readonly { readonly address: number; readonly count: number }[],
): Promise<MasterReport> {
  const clock = new SystemClock()
  const port = new SerialPort({ path: task.device, baudRate: LINE.baud })
  await once(port, 'open')
  let missing = 0
  let complete = (): void => {}
  port.on('data', (bytes: Buffer) => {
    missing -= bytes.length
    if (missing <= 0) complete()
  })
  const answer = (): Promise<boolean> =>
    new Promise((resolve) => {
      const late = setTimeout(() => resolve(false), TIMEOUT_MS)
      complete = () => {
        clearTimeout(late)
        resolve(true)
      }
    })
  const { read_function: fn } = benchProfile()
  const result = await loopOver(task, blocks, async ({ unit, address, count }) => {
    missing = 5 + 2 * count
    const answered = answer()
    port.write(encodeReadRequest(unit, fn, address, count))
    const isGood = await answered
    await clock.sleep(durationMs(silenceMs(LINE.baud)))
    return isGood
  })
  await new Promise<void>((resolve) => port.close(() => resolve()))
  return result
}
