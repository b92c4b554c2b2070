import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as pty from '@lydell/node-pty'
import { durationMs, invariant } from '@metergate/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { realClock } from '../testing/real-clock.js'
import { answerTo, isTrue } from '../testing/scripted-meter.js'
import { createBus } from './open-bus.js'
import type { ModbusRead } from './register-bus.js'
import { SerialBus } from './serial-bus.js'
import { SerialLine } from './serial-line.js'

const toClose: (() => unknown)[] = []
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close()
})

interface Device {
  readonly path: string
  unplug(): void
}

/** A real serial device whose far end answers reads like a meter. */
function device(afterAnswer: () => void = () => {}): Device {
  invariant('open' in pty && typeof pty.open === 'function', 'node-pty can open a pty without a process')
  const { master, slave, ptsName }: { master: Socket; slave: Socket; ptsName: string } = pty.open({ encoding: null })
  const held = openSync(ptsName, constants.O_RDWR | constants.O_NOCTTY)
  slave.destroy()
  execFileSync('stty', ['-F', ptsName, 'raw', '-echo'])
  let open = true
  master.on('error', () => {})
  master.on('data', (request: Buffer) => {
    master.write(answerTo(request))
    afterAnswer()
  })
  const unplug = (): void => {
    if (!open) return
    open = false
    closeSync(held)
    master.destroy()
  }
  toClose.push(unplug)
  return { path: ptsName, unplug }
}

const ask: ModbusRead = { protocol: 'modbus', unit: 1, function: 3, address: 100, count: 40 }

describe('a real serial device', () => {
  it('is read, changes speed and format between units, and is found again behind its link after an unplug', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'metergate-line-'))
    toClose.push(() => rmSync(folder, { recursive: true }))
    const link = join(folder, 'rs485')
    const first = device()
    symlinkSync(first.path, link)
    const units = new Map([['modbus:2', { settings: { baud: 19200, format: '8E1' } as const }]])
    const bus = createBus({ kind: 'serial', path: link, baud: 9600, format: '8N1' }, realClock, units)
    toClose.push(() => bus.close())
    for (const unit of [1, 2, 1]) {
      const outcome = await bus.read({ ...ask, unit })
      expect(outcome.ok && isTrue(outcome.value.data, unit, 3, 100, 40)).toBe(true)
    }
    first.unplug()
    expect(await bus.read(ask)).toMatchObject({
      ok: false,
      fault: { kind: 'line_down', why: expect.stringContaining('plugged in') },
    })
    expect(bus.health().open).toBe(false)

    rmSync(link)
    symlinkSync(device().path, link)
    let back = await bus.read(ask)
    for (let i = 0; i < 100 && !back.ok; i++) {
      await realClock.sleep(durationMs(50))
      back = await bus.read(ask)
    }
    expect(back.ok && isTrue(back.value.data, 1, 3, 100, 40)).toBe(true)
  })

  it('is followed when its old name has become that of another adapter', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'metergate-line-'))
    toClose.push(() => rmSync(folder, { recursive: true }))
    const link = join(folder, 'ttyUSB0')
    const ftdi = (path: string, serialNumber: string) => ({ path, vendorId: '0403', productId: '6001', serialNumber })
    const asked: string[] = []
    const mine = device()
    let ports = [ftdi(mine.path, 'MINE')]
    symlinkSync(mine.path, link)
    const bus = new SerialBus(new SerialLine(link, realClock, async () => ports), realClock, {
      settings: { baud: 9600, format: '8N1' },
      firstQuietMs: 0,
    })
    toClose.push(() => bus.close())
    expect((await bus.read(ask)).ok).toBe(true)

    // The hub lost its supply, and the two adapters on it came back in the other order.
    mine.unplug()
    rmSync(link)
    const other = device(() => asked.push('other'))
    symlinkSync(other.path, link)
    ports = [ftdi(other.path, 'OTHER'), ftdi(device(() => asked.push('mine')).path, 'MINE')]
    let back = await bus.read(ask)
    for (let i = 0; i < 100 && !back.ok; i++) {
      await realClock.sleep(durationMs(50))
      back = await bus.read(ask)
    }
    expect(back.ok).toBe(true)
    expect(new Set(asked)).toEqual(new Set(['mine']))
  })

  it('that is not there is named, with what to do', async () => {
    const bus = createBus({ kind: 'serial', path: '/dev/no-such-adapter', baud: 9600, format: '8N1' }, realClock)
    toClose.push(() => bus.close())
    const outcome = await bus.read(ask)
    expect(outcome).toMatchObject({
      ok: false,
      fault: { kind: 'line_down', why: expect.stringContaining('/dev/no-such-adapter') },
    })
  })

  it.each(['clock', 'busy', 'EIO', 'permission'])('is not mistaken for another fault by its name: %s', async (name) => {
    const path = join(mkdtempSync(join(tmpdir(), 'metergate-line-')), name)
    toClose.push(() => rmSync(dirname(path), { recursive: true }))
    mkdirSync(path)
    const bus = createBus({ kind: 'serial', path, baud: 9600, format: '8N1' }, realClock)
    toClose.push(() => bus.close())
    const outcome = await bus.read(ask)
    expect(outcome).toMatchObject({ fault: { why: expect.stringContaining(`${path} is no serial port`) } })
  })

  it('held by another program is said to be', async () => {
    const { path } = device()
    const [first, second] = [new SerialLine(path, realClock), new SerialLine(path, realClock)]
    const listener = { onData: () => undefined, onDown: () => undefined }
    toClose.push(
      () => first.close(),
      () => second.close(),
    )
    const settings = { baud: 9600, format: '8N1' } as const
    expect(await first.open(settings, listener)).toMatchObject({ ok: true })
    const why = expect.stringContaining('is used by another program')
    expect(await second.open(settings, listener)).toMatchObject({ ok: false, fault: { why } })
  })

  /** Reads while the process stands still from the moment the answer lies in the driver until after the time-out. */
  const readBlocked = async (line: SerialLine) => {
    const bus = new SerialBus(line, realClock, { settings: { baud: 9600, format: '8N1' }, firstQuietMs: 0 })
    toClose.push(() => bus.close())
    return [await bus.read(ask), await bus.read({ ...ask, count: 20 })]
  }

  it('whose answer came while the process stood still is read all the same', async () => {
    const outcomes = await readBlocked(new SerialLine(device(() => block(900)).path, realClock))
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true])
  })

  // A very busy machine may hand the bytes over first all the same.
  it('would lose such answers without the last look', { retry: 3 }, async () => {
    class Hasty extends SerialLine {
      override async look(): Promise<void> {}
    }
    const outcomes = await readBlocked(new Hasty(device(() => block(900)).path, realClock))
    expect(outcomes[0]).toMatchObject({ ok: false, fault: { kind: 'timeout' } })
  })
})

/** A slow fsync, as seen by the event loop. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
