/**
 * `node scripts/dist/bench/make-data.js`: makes the frozen readings of the store and sync benches anew. Only ever needed when the
 * data set itself is to be another; then the sum it prints goes into frozen-readings.ts.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { MeterSession, SerialBus } from '@metergate/agent'
import { durationMs, encodeRecord, epochMs, type ModbusProfile, meterIdSchema, monoMs } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { buildLine, InProcessLine, plantSpecSchema, Timeline, VirtualClock } from '@metergate/simulator'
import { InProcessPort } from '../system/in-process-port.js'
import { FROZEN_FILE } from './frozen-readings.js'

/** Monday, ten in the morning in China: both shifts' presses run. */
const AT = Date.UTC(2026, 2, 2, 2)
const MINUTES = 60
const EVERY_MS = 10_000
const PROFILE = 'eastron-sdm630'
const WANTED =
  /^(voltage_l[123]_n|voltage_l[123]_l[123]|current_l[123]|power_active_l[123]|power_(active|reactive|apparent|factor)_total|frequency|energy_(active|reactive)_import_total|energy_active_export_total)$/

function profile(): ModbusProfile {
  const found = loadBuiltinProfiles().find(({ id }) => id === PROFILE)
  if (found?.protocol !== 'modbus') throw new Error(`no profile ${PROFILE}`)
  const items = found.items.filter(({ quantity }) => WANTED.test(quantity))
  if (items.length !== 20) throw new Error(`${items.length} quantities instead of 20`)
  return { ...found, items }
}

const ids = Array.from({ length: 8 }, (_, index) => meterIdSchema.parse(`press-${index + 1}`))
const spec = plantSpecSchema.parse({
  seed: 20260302,
  since: AT - 30 * 86_400_000,
  loads: ids.map((id, index) => ({ id, kind: 'press', ratedW: 24_000 + 3_500 * index, cycleS: 18 + 3 * index })),
  meters: ids.map((id, index) => ({
    id,
    profile: PROFILE,
    unit: index + 1,
    loads: [id],
    startReading: `${8211 + 977 * index}.37`,
    turnaroundMs: 25,
  })),
})
const timeline = new Timeline()
const clock = new VirtualClock(timeline, { bootId: 'bench-1', epochAtZeroMs: AT })
const line = buildLine({ spec, profiles: loadBuiltinProfiles(), scheduler: timeline, epochAt: (at) => AT + at })
const bus = new SerialBus(new InProcessPort(new InProcessLine(line.line, timeline), clock), clock, {
  settings: spec.line,
  units: new Map(),
})
const sessions = ids.map(
  (id, index) =>
    new MeterSession(
      {
        id,
        profile: profile(),
        target: { unit: index + 1 },
        ratio: undefined,
        limits: {},
        settings: { ...spec.line, turnaroundMs: 25 },
      },
      bus,
      (mono) => ({ boot: clock.bootId, mono, wall: epochMs(AT + Math.round(mono)), quality: 'S' }),
      () => clock.mono(),
    ),
)

const lines: string[] = []
for (let round = 1; round <= (MINUTES * 60_000) / EVERY_MS; round += 1) {
  await timeline.advance(round * EVERY_MS - timeline.now())
  for (const session of sessions) {
    const { record, fault } = await timeline.settle(session.poll(['power', 'energy', 'rare']), durationMs(EVERY_MS))
    if (fault) throw new Error(`${record.meter}: ${fault.kind}`)
    // Whole milliseconds and one name for the poll, as the agent's own clock and configuration give them.
    const { stamp } = record
    lines.push(encodeRecord({ ...record, group: 'all', stamp: { ...stamp, mono: monoMs(Math.round(stamp.mono)) } }))
  }
}
const text = `${lines.join('\n')}\n`
mkdirSync(dirname(FROZEN_FILE), { recursive: true })
writeFileSync(FROZEN_FILE, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
process.stdout.write(`${lines.length} readings, SHA-256 ${createHash('sha256').update(text).digest('hex')}\n`)
