import type { MeterProfile } from '@metergate/protocol'
import { findProfile, loadBuiltinProfiles } from '@metergate/protocol/profiles'
import {
  buildLine,
  InProcessLine,
  type PlantSpec,
  plantSpecSchema,
  type SimulatedLine,
  Timeline,
  VirtualClock,
} from '@metergate/simulator'
import type { z } from 'zod'
import { InProcessPort } from './in-process-port.js'

export const profiles = loadBuiltinProfiles()

/** The model of this name or alias. */
export function profileOf(name: string): MeterProfile {
  const profile = findProfile(name, profiles)
  if (!profile) throw new Error(`no profile ${name}`)
  return profile
}

/** A simulated line in virtual time, and a port to it. */
export interface VirtualLine {
  readonly timeline: Timeline
  readonly clock: VirtualClock
  readonly port: InProcessPort
  readonly simulated: SimulatedLine
  /** Requests the stations could hear, as hex. */
  readonly requests: string[]
  unplug(): void
}

const NOW = Date.UTC(2026, 10, 23, 2)

/** Ten kilowatts of steady load behind every meter unless the plant says otherwise. */
export function virtualLine(
  meters: z.input<typeof plantSpecSchema>['meters'],
  line: z.input<typeof plantSpecSchema>['line'] = {},
  seed = 1,
): VirtualLine {
  const spec = plantSpecSchema.parse({
    seed,
    since: NOW - 3 * 86_400_000,
    line,
    loads: [{ id: 'motor', kind: 'constant', ratedW: 10_000, powerFactor: 0.86 }],
    meters: meters.map((meter) => ({ ...meter, loads: meter.loads ?? ['motor'] })),
  })
  return lineOf(spec)
}

export function lineOf(spec: PlantSpec, build = buildLine): VirtualLine {
  const timeline = new Timeline()
  const clock = new VirtualClock(timeline, { epochAtZeroMs: NOW })
  const requests: string[] = []
  const simulated = build({
    spec,
    profiles,
    scheduler: timeline,
    epochAt: (at) => NOW + at,
    onEvent: (event) => {
      if (event.kind === 'request') requests.push(Buffer.from(event.frame).toString('hex'))
    },
  })
  const line = new InProcessLine(simulated.line, timeline)
  const port = new InProcessPort(line, clock)
  return { timeline, clock, port, simulated, requests, unplug: () => line.unplug() }
}
