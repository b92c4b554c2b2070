import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EnergyDesk, PlantZone } from '@metergate/agent'
import {
  amount,
  bootId,
  epochMs,
  type MeterId,
  meterIdSchema,
  monoMs,
  productIdSchema,
  type ReadingRecord,
} from '@metergate/protocol'

/**
 * A process of its own that takes four days of readings a minute of 32 meters, with the energy desk or without it, and
 * prints its resident memory in MiB. The difference of two such runs is what energy adds to the daemon.
 */
const METERS = 32
const KEPT_DAYS = 4
const START = Date.parse('2026-03-01T00:00:00+08:00')

const ids = Array.from({ length: METERS }, (_, index) => meterIdSchema.parse(`meter-${index + 1}`))
const withEnergy = process.argv.includes('--energy')
const desk = withEnergy
  ? EnergyDesk.fresh({
      zone: new PlantZone('Asia/Shanghai'),
      minutes: 15,
      meters: ids.map((id) => ({ id, periodMs: 60_000, counters: [{ quantity: 'energy_active_import_total' }] })),
      products: [{ id: productIdSchema.parse('sole'), unit: 'pair', meters: ids, counters: [] }],
      shifts: [],
    })
  : undefined

function readingAt(minute: number, meter: MeterId): ReadingRecord {
  const at = epochMs(START + minute * 60_000)
  const stamp = { boot: bootId('bench'), mono: monoMs(minute * 60_000), wall: at, quality: 'S' as const }
  const value = amount(1_000_000 + 50 * minute, -2)
  const values = [{ quantity: 'energy_active_import_total' as const, block: 0, value }]
  return { kind: 'reading', stamp, meter, group: 'energy', blocks: [0], values }
}

setFlagsFromString('--expose-gc')
const gc: unknown = runInNewContext('gc')
const collect = (): void => {
  if (typeof gc === 'function') gc()
}

let drafts = 0
for (let minute = 0; minute < KEPT_DAYS * 1440; minute++) {
  for (const meter of ids) {
    const reading = readingAt(minute, meter)
    drafts += desk?.take(reading, epochMs(reading.stamp.wall)).length ?? 0
  }
  // Four days in seconds: without this the memory is that of the haste. In a day on the box there is time to collect every minute.
  if (minute % 5 === 4) collect()
}
collect()
const memory = process.memoryUsage()
const mib = (bytes: number): number => Math.round((bytes / 2 ** 20) * 10) / 10
// The desk is asked once more after measuring, so that nothing of it can have been collected before.
const checkpoint = desk?.checkpoint().length ?? 0
process.stdout.write(
  `${JSON.stringify({ energy: withEnergy, drafts, checkpoint, rss: mib(memory.rss), heap: mib(memory.heapUsed) })}\n`,
)
