import { epochMs } from '@metergate/protocol'
import type { LoadedConfig } from '../config/load.js'
import type { MeterReadout } from '../control/calls.js'
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
  }
}
