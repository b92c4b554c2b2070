import { parseArgs } from 'node:util'
import { SqliteRecordStore, SystemClock, SystemDisk, SystemRandom } from '@metergate/agent'
import { durationMs, gatewayIdSchema, type Stamp } from '@metergate/protocol'
import { plantReading } from './plant.js'

/**
 * The victim of the store rigs: appends eight readings at a time and prints `stored <stream> <first> <last> <n>`
 * only after the store has said so, `sealed <number>`, and `health <words>` whenever they change. Ends with `done` and code 0, also when
 * it is told to stop, or with code 3 when the store does not start.
 */
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '' },
    /** Appends before it ends; 0: until killed. */
    count: { type: 'string', default: '0' },
    /** Records in one append. */
    records: { type: 'string', default: '8' },
    'pause-ms': { type: 'string', default: '0' },
    synchronous: { type: 'string', default: 'FULL' },
    'cap-mib': { type: 'string', default: '64' },
    'seal-every': { type: 'string', default: '6' },
    ack: { type: 'string', default: 'yes' },
    /** Random values that do not compress, and an event with each append. */
    noise: { type: 'string', default: 'no' },
    events: { type: 'string', default: 'no' },
    'queue-kib': { type: 'string', default: '8192' },
    'reserve-kib': { type: 'string', default: '16384' },
  },
})

const clock = new SystemClock()
const store = new SqliteRecordStore({
  folder: values.folder,
  clock,
  random: new SystemRandom(),
  disk: new SystemDisk(),
  sealer: () => ({ gateway: gatewayIdSchema.parse('gw-0123456789'), software: 'rig', config: 'rig' }),
  settings: {
    commitEveryMs: 50,
    capBytes: Number(values['cap-mib']) * 1024 * 1024,
    ballastBytes: 512 * 1024,
    queueBytes: Number(values['queue-kib']) * 1024,
    reserveBytes: Number(values['reserve-kib']) * 1024,
    synchronous: values.synchronous === 'NORMAL' ? 'NORMAL' : 'FULL',
  },
})
const started = store.start()
if (!started.ok) {
  process.stdout.write(`not started ${started.fault.kind}: ${started.fault.why}\n`)
  process.exit(3)
}
process.stdout.write('started\n')

const stamp = (): Stamp => ({ boot: clock.bootId, mono: clock.mono(), wall: clock.wall(), quality: 'S' })
const chance = new SystemRandom()
const noise = values.noise === 'yes' ? () => Math.floor(chance.next() * 1e7) : () => 0
const count = Number(values.count)
let n = Math.floor(new SystemRandom().next() * 1e12)
let isStopping = false
process.once('SIGTERM', () => {
  isStopping = true
})
let health = ''
const sayHealth = (words: string): void => {
  if (words !== health) process.stdout.write(`health ${words}\n`)
  health = words
}
for (let round = 1; !isStopping && (count === 0 || round <= count); round += 1) {
  const first = n
  const records = Array.from({ length: Number(values.records) }, (_, index) =>
    plantReading(n++, (index % 8) + 1, stamp(), noise),
  )
  const storing = store.append(records)
  if (values.events === 'yes')
    void store.append([{ kind: 'event', stamp: stamp(), code: 'rig_round', facts: { round } }])
  if (round % Number(values['seal-every']) === 0) {
    const batch = store.seal('detail', { minAgeMs: 0, maxDecodedBytes: 256 * 1024 })
    if (batch) process.stdout.write(`sealed ${batch.number}\n`)
    if (batch && values.ack === 'yes') store.acknowledge([batch])
  }
  await store.flush()
  const stored = await storing
  if (stored.ok) {
    const stream = store.health().streams.findLast((each) => each.kind === 'detail')?.stream
    process.stdout.write(`stored ${stream} ${stored.value[0]} ${stored.value.at(-1)} ${first}\n`)
  } else {
    process.stdout.write(`refused ${stored.fault.kind}: ${stored.fault.why}\n`)
    await clock.sleep(durationMs(20))
  }
  // Signals are heard between two turns only.
  await new Promise(setImmediate)
  sayHealth(store.health().degraded === undefined ? 'well' : 'degraded')
  if (values['pause-ms'] !== '0') await clock.sleep(durationMs(Number(values['pause-ms'])))
}
for (let tries = 0; tries < 100 && !(await store.flush()).ok; tries += 1) await clock.sleep(durationMs(50))
await store.close()
process.stdout.write('done\n')
