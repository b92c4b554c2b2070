import type { BusAnswer, BusFault, BusRead, RegisterBus } from '@metergate/agent'
import { durationMs, fail, ok, type Result } from '@metergate/protocol'
import type { ModbusMeter, VirtualClock } from '@metergate/simulator'

export interface MemoryBusOptions {
  /** What a request and its answer take, so that instants within a round of polls differ as on a real line. */
  readonly exchangeMs: number
  /** Whether a meter cannot be heard at that instant; absent: all can, always. */
  readonly isSilent?: (meter: string, at: number) => boolean
}

/** Simulated meters answering from memory at virtual instants: the wire left out, all else as on the real box. */
export class MemoryBus implements RegisterBus {
  constructor(
    private readonly meters: readonly ModbusMeter[],
    private readonly clock: VirtualClock,
    private readonly options: MemoryBusOptions,
  ) {}

  async read(request: BusRead): Promise<Result<BusAnswer, BusFault>> {
    const { exchangeMs, isSilent } = this.options
    const begun = this.clock.mono()
    await this.clock.sleep(durationMs(exchangeMs))
    const wall = this.clock.trueWall()
    const meter = request.protocol === 'modbus' ? this.meters.find(({ unit }) => unit === request.unit) : undefined
    if (!meter || request.protocol !== 'modbus' || isSilent?.(meter.spec.id, wall))
      return fail({ kind: 'timeout', waitedMs: exchangeMs })
    const at = { mono: this.clock.mono(), wall: this.clock.wall() }
    const outcome = meter.read(request.function, request.address, request.count, wall)
    if ('exception' in outcome) return fail({ kind: 'exception', code: outcome.exception })
    return ok({ data: outcome.data, at, turnaroundMs: 15, durationMs: at.mono - begun })
  }

  health() {
    const none = { requests: 0, good: 0, timeout: 0, crc: 0, bad_frame: 0, exception: 0, line_down: 0 }
    return { open: true, line: { ...none, stray_bytes: 0, echoes: 0, late_answers: 0, resyncs: 0 }, units: new Map() }
  }

  async close(): Promise<void> {}
}
