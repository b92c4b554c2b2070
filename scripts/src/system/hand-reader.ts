import { type LinePort, MeterSession, SerialBus, wireMs } from '@metergate/agent'
import { durationMs, type MeterProfile, meterIdSchema, ok, type ReadingValue } from '@metergate/protocol'
import { Timeline, VirtualClock } from '@metergate/simulator'
import type { Slave } from './hand-slave.js'

/** The transformers of a meter whose values leave them out. */
export const [CT, PT] = [40n, 10n]

/** A line with one slave on it that answers after 20 ms and the time of the wire. */
function portTo(slave: Slave, timeline: Timeline, clock: VirtualClock): LinePort {
  let hear: Parameters<LinePort['open']>[1]['onData'] = () => {}
  let settings: Parameters<LinePort['open']>[0] = { baud: 9600, format: '8N1' }
  return {
    nature: 'serial',
    open: async (wanted, listener) => {
      settings = wanted
      hear = listener.onData
      return ok(undefined)
    },
    write: async (request) => {
      const answer = slave(request)
      if (answer)
        timeline.after(20 + wireMs(request.length + answer.length, settings), () =>
          hear(Uint8Array.from(answer), clock.mono()),
        )
      return ok(undefined)
    },
    look: async () => {},
    drain: async () => {},
    close: async () => {},
  }
}

/** Everything the model knows, read through session, plan, guard and master. */
export async function readAll(profile: MeterProfile, slave: Slave): Promise<readonly ReadingValue[]> {
  const timeline = new Timeline()
  const clock = new VirtualClock(timeline)
  const { baud, format } = profile.serial
  const bus = new SerialBus(portTo(slave, timeline, clock), clock, { settings: { baud, format } })
  const session = new MeterSession(
    {
      id: meterIdSchema.parse('it'),
      profile,
      target: profile.protocol === 'modbus' ? { unit: 17 } : { address: '000000000161' },
      ratio:
        profile.values_are === 'secondary'
          ? { ct: { n: Number(CT), exp: 0 }, pt: { n: Number(PT), exp: 0 } }
          : undefined,
      limits: {},
      settings: { baud, format, turnaroundMs: 20 },
    },
    bus,
    (mono) => ({ boot: clock.bootId, mono: mono ?? clock.mono(), wall: clock.wall(), quality: 'S' }),
    () => clock.mono(),
  )
  const { outcome } = await timeline.settle(session.readout(), durationMs(600_000))
  return outcome.record.values
}
