import { MemoryRecordStore } from './memory-record-store.js'
import { recordStoreContract } from './record-store.contract.js'
import { SEALER, SeededRandom } from './testing/make.js'
import { ManualClock } from './testing/manual-clock.js'

recordStoreContract('the memory store', () => {
  const clock = new ManualClock()
  return { clock, store: new MemoryRecordStore({ clock, random: new SeededRandom(), sealer: () => SEALER }) }
})
