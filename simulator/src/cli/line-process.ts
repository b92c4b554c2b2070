import { unreachable } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import type { FaultPlan, LineFaults, UnitFaults } from '../fault/faults.js'
import { wallTimeOf } from '../kernel/real-time.js'
import { RealScheduler } from '../kernel/scheduler.js'
import { buildLine, PlantError, type SimulatedLine } from '../line/build-line.js'
import { PtyLine } from '../line/pty-line.js'
import type { Delivery, LineEvent } from '../line/serial-line.js'
import { ModbusTcpServer, RtuOverTcpServer } from '../line/tcp-server.js'
import { ModbusMeter } from '../meter/modbus-meter.js'
import type { PlantSpec } from '../plant/schema.js'
import { type TruthReport, truthReport } from '../plant/truth-report.js'
import type { LineCommand } from './commands.js'

export interface LineProcessOptions {
  readonly spec: PlantSpec
  readonly hold: boolean
  readonly strictGaps: boolean
  readonly delivery: Delivery
  readonly probeSpeed: boolean
  readonly logAnswers: boolean
  readonly link?: string
  /** Port for Modbus TCP and for RTU over TCP; 0 takes a free one, undefined serves none. */
  readonly tcp?: number
  readonly rtuTcp?: number
  /** In force from the start; commands on standard input replace them. */
  readonly faults?: readonly { readonly unit: string; readonly set: UnitFaults }[]
  readonly lineFaults?: LineFaults
}

/** What is said once everything answers. */
export interface Ready {
  readonly event: 'ready'
  readonly path: string
  readonly link: string | null
  readonly tcp: number | null
  readonly rtu_tcp: number | null
  readonly seed: number
  readonly since: number
  readonly hold_at: number | null
  readonly baud: number
  readonly format: string
  readonly meters: readonly {
    readonly meter: string
    readonly unit: string
    readonly profile: string
    readonly ct: number
    readonly pt: number
  }[]
}

/** Modbus unit or DL/T 645 address, as faults name it. */
const unitOf = ({ unit, address }: PlantSpec['meters'][number]): string => String(unit ?? address)

/** Everything `metergate-sim line` runs, as one part: pty, TCP, faults, truth. `emit` gets one plain object per happening. */
export class LineProcess {
  readonly #options: LineProcessOptions
  readonly #emit: (event: object) => void
  readonly #scheduler = new RealScheduler()
  readonly #epochAt = wallTimeOf(this.#scheduler)
  readonly #profiles = loadBuiltinProfiles()
  readonly #answered = new Map<string, number>()
  readonly #holdAt: number | undefined
  readonly #simulated: SimulatedLine
  readonly #pty: PtyLine
  #tcp: ModbusTcpServer | undefined
  #rtuTcp: RtuOverTcpServer | undefined
  #requests = 0

  constructor(options: LineProcessOptions, emit: (event: object) => void) {
    this.#options = options
    this.#emit = emit
    this.#holdAt = options.hold ? Math.floor(this.#epochAt(this.#scheduler.now())) : undefined
    this.#simulated = this.#build()
    for (const { unit, set } of options.faults ?? []) {
      const why = this.#strangerAt(unit)
      if (why !== undefined) throw new PlantError(`fault of ${why}`)
      this.#simulated.faults.setUnit(unit, set)
    }
    if (options.lineFaults) this.#simulated.faults.setLine(options.lineFaults)
    this.#pty = new PtyLine({
      line: this.#simulated.line,
      scheduler: this.#scheduler,
      baud: options.spec.line.baud,
      probeSpeed: options.probeSpeed,
      ...(options.link === undefined ? {} : { link: options.link }),
    })
  }

  #build(faults?: FaultPlan): SimulatedLine {
    const { spec, delivery, strictGaps } = this.#options
    return buildLine({
      spec,
      profiles: this.#profiles,
      scheduler: this.#scheduler,
      epochAt: this.#epochAt,
      delivery,
      strictGaps,
      ...(this.#holdAt === undefined ? {} : { holdAtMs: this.#holdAt }),
      ...(faults ? { faults } : {}),
      onEvent: (event) => this.#note(event),
    })
  }

  async start(): Promise<Ready> {
    const { spec, link, tcp, rtuTcp } = this.#options
    const path = this.#pty.start()
    const ports = { tcp: await this.#serveTcp(tcp), rtu_tcp: await this.#serveRtuTcp(rtuTcp) }
    // The first look at an instant walks every day since the start readings: done before anybody asks.
    this.truth()
    return {
      event: 'ready',
      path,
      link: link ?? null,
      ...ports,
      seed: spec.seed,
      since: spec.since,
      hold_at: this.#holdAt ?? null,
      baud: spec.line.baud,
      format: spec.line.format,
      meters: spec.meters.map((meter) => ({
        meter: meter.id,
        unit: unitOf(meter),
        profile: meter.profile,
        ct: meter.ct,
        pt: meter.pt,
      })),
    }
  }

  stop(): void {
    this.#pty.stop()
    this.#tcp?.stop()
    this.#rtuTcp?.stop()
  }

  /** The truth of one meter, or of all, now or at an instant. */
  truth(meterId?: string, epochMs = this.#epochAt(this.#scheduler.now())): TruthReport[] {
    const { plant, meters } = this.#simulated
    return meters
      .filter(({ spec }) => meterId === undefined || spec.id === meterId)
      .map((meter) => truthReport(plant, meter, Math.floor(epochMs)))
  }

  /** Carries out a command and emits what came of it. */
  handle(command: LineCommand): void {
    const { faults } = this.#simulated
    const why = 'unit' in command ? this.#strangerAt(command.unit) : undefined
    if (why !== undefined) {
      this.#emit({ event: 'error', message: `${command.cmd} of ${why}` })
      return
    }
    switch (command.cmd) {
      case 'faults':
        faults.setUnit(command.unit, command.set)
        break
      case 'line-faults':
        faults.setLine(command.set)
        break
      case 'once':
        for (let i = 0; i < command.count; i += 1) faults.once(command.unit, command.fault)
        break
      case 'heal':
        faults.heal()
        break
      case 'unplug':
        this.#pty.unplug()
        break
      case 'replug':
        this.#emit({ event: 'replugged', path: this.#pty.replug() })
        return
      case 'truth':
        this.#emit({ event: 'truth', meters: this.truth(command.meter, command.at) })
        return
      case 'stats':
        this.#emit({ event: 'stats', ...this.stats() })
        return
      default:
        unreachable(command)
    }
    this.#emit({ event: 'done', cmd: command.cmd })
  }

  stats(): { requests: number; answers: Record<string, number>; provoked: Record<string, number> } {
    return {
      requests: this.#requests,
      answers: Object.fromEntries(this.#answered),
      provoked: Object.fromEntries(this.#simulated.faults.provoked),
    }
  }

  /** Says so when no meter of the line has that unit: a fault of nobody would be taken for one that does no harm. */
  #strangerAt(unit: string): string | undefined {
    const known = this.#options.spec.meters.map(unitOf)
    return known.includes(unit)
      ? undefined
      : `unit ${unit}: no meter of this line has it; give one of ${known.join(', ')}`
  }

  async #serveTcp(port: number | undefined): Promise<number | null> {
    if (port === undefined) return null
    this.#tcp = new ModbusTcpServer(
      this.#simulated.meters.filter((meter) => meter instanceof ModbusMeter),
      this.#scheduler,
      this.#epochAt,
      this.#simulated.faults,
    )
    return this.#tcp.start(port)
  }

  /** A serial server has its own wire to the same meters, so that it does not talk over the pty's master. */
  async #serveRtuTcp(port: number | undefined): Promise<number | null> {
    if (port === undefined) return null
    const { baud, format } = this.#options.spec.line
    this.#rtuTcp = new RtuOverTcpServer(this.#build(this.#simulated.faults).line, { baud, format })
    return this.#rtuTcp.start(port)
  }

  #note(event: LineEvent): void {
    if (event.kind === 'request') {
      this.#requests += 1
      return
    }
    this.#answered.set(event.station, (this.#answered.get(event.station) ?? 0) + 1)
    if (!this.#options.logAnswers) return
    const { plant, meters } = this.#simulated
    const meter = meters.find((candidate) => candidate.name === event.station)
    const at = Math.floor(event.epochMs)
    this.#emit({
      event: 'answer',
      unit: event.station,
      meter: meter?.spec.id ?? null,
      epoch_ms: at,
      energy_register_kwh: meter ? truthReport(plant, meter, at).energy_register_kwh : null,
      frame: Buffer.from(event.bytes).toString('hex'),
    })
  }
}
