/**
 * A month of a plant through the assembled gateway and the cloud, in virtual time: `node scripts/dist/system/plant-month.js [MINUTES]`.
 * Prints what `metergate energy --month` prints of it, then truth, device and cloud side by side. Ends with 1 when they differ.
 */
import { rmSync } from 'node:fs'
import { table } from '@metergate/agent'
import { batchNumberSchema, formatAmount } from '@metergate/protocol'
import { compareMonth, type MonthComparison } from './plant-month-compare.js'
import { playMonth } from './plant-month-run.js'
import { MONTH } from './plant-month-truth.js'
import { run as runProgram } from './program.js'

const everyMinutes = Number(process.argv[2] ?? 5)
const begun = performance.now()
const say = (text: string): void => void process.stderr.write(`\r\u001b[2K${text}`)
const run = await playMonth({ everyMinutes, until: MONTH.end, say })
const played = Math.round((performance.now() - begun) / 1000)
say('')
for (const lang of ['zh', 'en']) {
  const printed = await runProgram('metergate', [
    'energy',
    '--month',
    '2026-02',
    '--lang',
    lang,
    '--config',
    run.configFile,
  ])
  process.stdout.write(`${printed.out}${printed.err}\n`)
}
const found = await compareMonth(run, MONTH.start, MONTH.end)
process.stdout.write(`${report(found)}\n${await space()}\n`)
process.stdout.write(
  `${run.readings} polls played in ${played} s; ${run.refusedOffline} uploads failed in the day without network\n`,
)
await run.cloud.close()
rmSync(run.folder, { recursive: true, force: true })
process.exitCode = isRight(found) ? 0 : 1

/** What the history takes in sealed batches, and half a year of it. */
async function space(): Promise<string> {
  const { reader } = run.cloud.store
  const bytes = { ledger: 0, detail: 0 }
  for (const { stream, kind, lastBatch } of await reader.streams(run.gateway)) {
    for (let number = 1; number <= lastBatch; number++) {
      const stored = await reader.batch(run.gateway, stream, batchNumberSchema.parse(number))
      bytes[kind] += stored?.body.length ?? 0
    }
  }
  const days = (MONTH.end - MONTH.start) / 86_400_000
  const perMeterDay = bytes.ledger / days / run.loaded.config.meters.length
  const halfYear = (183 * bytes.ledger) / days / 2 ** 20
  return `ledger: ${Math.round(perMeterDay)} bytes a meter and day as sealed; 183 days of all meters: ${halfYear.toFixed(1)} MiB`
}

function report({ meters, products, bridged, closingDifferences, reactive }: MonthComparison): string {
  const asIs = (text: string) => text
  const plain = { faint: asIs, bold: asIs, good: asIs, bad: asIs, warn: asIs }
  const columns = (...titles: string[]) => titles.map((title) => ({ title }))
  return [
    table(
      columns(
        'meter',
        'truth kWh',
        'line misses',
        'device',
        'cloud',
        'digits off',
        'recomputed: agree',
        'differ',
        'not comparable',
      ),
      meters.map((row) => [
        row.meter,
        row.truth.toFixed(4),
        row.misses.toFixed(4),
        formatAmount(row.drawn),
        row.device,
        row.cloud,
        `${row.digits.toFixed(2)} of ${row.segments}`,
        ...row.recomputed.map(String),
      ]),
      plain,
    ),
    table(
      columns('product', 'pairs made', 'device', 'kWh/pair', 'cloud', 'kWh/kg'),
      products.map((row) => [row.product, String(row.truthPairs), row.devicePairs, row.device, row.cloud, row.perKg]),
      plain,
    ),
    `unmetered while press-3 was exchanged: estimated ${bridged[0]} kWh, true ${bridged[1].toFixed(3)}`,
    `reactive energy of main: ${reactive[0]} kvarh, true ${reactive[1].toFixed(2)}`,
    `closing figures that differ in the cloud: ${closingDifferences.length === 0 ? 'none' : closingDifferences.join('; ')}`,
  ].join('\n')
}

function isRight({ meters, products, closingDifferences }: MonthComparison): boolean {
  return (
    meters.every((row) => row.digits <= row.segments && row.device === row.cloud && row.recomputed[1] === 0) &&
    products.every((row) => row.device === row.cloud && Number(row.devicePairs) === row.truthPairs) &&
    closingDifferences.length === 0
  )
}
