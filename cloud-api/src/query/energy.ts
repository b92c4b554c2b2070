import {
  type Amount,
  add,
  type EnergyAnswer,
  type EnergyStep,
  type GatewayId,
  type MeterId,
  type QualityFlag,
  type QuantityName,
  quantity as quantityOf,
} from '@metergate/protocol'
import { HttpProblem } from '../http/problem.js'
import type { EnergySum, Range, Reader } from '../store/series-store.js'
import { type CivilStep, civilSteps, isZone } from './civil-steps.js'

/** Where most plants are; used until a gateway names its own zone. */
const DEFAULT_ZONE = 'Asia/Shanghai'

export interface EnergyQuestion extends Range {
  readonly gateway: GatewayId
  readonly meter: MeterId
  readonly quantity: QuantityName
  readonly step: 'hour' | 'day'
  readonly zone: string
}

/** The zone asked for, else the plant's own as its gateway last named it. 400 when the one asked for does not exist. */
export async function zoneOf(reader: Reader, gateway: GatewayId, asked: string | undefined): Promise<string> {
  if (asked !== undefined) {
    if (isZone(asked)) return asked
    throw new HttpProblem('malformed_request', `zone "${asked}" is no IANA time zone; write e.g. ${DEFAULT_ZONE}`)
  }
  const own = (await reader.heartbeat(gateway))?.body.plant?.timezone
  return own !== undefined && isZone(own) ? own : DEFAULT_ZONE
}

/** Energy per civil hour or day. 400 when the quantity is no counter: a gauge has nothing to add up. */
export async function readEnergySteps(reader: Reader, question: EnergyQuestion): Promise<EnergyAnswer> {
  const { gateway, meter, quantity, step, zone, from, to } = question
  if (quantityOf(quantity).nature !== 'counter') {
    throw new HttpProblem('malformed_request', `${quantity} is no counter; ask for its series instead`)
  }
  const steps = civilSteps(zone, step, from, to)
  const range = { from: steps[0]?.start ?? from, to: steps.at(-1)?.end ?? to }
  const rows = await reader.energy(gateway, meter, quantity, range)
  return { gateway, meter, quantity, step, zone, steps: sumSteps(steps, rows) }
}

/** Both in the order of time; what starts in a step counts in it, so that steps add up to all there is. */
export function sumSteps(steps: readonly CivilStep[], rows: readonly EnergySum[]): EnergyStep[] {
  let next = 0
  return steps.map((step) => {
    const sum = new StepSum()
    for (let row = rows[next]; row && row.start < step.end; row = rows[next]) {
      sum.add(row)
      next += 1
    }
    return sum.of(step)
  })
}

class StepSum {
  private energy: Amount | null = null
  private estimated: Amount | null = null
  private coveredMs = 0

  add({ coveredMs, energy, flag }: EnergySum): void {
    this.energy = this.energy ? add(this.energy, energy) : energy
    if (isEstimate(flag)) this.estimated = this.estimated ? add(this.estimated, energy) : energy
    this.coveredMs += coveredMs
  }

  of({ start, end }: CivilStep): EnergyStep {
    const coverage = Math.min(1000, Math.floor((this.coveredMs * 1000) / (end - start)))
    const none = this.energy && { n: 0, exp: this.energy.exp }
    return { start, end, energy: this.energy, estimated: this.estimated ?? none, coverage }
  }
}

/** What is `mixed` comes without its measured part. `edited` is what a person vouches for. */
const isEstimate = (flag: QualityFlag): boolean => flag === 'estimated' || flag === 'substituted' || flag === 'mixed'
