import { randomInt } from '@metergate/protocol'
import type { SeededRandom } from '../kernel/seeded-random.js'
import { DAY_S, isSpringFestival, weekday, workingSpans } from './calendar.js'
import { type LoadDay, LoadDayBuilder, type Segment } from './load-day.js'
import type { LoadSpec } from './schema.js'

/** Reactive power of `watts` at a power factor, whole var. */
function atPowerFactor(watts: number, powerFactor: number): Segment {
  return { watts, vars: Math.round(watts * Math.tan(Math.acos(powerFactor))) }
}

const vary = (random: SeededRandom, value: number, share: number): number =>
  Math.max(0, Math.round(value * (1 + share * (2 * random.next() - 1))))

/** One plant day of a load: a pure function of its description, the day and a seed of both. */
export function shapeDay(spec: LoadSpec, day: number, random: SeededRandom, keepSegments = true): LoadDay {
  const builder = new LoadDayBuilder(keepSegments)
  switch (spec.kind) {
    case 'press':
      return pressDay(builder, spec, day, random)
    case 'compressor':
      return compressorDay(builder, spec, day, random)
    case 'lighting':
      return lightingDay(builder, spec, day, random)
    case 'constant':
      return constantDay(builder, spec)
  }
}

type Press = Extract<LoadSpec, { kind: 'press' }>

/**
 * An injection-moulding press: barrel heaters warm up before a shift, then cycles of close and inject, hold, cool, open and
 * eject; short stops for mould or material; heaters held over meals; standby at night.
 */
function pressDay(builder: LoadDayBuilder, spec: Press, day: number, random: SeededRandom): LoadDay {
  const standby = atPowerFactor(isSpringFestival(day) ? 0 : Math.round(spec.ratedW * 0.012), 0.9)
  for (const { fromS, toS } of workingSpans(day, spec.shifts)) {
    const pause = fromS - builder.atS
    const warmUpS = pause > 7200 ? 2700 : 0
    if (pause > 0)
      idle(
        builder,
        pause - warmUpS,
        pause > 7200 ? standby : atPowerFactor(Math.round(spec.ratedW * 0.09), 0.97),
        random,
      )
    if (warmUpS > 0) warmUp(builder, spec, warmUpS, random)
    runCycles(builder, spec, toS, random)
  }
  idle(builder, DAY_S - builder.atS, standby, random)
  return builder.build()
}

function idle(builder: LoadDayBuilder, seconds: number, level: Segment, random: SeededRandom): void {
  const end = builder.atS + seconds
  while (builder.atS < end) {
    const watts = vary(random, level.watts, 0.06)
    builder.draw(Math.min(120, end - builder.atS), { watts, vars: level.vars })
  }
}

function warmUp(builder: LoadDayBuilder, spec: Press, seconds: number, random: SeededRandom): void {
  const end = builder.atS + seconds
  while (builder.atS < end)
    builder.draw(Math.min(30, end - builder.atS), atPowerFactor(vary(random, spec.ratedW * 0.34, 0.1), 0.98))
}

/** Parts of a cycle: share of its time, share of rated power, var per watt. */
const part = (time: number, power: number, powerFactor: number) => ({
  time,
  power,
  varsPerWatt: Math.tan(Math.acos(powerFactor)),
})
const CYCLE = [part(0.16, 0.92, 0.84), part(0.22, 0.5, 0.76), part(0.46, 0.24, 0.66)] as const
const EJECT = part(0.16, 0.38, 0.74)

function runCycles(builder: LoadDayBuilder, spec: Press, untilS: number, random: SeededRandom): void {
  const waiting = atPowerFactor(Math.round(spec.ratedW * 0.11), 0.95)
  while (builder.atS < untilS) {
    const stopS = random.chance(0.0015) ? 300 + randomInt(random, 1200) : 0
    if (stopS > 0) idle(builder, Math.min(stopS, untilS - builder.atS), waiting, random)
    const cycleS = spec.cycleS + randomInt(random, 3) - 1
    if (builder.atS + cycleS > untilS) {
      idle(builder, untilS - builder.atS, waiting, random)
      return
    }
    // The shot's weight and the oil's temperature vary from cycle to cycle.
    runCycle(builder, spec.ratedW * (0.95 + 0.1 * random.next()), cycleS)
  }
}

function runCycle(builder: LoadDayBuilder, ratedW: number, cycleS: number): void {
  const end = builder.atS + cycleS
  const draw = (seconds: number, { power, varsPerWatt }: (typeof CYCLE)[number]): void => {
    const watts = Math.round(ratedW * power)
    builder.draw(seconds, { watts, vars: Math.round(watts * varsPerWatt) })
  }
  for (const phase of CYCLE) draw(Math.max(1, Math.round(cycleS * phase.time)), phase)
  draw(end - builder.atS, EJECT)
  builder.finishCycle()
}

/** A screw compressor: loaded and unloaded by turns while anybody works, off otherwise. */
function compressorDay(
  builder: LoadDayBuilder,
  spec: Extract<LoadSpec, { kind: 'compressor' }>,
  day: number,
  random: SeededRandom,
): LoadDay {
  for (const { fromS, toS } of workingSpans(day, spec.shifts)) {
    builder.draw(fromS - builder.atS, { watts: 0, vars: 0 })
    while (builder.atS < toS) {
      builder.draw(
        Math.min(60 + randomInt(random, 90), toS - builder.atS),
        atPowerFactor(vary(random, spec.ratedW, 0.03), 0.87),
      )
      builder.draw(
        Math.min(20 + randomInt(random, 60), toS - builder.atS),
        atPowerFactor(vary(random, spec.ratedW * 0.28, 0.03), 0.52),
      )
    }
  }
  builder.draw(DAY_S - builder.atS, { watts: 0, vars: 0 })
  return builder.build()
}

/** Hall and office lighting: by working time and darkness, a few emergency lamps always. */
function lightingDay(
  builder: LoadDayBuilder,
  spec: Extract<LoadSpec, { kind: 'lighting' }>,
  day: number,
  random: SeededRandom,
): LoadDay {
  const spans = workingSpans(day, spec.shifts)
  for (let hourQuarter = 0; hourQuarter < 96; hourQuarter += 1) {
    const atS = hourQuarter * 900
    const working = spans.some(({ fromS, toS }) => atS >= fromS - 900 && atS < toS + 900)
    const dark = atS < 6.5 * 3600 || atS >= 17.5 * 3600
    const office = weekday(day) < 5 && atS >= 8 * 3600 && atS < 18 * 3600 && !isSpringFestival(day) ? 0.15 : 0
    const share = 0.04 + office + (working ? (dark ? 0.8 : 0.4) : 0)
    builder.draw(900, atPowerFactor(vary(random, spec.ratedW * share, 0.02), 0.95))
  }
  return builder.build()
}

function constantDay(builder: LoadDayBuilder, spec: Extract<LoadSpec, { kind: 'constant' }>): LoadDay {
  builder.draw(DAY_S, atPowerFactor(spec.ratedW, spec.powerFactor))
  return builder.build()
}
