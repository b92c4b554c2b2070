import { type Clock, durationMs, type MeterProfile } from '@metergate/protocol'
import type { UnitFacts } from '../bus/line-guard.js'
import type { LineSettings } from '../bus/line-port.js'
import { type UnitKey, unitKey } from '../bus/question.js'
import type { BusRead } from '../bus/register-bus.js'
import { type Probe, type ProbeOutcome, probeOutcome } from './answer-book.js'
import { type Identification, identifyModbus } from './identify.js'
import { identifyDlt645 } from './identify-dlt645.js'
import { type Presence, presenceOf, type ScanBus } from './presence.js'
import { DLT645_WAIT_MS } from './scan-plan.js'
import type { ScanPort } from './scan-port.js'
import type { SetRatios, UnitAddress } from './scan-report.js'
import { setRatios } from './set-ratio.js'

export interface ScanParts {
  readonly clock: Clock
  readonly profiles: readonly MeterProfile[]
  readonly signal?: AbortSignal
}

/** Undefined for a meter that does not tell its address: it may be any. */
export function keyOf(at: UnitAddress): UnitKey | undefined {
  if (at.protocol === 'modbus') return unitKey(at)
  return at.address === undefined ? undefined : unitKey({ protocol: 'dlt645', address: at.address })
}

/** A late answer was heard: this unit is slow, not absent. */
const SLOW: UnitFacts = { turnaround: { typical: 500, max: 2000 } }
/** Eastron meters fail now and then when asked faster. */
const NAMING_PAUSE_MS = 100
const MOST_REPEATS = 3
/** Of so few questions no share is taken. */
const LEAST_FOR_CROWD = 4

/** One opening of one port at one setting. */
export class Visit {
  /** Units that have answered here. */
  readonly heard = new Set<UnitKey>()
  #babbles = 0

  constructor(
    readonly port: ScanPort,
    readonly settings: LineSettings,
    readonly bus: ScanBus,
    private readonly parts: ScanParts,
    private readonly modbusWaitMs: number,
  ) {}

  /** Any well-formed answer, a refusal too, means that somebody is there. */
  async askModbus(unit: number, fn: 3 | 4): Promise<Presence> {
    const key = unitKey({ protocol: 'modbus', unit })
    this.bus.setUnit(key, { turnaround: { typical: 40, max: this.modbusWaitMs } })
    const first = await this.#presence({ protocol: 'modbus', unit, function: fn, address: 0, count: 2 })
    if (first.kind !== 'garbled') return first
    // Bytes that are no answer may be a slow unit's answer under this question, or one hit by noise: listen longer, twice.
    const second = await this.askSlowly(unit)
    return second.kind === 'there' ? second : this.askSlowly(unit)
  }

  async askSlowly(unit: number): Promise<Presence> {
    this.bus.setUnit(unitKey({ protocol: 'modbus', unit }), SLOW)
    return this.#presence({ protocol: 'modbus', unit, function: 3, address: 0, count: 4 })
  }

  async ask1997(): Promise<Presence> {
    const address = 'aaaaaaaaaaaa'
    this.bus.setUnit(unitKey({ protocol: 'dlt645', address }), { turnaround: { typical: 100, max: DLT645_WAIT_MS } })
    return this.#presence({ protocol: 'dlt645', address, di: '00009010', edition: '1997' })
  }

  /** Units whose answers came when nobody waited any more. */
  lateUnits(): number[] {
    return [...this.bus.health().units].flatMap(([key, { late_answers }]) => {
      const unit = /^modbus:(\d+)$/.exec(key)?.[1]
      return unit !== undefined && late_answers > 0 && !this.heard.has(key) ? [Number(unit)] : []
    })
  }

  async identify(
    at: UnitAddress,
    edition: '2007' | '1997',
    turnaroundMs: number,
    neighbours: readonly string[],
  ): Promise<Identification> {
    const { profiles, signal } = this.parts
    const wait = Math.min(2000, Math.max(250, 3 * turnaroundMs))
    const facts = { pauseMs: NAMING_PAUSE_MS, turnaround: { typical: turnaroundMs, max: wait } }
    if (at.protocol === 'dlt645') {
      const address = at.address ?? 'aaaaaaaaaaaa'
      this.bus.setUnit(unitKey({ protocol: 'dlt645', address }), { turnaround: { typical: 100, max: DLT645_WAIT_MS } })
      return identifyDlt645((di) => this.#patiently({ protocol: 'dlt645', address, di, edition }), profiles, edition)
    }
    this.bus.setUnit(unitKey(at), facts)
    let silences = 0
    const ask = async (probe: Probe): Promise<ProbeOutcome | undefined> => {
      // A unit that keeps silent about whole parts of its map would otherwise be asked everything twice.
      const outcome = await this.#patiently({ protocol: 'modbus', unit: at.unit, ...probe }, silences < MOST_REPEATS)
      if (outcome?.kind === 'silent') silences += 1
      return outcome
    }
    return identifyModbus(ask, profiles, { settings: this.settings, unit: at.unit, turnaroundMs, neighbours }, signal)
  }

  /**
   * Do two units answer at this address? Then answers come that nobody waits for, although none was missed, or hardly one
   * comes through whole.
   */
  isCrowded(at: UnitAddress): boolean {
    const key = keyOf(at)
    if (key === undefined) return false
    const known = this.bus.health().units.get(key)
    if (!known || known.requests < LEAST_FOR_CROWD) return false
    const unowed = known.late_answers - known.timeout
    return unowed >= known.requests / 4 || known.crc + known.bad_frame >= known.requests / 2
  }

  /** What the meter itself has for the ratios its values leave out; undefined when it is not sure which model it is. */
  async ratios(at: UnitAddress, { verdict, candidates }: Identification): Promise<SetRatios | undefined> {
    const { profiles, signal } = this.parts
    const profile = profiles.find(({ id }) => verdict === 'sure' && id === candidates[0]?.profile)
    if (profile?.protocol !== 'modbus' || profile.values_are !== 'secondary' || !profile.ratio_registers)
      return undefined
    return setRatios(this.bus, { at, profile }, signal)
  }

  /** One damaged or missing answer is no evidence. */
  async #patiently(read: BusRead, isPatient = true): Promise<ProbeOutcome | undefined> {
    const first = probeOutcome(await this.bus.read(read, this.parts.signal))
    const again = first?.kind === 'broken' || (first?.kind === 'silent' && isPatient)
    return again ? probeOutcome(await this.bus.read(read, this.parts.signal)) : first
  }

  async #presence(read: BusRead): Promise<Presence> {
    const presence = presenceOf(await this.bus.read(read, this.parts.signal))
    if (presence.kind === 'there') {
      const key = unitKey(read)
      this.heard.add(key)
      return { ...presence, turnaroundMs: this.bus.health().units.get(key)?.turnaroundMs ?? presence.turnaroundMs }
    }
    if (presence.kind !== 'trouble' || presence.trouble !== 'babble') return presence
    this.#babbles += 1
    if (this.#babbles >= 2) return presence
    await this.parts.clock.sleep(durationMs(500), this.parts.signal)
    return this.#presence(read)
  }
}
