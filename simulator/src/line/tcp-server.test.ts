import { once } from 'node:events'
import { connect } from 'node:net'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { expect, it } from 'vitest'
import { RealScheduler } from '../kernel/scheduler.js'
import { ModbusMeter } from '../meter/modbus-meter.js'
import { demoPlant } from '../plant/demo-plant.js'
import { Plant } from '../plant/plant.js'
import type { MeterSpec } from '../plant/schema.js'
import { ModbusTcpServer } from './tcp-server.js'

const AT = Date.UTC(2026, 10, 23, 2)

/** Transaction numbers of the answers to a read of what the meter does not have (1) and one of what it has (2). */
async function answered(refusal: MeterSpec['refusal']): Promise<number[]> {
  const plant = new Plant(demoPlant(1))
  const spec = plant.meter('main')
  const profile = loadBuiltinProfiles().find(({ id }) => id === spec.profile)
  const [item] = profile?.items ?? []
  if (profile?.protocol !== 'modbus' || !item || !('address' in item)) throw new Error('a Modbus meter')
  const meter = new ModbusMeter({ ...spec, refusal }, profile, plant)
  const server = new ModbusTcpServer([meter], new RealScheduler(), () => AT)
  const socket = connect(await server.start(0), '127.0.0.1')
  const read = (transaction: number, address: number): Uint8Array =>
    Uint8Array.of(0, transaction, 0, 0, 0, 6, meter.unit, profile.read_function, address >> 8, address & 0xff, 0, 2)
  const seen: number[] = []
  try {
    socket.write(read(1, 0xfff0))
    socket.write(read(2, item.address))
    while (!seen.includes(2)) {
      const [bytes]: Uint8Array[] = await once(socket, 'data')
      for (let at = 0; bytes && at < bytes.length; at += 6 + (bytes[at + 5] ?? 0)) seen.push(bytes[at + 1] ?? 0)
    }
    return seen
  } finally {
    socket.destroy()
    server.stop()
  }
}

it('refuses by an exception what the meter does not have, or by saying nothing', async () => {
  expect(await answered('exception')).toEqual([1, 2])
  expect(await answered('silence')).toEqual([2])
})
