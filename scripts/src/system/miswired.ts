import {
  buildMeter,
  FaultPlan,
  type LineParts,
  type MeterTruth,
  ModbusMeter,
  ModbusStation,
  Plant,
  SeededRandom,
  SerialLine,
  type SimulatedLine,
} from '@metergate/simulator'

type Electrical = MeterTruth['electrical']
type Three = readonly [number, number, number]

const three = (f: (phase: 0 | 1 | 2) => number): Three => [f(0), f(1), f(2)]
/** Directions of the three voltages, radians. */
const DIRECTION: Three = [0, (-2 * Math.PI) / 3, (2 * Math.PI) / 3]

/** Input i measures the current of phase order[i], turned round where reversed. */
export function rewired(
  { voltage, current, activeW, reactiveVar, ...rest }: Electrical,
  order: readonly [0 | 1 | 2, 0 | 1 | 2, 0 | 1 | 2],
  reversed: readonly number[] = [],
): Electrical {
  const angle = (i: 0 | 1 | 2): number => {
    const j = order[i]
    const load = Math.atan2(reactiveVar[j], activeW[j])
    return DIRECTION[i] - DIRECTION[j] + load + (reversed.includes(i) ? Math.PI : 0)
  }
  const va = three((i) => voltage[i] * current[order[i]])
  return {
    ...rest,
    voltage,
    current: three((i) => current[order[i]]),
    activeW: three((i) => va[i] * Math.cos(angle(i))),
    reactiveVar: three((i) => va[i] * Math.sin(angle(i))),
    apparentVa: va,
  }
}

/** A phase whose voltage wire is off: the meter sees no power in it either. */
export function withoutPhase(electrical: Electrical, lost: 0 | 1 | 2): Electrical {
  const cut = (values: Three): Three => three((i) => (i === lost ? 0 : values[i]))
  return {
    ...electrical,
    voltage: cut(electrical.voltage),
    activeW: cut(electrical.activeW),
    reactiveVar: cut(electrical.reactiveVar),
    apparentVa: cut(electrical.apparentVa),
  }
}

class MiswiredPlant extends Plant {
  readonly #change: (electrical: Electrical) => Electrical

  constructor(parts: LineParts, change: (electrical: Electrical) => Electrical) {
    super(parts.spec)
    this.#change = change
  }

  override truthAt(meterId: string, epochMs: number): MeterTruth {
    const truth = super.truthAt(meterId, epochMs)
    return { ...truth, electrical: this.#change(truth.electrical) }
  }
}

/** Builds a line whose Modbus meters are wired as `change` says. */
export const miswired =
  (change: (electrical: Electrical) => Electrical) =>
  (parts: LineParts): SimulatedLine => {
    const plant = new MiswiredPlant(parts, change)
    const random = new SeededRandom(1)
    const faults = new FaultPlan(random.fork('faults'))
    const meters = parts.spec.meters.map((meter) => buildMeter(meter, plant, parts.profiles))
    const stations = meters.flatMap((meter) =>
      meter instanceof ModbusMeter ? [new ModbusStation(meter, parts.spec.line)] : [],
    )
    const line = new SerialLine({
      scheduler: parts.scheduler,
      stations,
      faults,
      random: random.fork('noise'),
      epochAt: parts.epochAt,
      delivery: { chunkMs: 4, tail: 'prompt' },
      strictGaps: true,
    })
    return { plant, meters, stations, faults, line, meter: (id) => meters.find(({ spec }) => spec.id === id) }
  }
