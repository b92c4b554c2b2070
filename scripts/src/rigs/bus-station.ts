import { encodeDlt645Answer, withCrc } from '@metergate/protocol'
import type { Station } from '@metergate/simulator'
import { addressOf, answerOf, DOUBLE, type RigProtocol, SETTINGS } from './bus-truth.js'

/**
 * A slave that knows nothing but the rig's truth; frames by the protocol's own codec, faults by the simulator. An answer that names
 * another unit or function has other values: whoever takes it is found out.
 */
export class TruthfulStation implements Station {
  readonly name: string
  readonly settings: Station['settings']
  readonly turnaroundMs = 15
  #asked: Uint8Array = new Uint8Array(0)

  constructor(
    private readonly protocol: RigProtocol,
    private readonly unit: number,
  ) {
    this.name = String(unit)
    this.settings = SETTINGS[protocol]
  }

  hear(frame: Uint8Array): ((epochMs: number) => Uint8Array) | undefined {
    const answer = answerOf(this.protocol, frame, this.unit)
    if (!answer) return undefined
    const asked = frame.slice()
    return () => {
      this.#asked = asked
      return answer
    }
  }

  /** What the frame now names has other values than this unit. */
  reseal(frame: Uint8Array): Uint8Array {
    const copy = frame.slice()
    const [from, to] = [copy.length - 2 - this.dataBytes(frame), copy.length - 2]
    for (let at = from; at < to; at += 1) copy[at] = ((copy[at] ?? 0) + 0x11 + at) & 0xff
    return this.#checked(copy)
  }

  unitAt(frame: Uint8Array): number {
    return this.protocol === 'modbus' ? 0 : frame.indexOf(0x68) + 1
  }

  functionAt(frame: Uint8Array): number {
    return this.protocol === 'modbus' ? 1 : frame.indexOf(0x68) + 8
  }

  refusal(frame: Uint8Array, code: number): Uint8Array {
    return this.protocol === 'modbus'
      ? withCrc(Uint8Array.of(this.unit, (frame[1] ?? 0) | 0x80, code))
      : encodeDlt645Answer(addressOf(this.unit), 0xd1, Uint8Array.of(code))
  }

  dataBytes(frame: Uint8Array): number {
    if (this.protocol === 'dlt645') return 4
    return ((frame[1] ?? 0) & 0x80) === 0 ? (frame[2] ?? 0) : 0
  }

  double(): Uint8Array {
    return answerOf(this.protocol, this.#asked, this.unit, DOUBLE) ?? new Uint8Array(0)
  }

  #checked(frame: Uint8Array): Uint8Array {
    if (this.protocol === 'modbus') return withCrc(frame.subarray(0, frame.length - 2))
    const start = Math.max(0, frame.indexOf(0x68))
    frame[frame.length - 2] = frame.subarray(start, frame.length - 2).reduce((sum, byte) => sum + byte, 0) & 255
    return frame
  }
}
