import { formatAmount, quantity, unreachable } from '@metergate/protocol'
import { Command } from 'commander'
import { PlantZone } from '../energy/plant-time.js'
import { prometheusText } from '../health/prometheus.js'
import type { GatewaySnapshot } from '../health/snapshot.js'
import { ABSENCE_TEXTS, CLI, LINK_STATE_TEXTS, METER_STATE_TEXTS } from '../i18n/cli-texts.js'
import { CLOCK } from '../i18n/clock-texts.js'
import { lineDownTexts } from '../i18n/line-down-texts.js'
import { printBudget } from './config.js'
import type { CliContext } from './context.js'
import { bytesText, uptimeText } from './format.js'
import { type Cell, facts, table } from './table.js'
import { formatInstant } from './times.js'

/** `metergate status`: the running gateway at a glance. */
export function statusCommand(cli: CliContext): Command {
  const { terminal } = cli
  return new Command('status')
    .description(terminal.say(CLI.cmdStatus))
    .option('--json', terminal.say(CLI.optJson))
    .option('--prometheus', terminal.say(CLI.optPrometheus))
    .action(async (options: { json?: boolean; prometheus?: boolean }) => {
      const loaded = cli.load()
      const snapshot = await cli.ask(loaded, 'status', {})
      if (options.json) terminal.json(snapshot)
      else if (options.prometheus) terminal.print(prometheusText(snapshot))
      else {
        printStatus(cli, snapshot, new PlantZone(loaded.config.plant.timezone))
        terminal.line('')
        printBudget(cli, cli.deps.budget?.(loaded))
      }
    })
}

/** The same screen for `status` and for whoever else shows a snapshot. */
export function printStatus(cli: CliContext, snapshot: GatewaySnapshot, zone: PlantZone): void {
  const { terminal } = cli
  terminal.print(facts(overview(cli, snapshot, zone), terminal.paint))
  terminal.print(`\n${lineTable(cli, snapshot)}\n${meterTable(cli, snapshot, zone)}`)
  for (const { id, ratio_differs } of snapshot.meters)
    for (const { which, configured, meter } of ratio_differs ?? [])
      terminal.line(
        `\n${terminal.paint.warn(terminal.say(CLI.ratioDiffers(id, which.toUpperCase(), configured, meter)))}`,
      )
}

function overview({ terminal, language }: CliContext, snapshot: GatewaySnapshot, zone: PlantZone): [string, Cell][] {
  const { link, backlog, clock, store, readings, disk } = snapshot
  const say = terminal.say.bind(terminal)
  const oldest = backlog.oldest_at === null ? '' : say(CLI.since(formatInstant(zone, backlog.oldest_at)))
  const offset =
    clock.offset_ms === null ? '' : ` (${clock.offset_ms >= 0 ? '+' : ''}${Math.round(clock.offset_ms)} ms)`
  const unknownSo = snapshot.waiting_for ? CLOCK.waitsShort : CLOCK.datedAfterwards
  const state = say(LINK_STATE_TEXTS[link.state])
  return [
    [say(CLI.gateway), snapshot.gateway ?? say(CLI.notEnrolled)],
    [say(CLI.running), uptimeText(snapshot.process.uptime_ms, language)],
    [
      say(CLI.clock),
      clock.quality === 'S'
        ? { text: `${say(CLI.clockKnown)}${offset}`, paint: 'good' }
        : { text: `${say(CLI.clockUnknown)}${offset}  ${say(unknownSo)}`, paint: 'warn' },
    ],
    [
      say(CLI.cloud),
      {
        text: [link.cloud ?? say(CLI.noCloud), link.cloud === null ? '' : state, link.why ?? '']
          .filter(Boolean)
          .join('  '),
        paint: link.state === 'up' || link.state === 'off' ? 'good' : 'warn',
      },
    ],
    [say(CLI.backlog), `${say(CLI.records(backlog.records))}${oldest}`],
    [say(CLI.readings), say(CLI.readingCounts(readings.good, readings.failed))],
    [
      say(CLI.store),
      store.degraded === null
        ? `${bytesText(store.size_bytes)} / ${bytesText(store.cap_bytes)}`
        : { text: `${say(CLI.storeInTrouble)}${store.degraded}`, paint: 'bad' },
    ],
    [say(CLI.disk), bytesText(disk.free_bytes)],
  ]
}

function lineState({ terminal }: CliContext, { state, why }: GatewaySnapshot['buses'][number]): Cell {
  switch (state) {
    case 'up':
      return { text: terminal.say(METER_STATE_TEXTS.ok), paint: 'good' }
    case 'starting':
      return terminal.say(CLI.lineStarting)
    case 'down':
      return { text: terminal.say(why === undefined ? ABSENCE_TEXTS.line_down : lineDownTexts(why)), paint: 'bad' }
    default:
      return unreachable(state)
  }
}

/** Before its first poll nothing is known of a meter, and nothing is wrong with it: one polled each minute waits that long. */
function meterState({ terminal }: CliContext, { state, last }: GatewaySnapshot['meters'][number]): Cell {
  if (state === 'unknown' && last.length === 0) return terminal.say(CLI.firstPoll)
  return { text: terminal.say(METER_STATE_TEXTS[state]), paint: state === 'ok' ? 'good' : 'bad' }
}

function lineTable(cli: CliContext, { buses }: GatewaySnapshot): string {
  const { terminal } = cli
  const columns = [CLI.line, CLI.state, CLI.requests, CLI.faults].map((title) => ({ title: terminal.say(title) }))
  const rows = buses.map((bus): Cell[] => [bus.name, lineState(cli, bus), String(bus.requests), String(bus.faults)])
  return table(columns, rows, terminal.paint)
}

const SHOWN = ['power_active_total', 'energy_active_import_total', 'pulse_count_1'] as const

function meterTable(cli: CliContext, { meters }: GatewaySnapshot, zone: PlantZone): string {
  const { terminal } = cli
  const columns = [CLI.meter, CLI.label, CLI.state, CLI.lastReading, CLI.value].map((title) => ({
    title: terminal.say(title),
  }))
  const rows = meters.map((meter): Cell[] => {
    const newest = Math.max(...meter.last.filter(({ value }) => value).map(({ at }) => at))
    const values = SHOWN.flatMap((name) => {
      const value = meter.last.find((last) => last.quantity === name)?.value
      return value ? [`${formatAmount(value)} ${quantity(name).unit}`] : []
    })
    return [
      meter.id,
      meter.label,
      meterState(cli, meter),
      Number.isFinite(newest) ? formatInstant(zone, newest, true) : '–',
      values.join('  '),
    ]
  })
  return table(columns, rows, terminal.paint)
}
