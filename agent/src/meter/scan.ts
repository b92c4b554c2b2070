import { type MeterProfile, unreachable } from '@metergate/protocol'
import { sameSettings } from '../bus/line-port.js'
import { protocolOf, type UnitKey, unitKey } from '../bus/question.js'
import { findDlt645Meters } from './dlt645-search.js'
import type { Presence } from './presence.js'
import {
  modbusWaitMs,
  OPENING_MS,
  planScan,
  probeMs,
  type ScanProbe,
  type ScanScope,
  type ScanStage,
  stageMs,
} from './scan-plan.js'
import type { ScanPort } from './scan-port.js'
import type { FoundUnit, Garbled, PortTrouble, ScanEvent, ScanReport, UnitAddress } from './scan-report.js'
import { keyOf, type ScanParts, Visit } from './scan-visit.js'

export { type ScanPort, scanPort } from './scan-port.js'
export type { ScanParts } from './scan-visit.js'

export interface ScanOptions extends ScanScope {
  /** Ends as soon as this many units are named. */
  readonly stopAfter?: number
}

/**
 * Looks for meters on every port at every likely setting and names each it finds. Only ever reads: requests are made by the
 * codecs' read encoders, which have no code for a write, a clear or a relay. Yields what happens as it happens; the last event is `done`.
 * Ends early, with what was found so far, when the signal aborts.
 */
export async function* scan(
  ports: readonly ScanPort[],
  options: ScanOptions,
  parts: ScanParts,
): AsyncGenerator<ScanEvent, ScanReport> {
  const run = new ScanRun(ports, options, parts)
  try {
    for (const port of ports) yield* run.port(port)
  } catch (error) {
    if (!parts.signal?.aborted) throw error
  }
  const report = run.report()
  yield { kind: 'done', report }
  return report
}

/** What a whole scan is expected to take, before it begins. */
export function scanEstimate(
  ports: readonly ScanPort[],
  options: ScanScope,
  profiles: readonly MeterProfile[],
): { readonly probes: number; readonly etaMs: number } {
  const stages = ports.flatMap((port) => stagesFor(port, options, profiles))
  return {
    probes: stages.reduce((sum, { probes }) => sum + probes.length, 0),
    etaMs: Math.round(stages.reduce((sum, stage) => sum + stageMs(stage, modbusWaitMs(options)), 0)),
  }
}

function stagesFor(port: ScanPort, options: ScanScope, profiles: readonly MeterProfile[]): ScanStage[] {
  const { settings } = port
  const wanted = options.protocols ?? ['modbus', 'dlt645']
  const protocols = wanted.filter((protocol) => port.protocols?.includes(protocol) ?? true)
  const fixed = settings === 'any' ? {} : { bauds: [settings.baud], formats: [settings.format] }
  return planScan(profiles, { ...options, ...fixed, protocols })
}

class ScanRun {
  readonly #options: ScanOptions
  readonly #parts: ScanParts
  readonly #waitMs: number
  readonly #found: FoundUnit[] = []
  readonly #garbled: Garbled[] = []
  readonly #troubles: PortTrouble[] = []
  readonly #begun: number
  #tried = 0
  #total: number
  #leftMs: number
  #reads = 0
  #complete = false
  /** Predicted and real milliseconds of the questions nobody answered. */
  #silent = { predicted: 1, real: 1 }

  constructor(ports: readonly ScanPort[], options: ScanOptions, parts: ScanParts) {
    this.#options = options
    this.#parts = parts
    this.#waitMs = modbusWaitMs(options)
    this.#begun = parts.clock.mono()
    const { probes, etaMs } = scanEstimate(ports, options, parts.profiles)
    this.#total = probes
    this.#leftMs = etaMs
  }

  report(): ScanReport {
    return {
      found: this.#found,
      garbled: this.#garbled,
      troubles: this.#troubles,
      probes: this.#tried,
      reads: this.#reads,
      durationMs: Math.round(this.#parts.clock.mono() - this.#begun),
      complete: this.#complete || this.#tried >= this.#total,
    }
  }

  /** One port, setting by setting. Where somebody answered, the other units at the same setting come next. */
  async *port(port: ScanPort): AsyncGenerator<ScanEvent> {
    let stages = stagesFor(port, this.#options, this.#parts.profiles)
    while (!this.#isEnough()) {
      const [stage, ...rest] = stages
      if (!stage) return
      const before = this.#found.length
      const troubles = this.#troubles.length
      yield* this.#stage(port, stage)
      if (this.#troubles.length > troubles) return this.#skip(rest)
      const isSame = ({ settings }: ScanStage): boolean => sameSettings(settings, stage.settings)
      stages = this.#found.length > before ? [...rest.filter(isSame), ...rest.filter((each) => !isSame(each))] : rest
    }
  }

  #isEnough(): boolean {
    return this.#options.stopAfter !== undefined && this.#found.length >= this.#options.stopAfter
  }

  /** A port in trouble: what was planned there is not going to happen. */
  #skip(stages: readonly ScanStage[]): void {
    for (const stage of stages) {
      this.#total -= stage.probes.length
      this.#leftMs -= stageMs(stage, this.#waitMs)
    }
  }

  async *#stage(port: ScanPort, stage: ScanStage): AsyncGenerator<ScanEvent> {
    const visit = new Visit(port, stage.settings, port.open(stage.settings), this.#parts, this.#waitMs)
    this.#leftMs -= OPENING_MS
    try {
      for (const [index, probe] of stage.probes.entries()) {
        if (this.#isEnough()) return
        const troubles = this.#troubles.length
        yield* this.#probe(visit, probe)
        if (this.#troubles.length === troubles) continue
        return this.#skip([{ ...stage, probes: stage.probes.slice(index + 1) }])
      }
      for (const unit of visit.lateUnits())
        yield* this.#judge(visit, { protocol: 'modbus', unit }, await visit.askSlowly(unit))
    } finally {
      await visit.bus.close()
    }
  }

  async *#probe(visit: Visit, probe: ScanProbe): AsyncGenerator<ScanEvent> {
    const { settings, port } = visit
    const at = addressOf(probe)
    yield {
      kind: 'progress',
      port: port.name,
      settings,
      at,
      tried: this.#tried,
      total: this.#total,
      etaMs: this.#eta(),
    }
    this.#tried += 1
    const priced = probeMs(probe, settings, this.#waitMs)
    this.#leftMs -= priced
    if (probe.kind === 'modbus') {
      if (visit.heard.has(unitKey({ protocol: 'modbus', unit: probe.unit }))) return
      if (this.#isKnown(visit, unitKey({ protocol: 'modbus', unit: probe.unit }))) return
      const begun = this.#parts.clock.mono()
      const presence = await visit.askModbus(probe.unit, probe.again ? 4 : 3)
      if (presence.kind === 'nobody') this.#learn(priced, this.#parts.clock.mono() - begun)
      return yield* this.#judge(visit, at, presence)
    }
    yield* probe.kind === 'dlt645' ? this.#dlt645(visit) : this.#dlt645Of1997(visit)
  }

  /**
   * A meter found at this speed in another format: some answer in more than one (and a pty knows no parity), but one address is
   * one meter.
   */
  #isKnown({ port, settings }: Visit, key: UnitKey): boolean {
    return this.#found.some(
      (unit) => unit.port === port.name && unit.settings.baud === settings.baud && keyOf(unit.at) === key,
    )
  }

  #isGarbledHere({ port, settings }: Visit, at: UnitAddress): boolean {
    return this.#garbled.some(
      (known) => known.port === port.name && sameSettings(known.settings, settings) && keyOf(known.at) === keyOf(at),
    )
  }

  #learn(predicted: number, real: number): void {
    this.#silent = { predicted: this.#silent.predicted + predicted, real: this.#silent.real + real }
  }

  #eta(): number {
    const pace = Math.min(4, Math.max(0.5, this.#silent.real / this.#silent.predicted))
    return Math.max(0, Math.round(this.#leftMs * pace))
  }

  async *#judge(visit: Visit, at: UnitAddress, presence: Presence): AsyncGenerator<ScanEvent> {
    const { settings, port } = visit
    switch (presence.kind) {
      case 'nobody':
        return
      case 'there':
        return yield* this.#name(visit, at, presence.turnaroundMs, undefined)
      case 'garbled': {
        // A unit that is asked by both read functions says nothing new the second time.
        if (this.#isGarbledHere(visit, at)) return
        const garbled = { port: port.name, settings, at, received: presence.received }
        this.#garbled.push(garbled)
        return yield { kind: 'garbled', garbled }
      }
      case 'trouble': {
        const trouble = { port: port.name, kind: presence.trouble, why: presence.why }
        this.#troubles.push(trouble)
        return yield { kind: 'trouble', trouble }
      }
      default:
        return unreachable(presence)
    }
  }

  async *#name(
    visit: Visit,
    at: UnitAddress,
    turnaroundMs: number,
    edition: '2007' | '1997' | undefined,
  ): AsyncGenerator<ScanEvent> {
    const { settings, port } = visit
    yield { kind: 'heard', port: port.name, settings, at }
    const neighbours = this.#found.flatMap(({ identification: { verdict, candidates } }) =>
      verdict === 'sure' && candidates[0] ? [candidates[0].profile] : [],
    )
    const identification = await visit.identify(at, edition ?? '2007', turnaroundMs, neighbours)
    this.#reads += identification.reads
    const ratios = await visit.ratios(at, identification)
    const unit = {
      port: port.name,
      settings,
      at,
      turnaroundMs: Math.round(turnaroundMs),
      identification,
      ...(ratios ? { ratios } : {}),
      ...(visit.isCrowded(at) ? { isCrowded: true as const } : {}),
    }
    this.#found.push(unit)
    yield { kind: 'named', unit }
  }

  async *#dlt645(visit: Visit): AsyncGenerator<ScanEvent> {
    const { settings, port } = visit
    for await (const event of findDlt645Meters(visit.bus, this.#parts.clock, this.#parts.signal)) {
      switch (event.kind) {
        case 'meter':
          if (this.#isKnown(visit, unitKey({ protocol: 'dlt645', address: event.address }))) break
          yield* this.#name(visit, { protocol: 'dlt645', address: event.address }, event.turnaroundMs, '2007')
          if (this.#isEnough()) return
          break
        case 'several':
          yield { kind: 'several', port: port.name, settings }
          break
        case 'steps':
          this.#total += event.more
          this.#leftMs += event.more * probeMs({ kind: 'dlt645' }, settings, this.#waitMs)
          break
        case 'tried':
          this.#tried += 1
          this.#leftMs -= probeMs({ kind: 'dlt645' }, settings, this.#waitMs)
          yield {
            kind: 'progress',
            port: port.name,
            settings,
            at: { protocol: 'dlt645', address: event.address },
            tried: this.#tried,
            total: this.#total,
            etaMs: this.#eta(),
          }
          break
        case 'garbled':
        case 'trouble':
          yield* this.#judge(visit, { protocol: 'dlt645', address: undefined }, event)
          break
        default:
          unreachable(event)
      }
    }
  }

  async *#dlt645Of1997(visit: Visit): AsyncGenerator<ScanEvent> {
    if ([...visit.heard].some((key) => protocolOf(key) === 'dlt645')) return
    const presence = await visit.ask1997()
    // Nothing tells a 1997 meter's garbled answer from noise: only a whole one counts.
    if (presence.kind === 'there')
      yield* this.#name(visit, { protocol: 'dlt645', address: undefined }, presence.turnaroundMs, '1997')
  }
}

function addressOf(probe: ScanProbe): UnitAddress {
  return probe.kind === 'modbus' ? { protocol: 'modbus', unit: probe.unit } : { protocol: 'dlt645', address: undefined }
}
