import {
  fail,
  isSunSpecMarker,
  type ModbusProfile,
  ok,
  placeSunSpecProfile,
  type Result,
  readSunSpecHeader,
  readsSunSpecModel,
  SUNSPEC_HEADER_REGISTERS,
  SUNSPEC_MARKER_REGISTERS,
  SUNSPEC_MOST_MODELS,
} from '@metergate/protocol'
import type { BusFault } from '../bus/bus-fault.js'
import type { BusAnswer } from '../bus/register-bus.js'

/** Reads registers of the one meter in question. */
export type ReadRegisters = (address: number, count: number) => Promise<Result<BusAnswer, BusFault>>

/**
 * A SunSpec profile says only where values lie within their model; where the model lies each meter decides. Walks its map
 * and gives the profile with wire addresses. A meter that answers, but has no such model, is a `bad_frame` that says so.
 * `isPatient`: silence at one base is no reason not to ask at the next, because some meters refuse by saying nothing.
 */
export async function findSunSpecModel(
  profile: ModbusProfile,
  read: ReadRegisters,
  isPatient: boolean,
): Promise<Result<ModbusProfile, BusFault>> {
  const { bases, models } = profile.sunspec ?? { bases: [], models: [] }
  let silence: BusFault | undefined
  for (const base of bases) {
    const marker = await read(base, SUNSPEC_MARKER_REGISTERS)
    if (!marker.ok && isPatient && marker.fault.kind === 'timeout') silence ??= marker.fault
    else if (!marker.ok && marker.fault.kind !== 'exception') return marker
    if (!marker.ok || !isSunSpecMarker(marker.value.data)) continue
    const model = await walk(base + SUNSPEC_MARKER_REGISTERS, profile, read)
    if (!model.ok) return model
    if (model.value !== undefined) return ok(placeSunSpecProfile(profile, model.value))
  }
  if (silence) return fail(silence)
  const why = `no SunSpec model ${models.join(', ')} in a map at ${bases.join(', ')}`
  return fail({ kind: 'bad_frame', received: '', why })
}

/** The address of the first model this profile reads, from the map's first model on. */
async function walk(
  start: number,
  profile: ModbusProfile,
  read: ReadRegisters,
): Promise<Result<number | undefined, BusFault>> {
  let address = start
  for (let steps = 0; steps < SUNSPEC_MOST_MODELS; steps += 1) {
    const answer = await read(address, SUNSPEC_HEADER_REGISTERS)
    if (!answer.ok) return answer
    const header = readSunSpecHeader(answer.value.data, address)
    if (header.kind === 'end') break
    if (readsSunSpecModel(profile, header.id)) return ok(header.address)
    address = header.next
  }
  return ok(undefined)
}
