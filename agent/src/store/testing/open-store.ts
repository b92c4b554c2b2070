import { type Clock, invariant } from '@metergate/protocol'
import { SqliteRecordStore } from '../sqlite-record-store.js'
import { ROOMY_DISK, SEALER, SeededRandom } from './make.js'

/** A started SQLite store in that folder, on a disk with room and without ballast. */
export function openStore(folder: string, clock: Clock, seed: number): SqliteRecordStore {
  const settings = { ballastBytes: 0 }
  const random = new SeededRandom(seed)
  const store = new SqliteRecordStore({ folder, clock, random, disk: ROOMY_DISK, sealer: () => SEALER, settings })
  invariant(store.start().ok, 'not started')
  return store
}
