import {
  type Clock,
  cutTcpFrame,
  durationMs,
  encodeTcpReadRequest,
  epochMs,
  fail,
  ok,
  parseTcpReply,
  type ReplyFault,
  type Result,
  type TcpFrame,
} from '@metergate/protocol'
import { type BusFault, refusalOf } from './bus-fault.js'
import { Inbox } from './inbox.js'
import type { UnitFacts } from './line-guard.js'
import type { LinePort } from './line-port.js'
import { type UnitKey, unitKey } from './question.js'
import type { BusAnswer, BusHealth, BusRead, ModbusRead, RegisterBus } from './register-bus.js'
import { Tally } from './tally.js'
import { Turns } from './turns.js'
import { UnitTiming } from './unit-timing.js'

const REOPEN_EVERY_MS = 500
/** A network may hold a packet longer than a wire holds a byte. */
const LEAST_TIMEOUT_MS = 1000
/** The line settings mean nothing to a socket. */
const NO_WIRE = { baud: 9600, format: '8N1' } as const

/**
 * Modbus TCP. An answer is accepted only with the request's transaction id **and** unit id; every request has a new
 * transaction id, so a late answer is told by its number (65 536 requests later the number has long been used up by the device).
 * Gateways that themselves mix up late answers of their serial side cannot be seen through from here: read such a line as RTU over TCP.
 */
export class ModbusTcpBus implements RegisterBus {
  readonly #port: LinePort
  readonly #clock: Clock
  readonly #inbox: Inbox
  readonly #turns = new Turns()
  readonly #line = new Tally()
  readonly #units = new Map<UnitKey, { tally: Tally; timing: UnitTiming }>()
  readonly #facts: ReadonlyMap<UnitKey, UnitFacts>
  readonly #lastTalk = new Map<UnitKey, number>()
  /** Bytes heard ever when the last time-out was believed. */
  #heardAtTimeout: number | undefined
  #transaction = 0
  #closedWhy: string | undefined = 'not opened yet'
  #triedAt: number | undefined

  /** `units`: of their facts pause and turnaround count here; speed and format are the gateway's. */
  constructor(port: LinePort, clock: Clock, units: ReadonlyMap<UnitKey, UnitFacts> = new Map()) {
    this.#port = port
    this.#clock = clock
    this.#inbox = new Inbox(clock)
    this.#facts = units
  }

  read(request: BusRead, signal?: AbortSignal): Promise<Result<BusAnswer, BusFault>> {
    return this.#turns.take(async () => {
      signal?.throwIfAborted()
      if (request.protocol !== 'modbus')
        return fail({
          kind: 'line_down',
          why: 'DL/T 645 does not travel over Modbus TCP; use rtu_over_tcp for a serial server',
        })
      const outcome = await this.#exchange(request, signal)
      this.#count(request, 'requests')
      this.#count(request, outcome.ok ? 'good' : outcome.fault.kind)
      return outcome
    })
  }

  health(): BusHealth {
    const why = this.#inbox.down ?? this.#closedWhy
    const units = [...this.#units].map(([key, { tally, timing }]) => {
      const { turnaroundMs } = timing
      return [key, { ...tally.counters, timeoutMs: timeoutOf(timing), turnaroundMs }] as const
    })
    return {
      open: why === undefined,
      ...(why === undefined ? {} : { why }),
      line: this.#line.counters,
      units: new Map(units),
    }
  }

  close(): Promise<void> {
    return this.#turns.take(async () => {
      this.#closedWhy = 'closed'
      this.#inbox.rest()
      await this.#port.close()
    })
  }

  async #exchange(read: ModbusRead, signal: AbortSignal | undefined): Promise<Result<BusAnswer, BusFault>> {
    await this.#pause(unitKey(read), signal)
    const opened = await this.#opened()
    if (!opened.ok) return opened
    // What lies in the inbox stays: it may be the beginning of a late answer, and a stream cut inside a frame cannot be read on.
    this.#transaction = (this.#transaction + 1) & 0xffff
    const begun = this.#clock.mono()
    const written = await this.#port.write(encodeTcpReadRequest(this.#transaction, read))
    if (!written.ok) return this.#down(written.fault.why)
    const sent = this.#clock.mono()
    this.#lastTalk.set(unitKey(read), sent)
    return this.#hear(read, begun, sent, signal)
  }

  /** A gateway sends on at once what it gets: the silence a meter needs is kept here. */
  async #pause(unit: UnitKey, signal: AbortSignal | undefined): Promise<void> {
    const end = (this.#lastTalk.get(unit) ?? Number.NEGATIVE_INFINITY) + (this.#facts.get(unit)?.pauseMs ?? 0)
    const left = end - this.#clock.mono()
    if (left > 0) await this.#clock.sleep(durationMs(left), signal)
  }

  async #hear(
    read: ModbusRead,
    begun: number,
    sent: number,
    signal: AbortSignal | undefined,
  ): Promise<Result<BusAnswer, BusFault>> {
    const until = sent + timeoutOf(this.#unit(read).timing)
    for (;;) {
      const cut = cutTcpFrame(this.#inbox.bytes)
      if (cut.kind === 'garbage')
        return this.#giveUp(
          'the other side does not speak Modbus TCP',
          'no Modbus TCP: a serial server in transparent mode wants rtu_over_tcp',
        )
      if (cut.kind === 'frame') {
        const mono = this.#inbox.arrivalOf(cut.next - 1)
        this.#inbox.drop(cut.next)
        const outcome = this.#judge(read, cut.frame, cut.next, Math.round(mono - sent))
        if (!outcome) continue
        this.#lastTalk.set(unitKey(read), mono)
        if (!outcome.ok) return outcome
        this.#unit(read).timing.answered(mono - sent)
        const wall = epochMs(Math.round(this.#clock.wall() - (this.#clock.mono() - mono)))
        return ok({ data: outcome.value, at: { mono, wall }, turnaroundMs: mono - sent, durationMs: mono - begun })
      }
      if (this.#inbox.down !== undefined) return this.#down(this.#inbox.down)
      const heard = this.#inbox.heard
      await this.#inbox.wait(until, this.#inbox.bytes.length + 1, signal)
      if (this.#clock.mono() < until || this.#inbox.heard > heard) continue
      await this.#port.look()
      if (this.#inbox.heard > heard) continue
      if (this.#inbox.bytes.length > 0)
        return this.#giveUp('closed after an answer that broke off', 'the answer broke off')
      await this.#renewIfDead()
      return fail({ kind: 'timeout', waitedMs: Math.round(this.#clock.mono() - sent) })
    }
  }

  /**
   * A gateway that was switched off and on, or a router that forgot, leaves a connection nothing comes over any more, and the system
   * takes many minutes to say so. After two time-outs with nothing heard in between the next request opens another.
   */
  async #renewIfDead(): Promise<void> {
    const { heard } = this.#inbox
    const isDead = this.#heardAtTimeout === heard
    this.#heardAtTimeout = isDead ? undefined : heard
    if (isDead) await this.#close('closed after two requests over which nothing came')
  }

  /** Undefined for frames that answer something else. */
  #judge(
    read: ModbusRead,
    frame: TcpFrame,
    length: number,
    waitedMs: number,
  ): Result<Uint8Array, BusFault> | undefined {
    if (frame.transaction !== this.#transaction) {
      this.#count(read, 'late_answers')
      this.#count(read, 'stray_bytes', length)
      return undefined
    }
    const reply = parseTcpReply(frame, read)
    if (reply.ok) return reply
    if (reply.fault.kind === 'exception') return fail(refusalOf(reply.fault.code, waitedMs))
    return fail({ kind: 'bad_frame', received: Buffer.from(frame.pdu).toString('hex'), why: explain(reply.fault) })
  }

  async #opened(): Promise<Result<void, BusFault>> {
    const why = this.#inbox.down ?? this.#closedWhy
    if (why === undefined) return ok(undefined)
    const now = this.#clock.mono()
    if (this.#triedAt !== undefined && now - this.#triedAt < REOPEN_EVERY_MS) return fail({ kind: 'line_down', why })
    this.#triedAt = now
    this.#inbox.reset()
    this.#inbox.drop(this.#inbox.bytes.length)
    const opened = await this.#port.open(NO_WIRE, {
      onData: (bytes, at) => this.#inbox.push(bytes, at),
      onDown: (reason) => this.#inbox.lost(reason),
    })
    this.#closedWhy = opened.ok ? undefined : opened.fault.why
    return opened
  }

  /** A stream whose frames cannot be told apart is not read on: the connection is closed and opened anew for the next request. */
  async #giveUp(closedWhy: string, why: string): Promise<Result<never, BusFault>> {
    const received = Buffer.from(this.#inbox.bytes).toString('hex')
    await this.#close(closedWhy)
    return fail({ kind: 'bad_frame', received, why })
  }

  async #close(why: string): Promise<void> {
    await this.#port.close()
    this.#closedWhy = why
    this.#triedAt = undefined
  }

  #down(why: string): Result<never, BusFault> {
    this.#closedWhy = why
    return fail({ kind: 'line_down', why })
  }

  #unit(read: ModbusRead): { tally: Tally; timing: UnitTiming } {
    const key = unitKey(read)
    const known = this.#units.get(key)
    if (known) return known
    const unit = { tally: new Tally(), timing: new UnitTiming(this.#facts.get(key)?.turnaround) }
    this.#units.set(key, unit)
    return unit
  }

  #count(read: ModbusRead, what: Parameters<Tally['count']>[0], by = 1): void {
    this.#line.count(what, by)
    this.#unit(read).tally.count(what, by)
  }
}

const timeoutOf = (timing: UnitTiming): number => Math.max(LEAST_TIMEOUT_MS, timing.timeoutMs)

function explain(fault: Exclude<ReplyFault, { kind: 'exception' }>): string {
  switch (fault.kind) {
    case 'wrong_unit':
      return `the answer names unit ${fault.unit}`
    case 'wrong_function':
      return `the answer names function ${fault.function}`
    case 'wrong_length':
      return `the answer has ${fault.have} bytes of data instead of ${fault.need}`
    case 'too_short':
    case 'crc':
      return 'the answer is cut off'
  }
}
