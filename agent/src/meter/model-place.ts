import { type MeterProfile, ok, type Result } from '@metergate/protocol'
import type { BusFault } from '../bus/bus-fault.js'
import type { ModbusRead } from '../bus/register-bus.js'
import { findSunSpecModel, type ReadRegisters } from './sunspec-walk.js'

/** How to look for a model's place. */
export interface Search {
  /** How many bases are passed over before the first one asked: silence there ends the search, unless it is patient. */
  readonly skip: number
  readonly isPatient: boolean
}

/**
 * The profile of one meter with its addresses on the wire. They are the profile's own, but a SunSpec meter is asked for them
 * before its first poll, and again after a silence: what answers then may be another meter, or other firmware.
 */
export class ModelPlace {
  #profile: MeterProfile
  /** Where a SunSpec map may begin; where it was found comes first. */
  #bases: readonly number[]

  constructor(private readonly wanted: MeterProfile) {
    this.#profile = wanted
    this.#bases = wanted.protocol === 'modbus' ? (wanted.sunspec?.bases ?? []) : []
  }

  /** As placed, or as it was written while no place is known. */
  get profile(): MeterProfile {
    return this.#profile
  }

  forget(): void {
    this.#profile = this.wanted
  }

  /** The profile as placed, found if it has to be; the fault when that cannot be done now. */
  async find(
    readFrom: (fn: ModbusRead['function']) => ReadRegisters,
    { skip, isPatient }: Search,
  ): Promise<Result<MeterProfile, BusFault>> {
    const profile = this.#profile
    if (profile.protocol !== 'modbus' || !profile.sunspec) return ok(profile)
    const first = skip % this.#bases.length
    const bases = [...this.#bases.slice(first), ...this.#bases.slice(0, first)]
    const sought = { ...profile, sunspec: { ...profile.sunspec, bases } }
    const found = await findSunSpecModel(sought, readFrom(profile.read_function), isPatient)
    if (!found.ok) return found
    this.#bases = bases
    this.#profile = found.value
    return found
  }
}
