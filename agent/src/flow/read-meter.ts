import { epochMs, unreachable } from '@metergate/protocol'
import type { BusFault } from '../bus/bus-fault.js'
import type { LoadedConfig } from '../config/load.js'
import { formatPort } from '../config/parse.js'
import type { MeterReadout } from '../control/calls.js'
import { gatewayWhy } from '../i18n/line-down-texts.js'
import type { MeterSession } from '../meter/meter-session.js'

/** One look at a meter, now, for the technician: every quantity its model knows, with the bytes it came from. */
export async function readMeter(
  session: MeterSession,
  { config }: LoadedConfig,
  signal: AbortSignal,
): Promise<MeterReadout> {
  const { outcome, raw, durationMs } = await session.readout(signal)
  const { record } = outcome
  const entry = config.meters.find(({ id }) => id === record.meter)
  const line = config.lines.find(({ id }) => id === entry?.line)
  const port = line ? formatPort(line.port) : ''
  return {
    meter: record.meter,
    label: entry?.label ?? record.meter,
    profile: session.setup.profile.id,
    line: entry?.line ?? '',
    unit: entry?.address ?? String(entry?.unit ?? ''),
    at: epochMs(Math.round(record.stamp.wall)),
    clock: record.stamp.quality,
    duration_ms: durationMs,
    values: record.values.map((value) => {
      const bytes = raw.find(({ quantity }) => quantity === value.quantity)
      return {
        quantity: value.quantity,
        ...('value' in value ? { value: value.value } : { absent: value.absent }),
        ...('value' in value && value.suspect ? { suspect: true } : {}),
        ...(bytes ? { raw: bytes.raw, where: bytes.where } : {}),
      }
    }),
    ...whyOf(outcome.fault, port),
  }
}

/** What a kind of fault alone does not say. The line's own words name its port only sometimes, so it stands here always. */
function whyOf(fault: BusFault | undefined, port: string): { readonly why?: string } {
  switch (fault?.kind) {
    case 'line_down':
      return { why: fault.why.includes(port) ? fault.why : `${port}: ${fault.why}` }
    case 'bad_frame':
      return { why: fault.why }
    case 'exception':
      return { why: `exception ${fault.code}` }
    case 'timeout':
      return fault.gateway === undefined ? {} : { why: gatewayWhy(fault.gateway) }
    case 'crc':
    case undefined:
      return {}
    default:
      return unreachable(fault)
  }
}
