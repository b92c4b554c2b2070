import { checkSource, type LoadedConfig } from '@metergate/agent'
import { invariant, type MeterProfile } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { buildMeter, demoPlant, ModbusMeter, Plant } from '@metergate/simulator'

/** When the world begins: Monday, 2026-03-02, 08:00 in China. */
export const EPOCH_MS = Date.UTC(2026, 2, 2)
const METERS = ['main', 'press-1', 'counter']

/** The gateway's configuration: two electricity meters of unlike kinds and a counter of pieces on one line. */
const CONFIG = `
plant: { name: world, timezone: Asia/Shanghai, interval: 15m }
lines:
  - { id: rs485-1, port: /dev/ttyUSB0, baud: 9600, format: 8N1 }
meters:
  - { id: main, line: rs485-1, profile: eastron-sdm630, unit: 1, poll: { power: 60s, energy: 60s, rare: 30m } }
  - { id: press-1, line: rs485-1, profile: chint-dtsu666, unit: 2, ct: 40, poll: { power: 60s, energy: 60s, rare: 30m } }
  - { id: counter, line: rs485-1, profile: advantech-adam-4150, unit: 10, poll: { power: 60s, energy: 60s, rare: 30m } }
products:
  - { id: slipper, counter: { meter: counter, quantity: pulse_count_1 }, energy: [press-1] }
sync: { cloud: "http://127.0.0.1:8080" }
`

const profiles: readonly MeterProfile[] = loadBuiltinProfiles()

export function worldConfig(): LoadedConfig {
  const loaded = checkSource(CONFIG, { file: '/world/metergate.yaml', builtin: profiles })
  invariant(loaded.ok, `the world's configuration: ${loaded.ok ? '' : JSON.stringify(loaded.fault)}`)
  return loaded.value
}

/** The plant's meters, its one truth; counters stood at their start readings the night before. */
export function worldMeters(seed: number): readonly ModbusMeter[] {
  const spec = demoPlant(seed, { sinceMs: EPOCH_MS - 8 * 3_600_000, shifts: 'double' })
  const plant = new Plant(spec)
  return spec.meters
    .filter(({ id }) => METERS.includes(id))
    .map((meter) => {
      const built = buildMeter(meter, plant, profiles)
      invariant(built instanceof ModbusMeter, `${meter.id} speaks Modbus`)
      return built
    })
}
