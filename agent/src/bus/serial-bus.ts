import type { Clock, Result } from '@metergate/protocol'
import type { BusFault } from './bus-fault.js'
import { Dlt645Master } from './dlt645-master.js'
import { type GuardOptions, LineGuard, type UnitFacts } from './line-guard.js'
import type { LinePort } from './line-port.js'
import { type BusQuestion, ModbusMaster } from './modbus-master.js'
import type { UnitKey } from './question.js'
import type { BusAnswer, BusHealth, BusRead, RegisterBus } from './register-bus.js'
import { Turns } from './turns.js'

/**
 * One RS485 line, at a serial port or behind a serial server. Modbus RTU and DL/T 645 units may share it, each at its own
 * speed and format. Opens the line at the first request, and again after it was lost.
 */
export class SerialBus implements RegisterBus {
  readonly #guard: LineGuard<BusQuestion>
  readonly #modbus: ModbusMaster
  readonly #dlt645: Dlt645Master
  readonly #turns = new Turns()

  constructor(port: LinePort, clock: Clock, options: GuardOptions) {
    this.#guard = new LineGuard(port, clock, options)
    this.#modbus = new ModbusMaster(this.#guard)
    this.#dlt645 = new Dlt645Master(this.#guard)
  }

  /** What is particular about a unit: speed, format, pause, turnaround. */
  setUnit(unit: UnitKey, facts: UnitFacts): void {
    this.#guard.setUnit(unit, facts)
  }

  read(request: BusRead, signal?: AbortSignal): Promise<Result<BusAnswer, BusFault>> {
    return this.#turns.take(() =>
      request.protocol === 'modbus' ? this.#modbus.read(request, signal) : this.#dlt645.read(request, signal),
    )
  }

  health(): BusHealth {
    const why = this.#guard.closedWhy
    return {
      open: why === undefined,
      ...(why === undefined ? {} : { why }),
      line: this.#guard.counters,
      units: this.#guard.unitHealth(),
    }
  }

  close(): Promise<void> {
    return this.#turns.take(() => this.#guard.close())
  }
}
