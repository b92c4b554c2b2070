import { EventEmitter } from 'node:events'
import modbusSerial from 'modbus-serial'
import { describe, expect, it } from 'vitest'
import { answerTo, registerAt } from '../testing/scripted-meter.js'

/** A line for modbus-serial on which the test decides when an answer comes. */
class HandLine extends EventEmitter {
  isOpen = true
  readonly requests: Buffer[] = []

  open(done: (error?: Error) => void): void {
    done()
  }

  close(done: () => void): void {
    done()
  }

  write(request: Buffer): void {
    this.requests.push(request)
    this.emit('request', request)
  }

  answer(index: number): void {
    const request = this.requests[index]
    if (request) this.emit('data', Buffer.from(answerTo(request)))
  }
}

/** Asks for register 0 without an answer, then for register 100, and lets the first answer come. */
async function provoke(): Promise<number[]> {
  const line = new HandLine()
  const client = new modbusSerial.default(line)
  await new Promise<void>((resolve) => client.open(() => resolve()))
  client.setID(1)
  client.setTimeout(5)
  await client.readHoldingRegisters(0, 1).then(
    () => expect.unreachable('nothing was answered'),
    () => undefined,
  )
  line.once('request', () => queueMicrotask(() => line.answer(0)))
  const { data } = await client.readHoldingRegisters(100, 1)
  return data
}

describe('modbus-serial as a master', () => {
  it('hands a late answer to the next request: why it is no master here (decision 0001)', async () => {
    for (let i = 0; i < 20; i++) {
      const taken = await provoke()
      expect(taken).toEqual([registerAt(1, 3, 0)])
      expect(taken).not.toEqual([registerAt(1, 3, 100)])
    }
  })
})
