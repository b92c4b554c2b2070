import { compare, formatAmount, type ReadingRecord } from '@metergate/protocol'
import type { ModbusMeter } from '@metergate/simulator'
import type { BootFacts, Violation } from './oracle.js'
import { registerAt } from './truth.js'
import type { Served } from './wire.js'

interface Parts {
  readonly boots: readonly BootFacts[]
  readonly served: readonly Served[]
  readonly meters: readonly ModbusMeter[]
}

/** Stamps are whole milliseconds, and so are the offsets of blocks. */
const ROUNDING_MS = 2

/** I4: every value of every reading is what the meter served at that very moment; without an answer there is no value. */
export function judgeReadings({ boots, served, meters }: Parts, readings: readonly ReadingRecord[]): Violation[] {
  const answers = new Answers(served)
  const violations: Violation[] = []
  for (const reading of readings) {
    const meter = meters.find(({ spec }) => spec.id === reading.meter)
    const boot = boots.find(({ bootId }) => bootId === reading.stamp.boot)
    if (!meter || !boot) continue
    for (const one of reading.values) {
      if (!('value' in one)) continue
      const offset = reading.blocks[one.block]
      const where = `${reading.meter} ${one.quantity} at ${reading.stamp.mono} of ${boot.bootId}`
      if (offset === null || offset === undefined) {
        violations.push({ invariantName: 'I4', what: `${where} has a value although its block got no answer` })
        continue
      }
      const at = boot.bornMs + (reading.stamp.mono + offset) / boot.rate
      const truths = answers.around(meter.unit, at).map(({ epochMs }) => registerAt(meter, one.quantity, epochMs))
      if (truths.some((truth) => truth && compare(truth, one.value) === 0)) continue
      const served = truths.map((truth) => (truth ? formatAmount(truth) : 'nothing')).join(' or ') || 'nothing'
      violations.push({
        invariantName: 'I4',
        what: `${where} is ${formatAmount(one.value)}, the meter served ${served}`,
      })
    }
  }
  return violations.slice(0, 5)
}

/** Answers by unit and millisecond. */
class Answers {
  readonly #by = new Map<string, Served[]>()

  constructor(served: readonly Served[]) {
    for (const one of served) {
      const key = `${one.unit} ${Math.round(one.deliveredMs)}`
      const list = this.#by.get(key) ?? []
      this.#by.set(key, list)
      list.push(one)
    }
  }

  around(unit: number, at: number): Served[] {
    const found: Served[] = []
    for (let ms = Math.round(at) - ROUNDING_MS; ms <= Math.round(at) + ROUNDING_MS; ms += 1) {
      found.push(...(this.#by.get(`${unit} ${ms}`) ?? []))
    }
    return found
  }
}
