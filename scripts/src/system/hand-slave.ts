import { type Figure, registerWords, scaleFactorOf, type WrittenProfile } from './hand-meter.js'

/** A mistake to plant: the words, or the decimal bytes, of each value the wrong way round. */
export type Mistake = 'none' | 'order'

/** Answers a request on the wire, or nothing. */
export type Slave = (request: Uint8Array) => number[] | undefined

export const slaveOf = (profile: WrittenProfile, figures: readonly Figure[], mistake: Mistake): Slave =>
  profile.protocol === 'modbus' ? modbusSlave(profile, figures, mistake) : dlt645Slave(profile, figures, mistake)

/** Where SunSpec's common model (id, length, 66 registers) ends behind the marker. */
const SUNSPEC_MODEL = 2 + 2 + 66

function modbusSlave(profile: WrittenProfile, figures: readonly Figure[], mistake: Mistake): Slave {
  const maps = new Map<number, Map<number, number>>()
  const put = (fn: number, address: number, word: number): void => {
    const map = maps.get(fn) ?? new Map<number, number>()
    map.set(address, word & 0xffff)
    maps.set(fn, map)
  }
  const base = profile.sunspec ? (profile.sunspec.bases[0] ?? 0) : undefined
  const model = base === undefined ? 0 : base + SUNSPEC_MODEL
  if (base !== undefined) {
    const words = [0x5375, 0x6e53, 1, 66, ...new Array<number>(66).fill(0x2020)]
    const head = [profile.sunspec?.models[0] ?? 0, 124, ...new Array<number>(124).fill(0x8000), 0xffff, 0]
    for (const [index, word] of [...words, ...head].entries()) put(profile.read_function, base + index, word)
  }
  for (const figure of figures) {
    const { item } = figure
    const order = item.word_order ?? profile.word_order
    const other = order === 'low_first' ? 'high_first' : 'low_first'
    const words = registerWords(figure, mistake === 'order' ? other : order)
    const fn = item.function ?? profile.read_function
    for (const [index, word] of words.entries()) put(fn, model + item.address + index, word)
    if (item.scale_factor_address !== undefined) put(fn, model + item.scale_factor_address, scaleFactorOf(item))
  }
  const alone = new Map(figures.flatMap(({ item }) => (item.alone ? [[model + item.address, item.type] as const] : [])))
  return (request) => modbusAnswer(request, maps, alone)
}

function modbusAnswer(
  request: Uint8Array,
  maps: ReadonlyMap<number, ReadonlyMap<number, number>>,
  alone: ReadonlyMap<number, string>,
): number[] | undefined {
  const [unit = 0, fn = 0, a1 = 0, a0 = 0, c1 = 0, c0 = 0] = request
  const [address, count] = [a1 * 256 + a0, c1 * 256 + c0]
  if (request.length !== 8 || !endsInCrc(request)) return undefined
  const map = maps.get(fn)
  if (!map) return withCrc([unit, fn | 0x80, 1])
  const words = Array.from({ length: count }, (_, index) => map.get(address + index) ?? 0)
  // Some registers show something else unless they are asked for on their own.
  for (const [at, type] of alone) {
    const size = Number(/\d+$/.exec(type)?.[0] ?? 16) / 16
    if (at >= address && at < address + count && count > size) words.fill(0x5a5a, at - address, at - address + size)
  }
  if (fn > 2) return withCrc([unit, fn, 2 * count, ...words.flatMap((word) => [word >> 8, word & 0xff])])
  const bits = new Array<number>(Math.ceil(count / 8)).fill(0)
  for (const [index, bit] of words.entries())
    if (bit) bits[Math.floor(index / 8)] = (bits[Math.floor(index / 8)] ?? 0) + 2 ** (index % 8)
  return withCrc([unit, fn, bits.length, ...bits])
}

/** A Modbus meter that refuses every read with this exception. */
export const refusing =
  (code: number): Slave =>
  (request) =>
    endsInCrc(request) ? withCrc([request[0] ?? 0, (request[1] ?? 0) + 0x80, code]) : undefined

/** MODBUS over serial line V1.02, appendix B. */
function crcOf(bytes: readonly number[]): [number, number] {
  let crc = 0xffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc % 2 === 1 ? Math.floor(crc / 2) ^ 0xa001 : Math.floor(crc / 2)
  }
  return [crc % 256, Math.floor(crc / 256)]
}

const withCrc = (bytes: readonly number[]): number[] => [...bytes, ...crcOf(bytes)]

function endsInCrc(frame: Uint8Array): boolean {
  const [low, high] = crcOf([...frame.subarray(0, -2)])
  return frame.at(-2) === low && frame.at(-1) === high
}

/** DL/T 645: 68H, address low byte first, 68H, control, length, data + 33H, sum, 16H. */
function dlt645Slave(profile: WrittenProfile, figures: readonly Figure[], mistake: Mistake): Slave {
  const blocks = new Map<string, number[]>()
  for (const { item, steps } of figures) {
    const block = blocks.get(item.di) ?? []
    while (block.length < item.offset + item.bytes) block.push(0xff)
    for (const [index, byte] of decimalBytes(steps, item.bytes, mistake).entries()) block[item.offset + index] = byte
    blocks.set(item.di, block)
  }
  const [ask, width] = profile.edition === '1997' ? [0x01, 2] : [0x11, 4]
  return (request) => {
    const frame = [...request.subarray(request.indexOf(0x68))]
    if (frame[8] !== ask || frame[9] !== width) return undefined
    const di = frame.slice(10, 10 + width)
    const name = di.map((byte) => (byte + 256 - 0x33) % 256).reverse()
    const data = blocks.get(Buffer.from(name).toString('hex').padStart(8, '0'))
    const address = frame.slice(1, 7)
    if (!data) return sealed([0x68, ...address, 0x68, ask + 0xc0, 1, 2 + 0x33])
    const load = [...di, ...data.map((byte) => (byte + 0x33) % 256)]
    return sealed([0x68, ...address, 0x68, ask + 0x80, load.length, ...load])
  }
}

const sealed = (body: readonly number[]): number[] => [...body, body.reduce((sum, byte) => (sum + byte) % 256, 0), 0x16]

/** Packed decimal, low byte first, 80H in the highest byte for a minus. */
function decimalBytes(steps: bigint, size: number, mistake: Mistake): number[] {
  let rest = steps < 0n ? -steps : steps
  const bytes = Array.from({ length: size }, () => {
    const pair = Number(rest % 100n)
    rest /= 100n
    return Math.floor(pair / 10) * 16 + (pair % 10)
  })
  if (steps < 0n) bytes[size - 1] = (bytes[size - 1] ?? 0) + 0x80
  return mistake === 'order' ? bytes.reverse() : bytes
}
