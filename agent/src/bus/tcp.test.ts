import { createServer, type Server, type Socket } from 'node:net'
import { durationMs, invariant } from '@metergate/protocol'
import modbusSerial from 'modbus-serial'
import { afterEach, describe, expect, it } from 'vitest'
import { parsePort } from '../config/parse.js'
import { realClock } from '../testing/real-clock.js'
import { answerTo, isTrue, registerAt } from '../testing/scripted-meter.js'
import { createBus, type LineAddress } from './open-bus.js'
import type { ModbusRead, RegisterBus } from './register-bus.js'

const toClose: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close()
})

const read = (address: number, count = 10, unit = 1): ModbusRead => ({
  protocol: 'modbus',
  unit,
  function: 3,
  address,
  count,
})

function bus(address: LineAddress, turnaroundMax?: number): RegisterBus {
  const facts =
    turnaroundMax === undefined ? [] : [['modbus:1', { turnaround: { typical: 1, max: turnaroundMax } }] as const]
  const made = createBus(address, realClock, new Map(facts))
  toClose.push(() => made.close())
  return made
}

/** A server on a free port of this machine whose connections are handled by `serve`. */
async function serve(
  handle: (socket: Socket, connection: number) => void,
  host = '127.0.0.1',
): Promise<{ port: number; server: Server }> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    handle(socket, connections)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  toClose.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  invariant(address && typeof address === 'object', 'a TCP address')
  return { port: address.port, server }
}

const expectTruth = async (from: RegisterBus, request: ModbusRead): Promise<void> => {
  const outcome = await from.read(request)
  invariant(outcome.ok, `no answer: ${JSON.stringify(outcome)}`)
  expect(isTrue(outcome.value.data, request.unit, 3, request.address, request.count)).toBe(true)
}

describe('Modbus TCP', () => {
  it('reads the registers of an independent server', async () => {
    const port = 20_000 + (process.pid % 20_000)
    const vector = { getHoldingRegister: (address: number, unit: number) => registerAt(unit, 3, address) }
    const server = new modbusSerial.ServerTCP(vector, { host: '127.0.0.1', port, unitID: 255 })
    toClose.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
    await new Promise((resolve) => server.on('initialized', () => resolve(undefined)))
    const master = bus({ kind: 'modbus_tcp', host: '127.0.0.1', port })
    for (let i = 0; i < 20; i++) await expectTruth(master, read(i * 16, 1 + i * 6, 1 + i))
    expect(master.health()).toMatchObject({ open: true, line: { requests: 20, good: 20 } })
  })

  const frame = (transaction: number, unit: number, pdu: Uint8Array): Uint8Array =>
    Uint8Array.of(transaction >> 8, transaction & 0xff, 0, 0, 0, pdu.length + 1, unit, ...pdu)
  /** Answers with the true registers as MBAP, changed by `change`. */
  const answering = (change: (transaction: number, unit: number, pdu: Uint8Array) => readonly Uint8Array[]) =>
    serve((socket) => {
      socket.on('data', (chunk) => {
        const transaction = chunk.readUInt16BE(0)
        const rtu = answerTo(Uint8Array.of(...chunk.subarray(6), 0, 0))
        for (const bytes of change(transaction, chunk[6] ?? 0, rtu.slice(1, -2))) socket.write(bytes)
      })
    })

  it('passes over answers with another transaction id, and counts them as late', async () => {
    const { port } = await answering((id, unit, pdu) => [
      frame(
        id - 1,
        unit,
        pdu.map((byte, i) => (i > 1 ? 0 : byte)),
      ),
      frame(id, unit, pdu),
    ])
    const master = bus({ kind: 'modbus_tcp', host: '127.0.0.1', port })
    await expectTruth(master, read(0))
    expect(master.health().line.late_answers).toBe(1)
  })

  it('refuses an answer of another unit, although the transaction id is right', async () => {
    const { port } = await answering((id, unit, pdu) => [frame(id, unit + 1, pdu)])
    const outcome = await bus({ kind: 'modbus_tcp', host: '127.0.0.1', port }).read(read(0))
    expect(outcome).toMatchObject({ ok: false, fault: { kind: 'bad_frame', why: 'the answer names unit 2' } })
  })

  it.each([0x0a, 0x0b] as const)("takes a gateway's word of a unit it cannot reach (%i) for silence", async (code) => {
    const { port } = await answering((id, unit) => [frame(id, unit, Uint8Array.of(0x83, code))])
    const master = bus({ kind: 'modbus_tcp', host: '127.0.0.1', port })
    expect(await master.read(read(0))).toMatchObject({ ok: false, fault: { kind: 'timeout', gateway: code } })
    expect(master.health().line).toMatchObject({ timeout: 1, exception: 0 })
  })

  it('closes the connection on what is no Modbus TCP, says so, and connects again', async () => {
    const { port } = await answering((id, unit, pdu) =>
      id === 1 ? [Uint8Array.from([1, 3, 20, 1, 2, 3, 4, 5])] : [frame(id, unit, pdu)],
    )
    const master = bus({ kind: 'modbus_tcp', host: '127.0.0.1', port })
    const garbage = await master.read(read(0))
    expect(garbage).toMatchObject({ ok: false, fault: { kind: 'bad_frame' } })
    await expectTruth(master, read(0))
  })

  it('leaves a meter the pause it needs, as on a wire', async () => {
    const instants: number[] = []
    const { port } = await serve((socket) => {
      socket.on('data', (chunk) => {
        instants.push(realClock.mono())
        const rtu = answerTo(Uint8Array.of(...chunk.subarray(6), 0, 0))
        socket.write(frame(chunk.readUInt16BE(0), chunk[6] ?? 0, rtu.slice(1, -2)))
      })
    })
    const master = createBus(
      { kind: 'modbus_tcp', host: '127.0.0.1', port },
      realClock,
      new Map([['modbus:1', { pauseMs: 200 }]]),
    )
    toClose.push(() => master.close())
    await expectTruth(master, read(0))
    await expectTruth(master, read(16))
    const [first = 0, second = 0] = instants
    expect(second - first).toBeGreaterThanOrEqual(199)
    // Another unit need not wait for it.
    await expectTruth(master, read(0, 10, 2))
    expect((instants[2] ?? 0) - second).toBeLessThan(150)
  })

  it('connects anew when nothing at all comes over a connection any more', async () => {
    const { port } = await serve((socket, connection) => {
      // A gateway that was switched off and on, or a router that forgot: the first connection is dead and nobody says so.
      socket.on('data', (chunk) => {
        if (connection === 1) return
        const rtu = answerTo(Uint8Array.of(...chunk.subarray(6), 0, 0))
        socket.write(frame(chunk.readUInt16BE(0), chunk[6] ?? 0, rtu.slice(1, -2)))
      })
    })
    const master = bus({ kind: 'modbus_tcp', host: '127.0.0.1', port })
    expect(await master.read(read(0))).toMatchObject({ ok: false, fault: { kind: 'timeout' } })
    expect(await master.read(read(0))).toMatchObject({ ok: false, fault: { kind: 'timeout' } })
    await expectTruth(master, read(0))
  })

  it('says what to do when nobody listens', async () => {
    const { port, server } = await serve(() => {})
    await new Promise((resolve) => server.close(resolve))
    const outcome = await bus({ kind: 'modbus_tcp', host: '127.0.0.1', port }).read(read(0))
    expect(outcome).toMatchObject({
      ok: false,
      fault: { kind: 'line_down', why: expect.stringContaining('refuses the connection') },
    })
  })
})

describe('RTU over TCP', () => {
  const rtu = (port: number): LineAddress => ({ kind: 'rtu_over_tcp', host: '127.0.0.1', port })

  it('puts answers together from segments of any size', async () => {
    const { port } = await serve((socket) => {
      socket.setNoDelay(true)
      socket.on('data', (chunk) => {
        for (const byte of answerTo(chunk)) socket.write(Uint8Array.of(byte))
      })
    })
    const master = bus(rtu(port))
    for (let i = 0; i < 5; i++) await expectTruth(master, read(i * 16, 5 + i))
  })

  it('reads from an IPv6 address', async () => {
    const { port } = await serve((socket) => socket.on('data', (chunk) => socket.write(answerTo(chunk))), '::1')
    const named = parsePort(`rtu_over_tcp [::1]:${port}`)
    invariant(named && named.kind === 'rtu_over_tcp', 'a port')
    await expectTruth(bus(named), read(0))
  })

  it('closes and connects again after a time-out, and still never takes the late answer for another register', async () => {
    const owed: Uint8Array[] = []
    const { port } = await serve((socket, connection) => {
      socket.on('data', (chunk) => {
        // The serial server delivers the answer owed to the first connection to the second one.
        if (connection === 1) owed.push(answerTo(chunk))
        else for (const bytes of [...owed.splice(0), answerTo(chunk)]) socket.write(bytes)
      })
    })
    const master = bus(rtu(port), 150)
    expect(await master.read(read(0))).toMatchObject({ ok: false, fault: { kind: 'timeout' } })
    await expectTruth(master, read(160))
    expect(master.health().line).toMatchObject({ late_answers: 1, timeout: 1 })
  })

  it('comes back when the serial server was restarted', async () => {
    const { port } = await serve((socket, connection) => {
      socket.on('data', (chunk) => (connection === 1 ? socket.destroy() : socket.write(answerTo(chunk))))
    })
    const master = bus(rtu(port))
    expect(await master.read(read(0))).toMatchObject({ ok: false, fault: { kind: 'line_down' } })
    const outcomes = []
    while (outcomes.at(-1)?.ok !== true && outcomes.length < 100) {
      outcomes.push(await master.read(read(0)))
      await realClock.sleep(durationMs(20))
    }
    expect(outcomes.at(-1)?.ok).toBe(true)
  })
})
