import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { listenSomewhere } from '../testing/listen.js'
import { Doorway } from './doorway.js'

const KNOCKING = 30

/** How many of those that knock at once are let in while three pieces of work are done, with `between` after each. */
async function letInMeanwhile(doorway: Doorway, between: () => Promise<void>): Promise<number> {
  let entered = 0
  const server = createServer((socket) => {
    entered += 1
    doorway.entered()
    socket.on('error', () => undefined)
  })
  const port = await listenSomewhere(server)
  const knocking = Array.from({ length: KNOCKING }, () => connect({ host: '127.0.0.1', port }))
  // Connected by the system; nobody was let in by the program yet but the first few.
  await Promise.all(knocking.map((socket) => once(socket, 'connect')))
  const before = entered
  for (let piece = 0; piece < 3; piece += 1) await between()
  const meanwhile = entered - before
  for (const socket of knocking) socket.destroy()
  server.close()
  return meanwhile + before
}

describe('the doorway', () => {
  it('lets in all who knock before work goes on, where a turn after each piece lets in a few', async () => {
    expect(await letInMeanwhile(new Doorway(), new Doorway().clear)).toBeLessThan(KNOCKING)
    const doorway = new Doorway()
    expect(await letInMeanwhile(doorway, doorway.clear)).toBe(KNOCKING)
  })

  it('takes one turn when nobody comes', async () => {
    let turns = 0
    const done = new Doorway().clear().then(() => turns)
    for (; turns < 5; turns += 1) await turn()
    expect(await done).toBeLessThanOrEqual(1)
  })

  it('lets work go on although somebody comes in every turn', async () => {
    const doorway = new Doorway()
    let isDone = false
    const done = doorway.clear().then(() => {
      isDone = true
    })
    for (let turns = 0; !isDone && turns < 500; turns += 1) {
      doorway.entered()
      await turn()
    }
    expect(isDone).toBe(true)
    await done
  })
})
