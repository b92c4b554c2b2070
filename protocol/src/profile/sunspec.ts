import { invariant } from '../invariant.js'
import type { ModbusProfile } from './schema.js'

/**
 * Finding a SunSpec model: at one of the bases stands "SunS"; behind it each model begins with its id and its
 * length, until id 0xFFFF (SunSpec Device Information Model Specification). Pure: the caller does the reading.
 */
export const SUNSPEC_MARKER_REGISTERS = 2
export const SUNSPEC_HEADER_REGISTERS = 2
/** More models than any device has; a longer walk has lost its way. */
export const SUNSPEC_MOST_MODELS = 64

/** Whether two registers hold "SunS". */
export function isSunSpecMarker(data: Uint8Array): boolean {
  return data.length >= 4 && data[0] === 0x53 && data[1] === 0x75 && data[2] === 0x6e && data[3] === 0x53
}

/** A model's header: its id and where the next one begins; or the end of the map. */
export type SunSpecHeader =
  | { readonly kind: 'model'; readonly id: number; readonly address: number; readonly next: number }
  | { readonly kind: 'end' }

/** Reads the two registers at `address`. An end mark, a length that leaves the address space or too few bytes end the walk. */
export function readSunSpecHeader(data: Uint8Array, address: number): SunSpecHeader {
  const [idHigh, idLow, lengthHigh, lengthLow] = data
  if (idHigh === undefined || idLow === undefined || lengthHigh === undefined || lengthLow === undefined)
    return { kind: 'end' }
  const id = idHigh * 256 + idLow
  const next = address + SUNSPEC_HEADER_REGISTERS + lengthHigh * 256 + lengthLow
  return id === 0xffff || id === 0 || next > 0xffff ? { kind: 'end' } : { kind: 'model', id, address, next }
}

/** Whether a model found on the walk is one this profile reads. */
export function readsSunSpecModel(profile: ModbusProfile, id: number): boolean {
  return profile.sunspec?.models.includes(id) ?? false
}

/** The profile with its offsets turned into wire addresses, for a model whose id stands at `modelAddress`. */
export function placeSunSpecProfile(profile: ModbusProfile, modelAddress: number): ModbusProfile {
  invariant(profile.sunspec, `${profile.id} is no SunSpec profile`)
  const { sunspec: _found, ...rest } = profile
  const items = profile.items.map((item) => ({
    ...item,
    address: item.address + modelAddress,
    ...(item.scale_factor_address === undefined
      ? {}
      : { scale_factor_address: item.scale_factor_address + modelAddress }),
  }))
  return { ...rest, items }
}
