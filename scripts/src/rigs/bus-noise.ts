import { randomInt } from '@metergate/protocol'
import { SeededRandom } from '@metergate/simulator'
import { guarded, type RigMaster, virtualRigLine } from './bus-line.js'
import { isTrue, type RigProtocol, type RigRead, UNITS } from './bus-truth.js'
import type { RigResult } from './rig.js'

/** A bit flips in one byte of a thousand, on the way there and back. */
const NOISE = 0.001
/** So much less than what the noise leaves whole may be read. */
const ALLOWANCE = 0.02
const REGISTERS = 10
/** Characters of a question and its answer that must arrive unharmed, wake-up bytes of DL/T 645 not counted. */
const CHARACTERS: Readonly<Record<RigProtocol, number>> = { modbus: 8 + 5 + 2 * REGISTERS, dlt645: 16 + 20 }

/**
 * So many polls over a noisy line in virtual time. A violation is a wrong value, or a share of good reads that lies more than two
 * hundredths below what the noise leaves whole.
 */
export async function busNoise(
  protocol: RigProtocol,
  polls: number,
  master: RigMaster = guarded(protocol),
): Promise<RigResult> {
  const line = virtualRigLine(protocol, 33, { chunkMs: 4, tail: 'prompt' }, master)
  const random = new SeededRandom(33)
  const seen = { good: 0, wrong: 0 }
  line.faults.setLine({ noise: NOISE })
  const work = async (): Promise<void> => {
    for (let poll = 0; poll < polls; poll += 1) {
      const read: RigRead = {
        unit: UNITS[poll % UNITS.length] ?? 1,
        function: 3,
        block: randomInt(random, 50) * 4,
        count: REGISTERS,
      }
      const outcome = await line.read(read)
      if (!outcome.ok) continue
      seen.good += 1
      if (!isTrue(protocol, read, outcome.value)) seen.wrong += 1
    }
  }
  await line.run(work())
  const whole = (1 - NOISE) ** CHARACTERS[protocol]
  const share = seen.good / polls
  return {
    rig: 'bus-noise',
    runs: polls,
    violations: seen.wrong + (share < whole - ALLOWANCE ? 1 : 0),
    notes: {
      protocol,
      ...seen,
      share: rounded(share),
      whole: rounded(whole),
      flips: line.faults.provoked.get('noise') ?? 0,
    },
  }
}

const rounded = (share: number): number => Math.round(share * 10_000) / 10_000
