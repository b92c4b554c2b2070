import { formatAmount, quantity } from '@metergate/protocol'
import type { GatewaySnapshot } from './snapshot.js'

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number | string]

/** The snapshot in Prometheus' text format (version 0.0.4), each family with its HELP and TYPE. */
export function prometheusText(snapshot: GatewaySnapshot): string {
  const { backlog, store, process, clock, readings, link, disk } = snapshot
  const one = (value: number): Sample[] => [[{}, value]]
  const families = [
    family('metergate_info', 'gauge', 'Software of this gateway.', [
      [{ version: snapshot.versions.software, gateway: snapshot.gateway ?? '', plant: snapshot.plant?.name ?? '' }, 1],
    ]),
    family('metergate_uptime_seconds', 'gauge', 'How long the agent has been running.', one(process.uptime_ms / 1000)),
    family('metergate_memory_bytes', 'gauge', 'Resident memory of the agent.', one(process.memory_bytes)),
    family('metergate_readings_total', 'counter', 'Polls since start by outcome.', [
      [{ outcome: 'good' }, readings.good],
      [{ outcome: 'failed' }, readings.failed],
      [{ outcome: 'skipped' }, readings.skipped],
    ]),
    family('metergate_readings_stored_total', 'counter', 'Readings committed since start.', one(readings.stored)),
    family('metergate_backlog_records', 'gauge', 'Records stored and not acknowledged.', one(backlog.records)),
    family('metergate_backlog_batches', 'gauge', 'Sealed batches not acknowledged.', one(backlog.batches)),
    family('metergate_store_size_bytes', 'gauge', 'Size of the store.', one(store.size_bytes)),
    family('metergate_store_cap_bytes', 'gauge', 'Size the store may reach.', one(store.cap_bytes)),
    family('metergate_store_evicted_records', 'gauge', 'Records given up for space.', one(store.evicted_records)),
    family('metergate_store_quarantined', 'gauge', 'Records the cloud refused.', one(store.quarantined)),
    family('metergate_disk_free_bytes', 'gauge', 'Free space on the disk of the store.', one(disk.free_bytes)),
    family(
      'metergate_clock_synchronised',
      'gauge',
      '1 when the clock is known right.',
      one(clock.quality === 'S' ? 1 : 0),
    ),
    ...(clock.offset_ms === null
      ? []
      : [family('metergate_clock_offset_seconds', 'gauge', 'Box minus cloud.', one(clock.offset_ms / 1000))]),
    family('metergate_cloud_up', 'gauge', '1 when the cloud answers.', one(link.state === 'up' ? 1 : 0)),
    family('metergate_uplink_sent_bytes_total', 'counter', 'Bytes sent to the cloud.', one(link.bytes_sent)),
    ...busFamilies(snapshot),
    ...meterFamilies(snapshot),
  ]
  return families.filter((text) => text !== '').join('')
}

function busFamilies({ buses }: GatewaySnapshot): string[] {
  return [
    family(
      'metergate_line_up',
      'gauge',
      '1 when the line is open.',
      buses.map((bus) => [{ line: bus.name }, bus.state === 'up' ? 1 : 0]),
    ),
    family(
      'metergate_line_requests_total',
      'counter',
      'Requests on the line.',
      buses.map((bus) => [{ line: bus.name }, bus.requests]),
    ),
    family(
      'metergate_line_faults_total',
      'counter',
      'Requests that failed.',
      buses.map((bus) => [{ line: bus.name }, bus.faults]),
    ),
  ]
}

/** Meter state, and every last good value under its quantity's own name and unit. */
function meterFamilies({ meters }: GatewaySnapshot): string[] {
  const up = meters.map(
    (meter): Sample => [{ meter: meter.id }, meter.state === 'ok' || meter.state === 'degraded' ? 1 : 0],
  )
  const values = meters.flatMap((meter) =>
    meter.last.flatMap(({ quantity: name, value, suspect }): Sample[] =>
      value && !suspect ? [[{ meter: meter.id, quantity: name, unit: quantity(name).unit }, formatAmount(value)]] : [],
    ),
  )
  return [
    family('metergate_meter_up', 'gauge', '1 when the meter answers.', up),
    family('metergate_meter_value', 'gauge', 'Last good value in the unit named.', values),
  ]
}

function family(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return ''
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** The text format's three escapes. */
const escaped = (value: string): string => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
