import type { BusAnswer, RegisterBus } from '@metergate/agent'
import { type Clock, ok } from '@metergate/protocol'

/** Planted bug: where a poll fails, the last value is shown as if it were new. */
export function lastValueBus(bus: RegisterBus, clock: Clock): RegisterBus {
  const last = new Map<string, BusAnswer>()
  return {
    async read(request, signal) {
      const key = JSON.stringify(request)
      const answer = await bus.read(request, signal)
      const before = last.get(key)
      if (!answer.ok && before) return ok({ ...before, at: { mono: clock.mono(), wall: clock.wall() } })
      if (answer.ok) last.set(key, answer.value)
      return answer
    },
    health: () => bus.health(),
    close: () => bus.close(),
  }
}
