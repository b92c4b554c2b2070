/** Two running sums modulo 2^32, as SQLite keeps them over its write-ahead log (sqlite.org/fileformat2.html#walformat). */
export type Sums = readonly [number, number]

/** What a frame's checksum says, and what its bytes give. */
export interface FrameSums {
  /** The bytes the checksum is of, as 32-bit words: eight bytes of the frame's header, and its page. */
  readonly words: readonly number[]
  /** The sums it goes on from: those of the frame before. */
  readonly before: Sums
  readonly stored: Sums
}

/** The checksum of these words: pair by pair each sum adds a word and the other sum. */
export function sumOf(words: readonly number[], [first, second]: Sums): Sums {
  let [one, two] = [first, second]
  for (let at = 0; at + 2 <= words.length; at += 2) {
    one = (one + (words[at] ?? 0) + two) >>> 0
    two = (two + (words[at + 1] ?? 0) + one) >>> 0
  }
  return [one, two]
}

/** Bytes as words in the byte order in which a log counts its checksums. */
export function wordsOf(bytes: Buffer, isBigEndian: boolean): number[] {
  const words: number[] = []
  for (let at = 0; at + 4 <= bytes.length; at += 4)
    words.push(isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at))
  return words
}

/**
 * Whether one or two flipped bits, in the words or in the sums, explain that a frame's checksum fails: it has decayed, where a frame of
 * which only a part was ever written fails by all of the rest. The checksum is linear, so each bit changes it by an amount of its own.
 */
export function isByFlips({ words, before, stored }: FrameSums): boolean {
  const found = sumOf(words, before)
  const wanted: Sums = [(stored[0] - found[0]) >>> 0, (stored[1] - found[1]) >>> 0]
  const changes = [...changesOf(words, before, stored)]
  const known = new Set(changes.map(keyOf))
  const rest = ([one, two]: Sums): Sums => [(wanted[0] - one) >>> 0, (wanted[1] - two) >>> 0]
  return known.has(keyOf(wanted)) || changes.some((change) => known.has(keyOf(rest(change))))
}

/** By how much each bit would change the difference between the two sums, were it the other way round. */
function* changesOf(words: readonly number[], before: Sums, stored: Sums): Generator<Sums> {
  // What one more in a word of the last pair adds to the sums; one pair earlier it is added on.
  let [even, odd]: [Sums, Sums] = [
    [1, 1],
    [0, 1],
  ]
  for (let at = words.length - 2; at >= 0; at -= 2) {
    yield* bitsOf(words[at] ?? 0, even)
    yield* bitsOf(words[at + 1] ?? 0, odd)
    even = aPairLater(even)
    odd = aPairLater(odd)
  }
  // The sums it goes on from are like a pair of words before the first, but for the first sum being in the second already.
  yield* bitsOf(before[0], [(even[0] - odd[0]) >>> 0, (even[1] - odd[1]) >>> 0])
  yield* bitsOf(before[1], odd)
  yield* bitsOf(stored[0], [0xffffffff, 0])
  yield* bitsOf(stored[1], [0, 0xffffffff])
}

function* bitsOf(word: number, [one, two]: Sums): Generator<Sums> {
  for (let bit = 0; bit < 32; bit += 1) {
    const by = (word >>> bit) & 1 ? -(2 ** bit) : 2 ** bit
    yield [Math.imul(by, one) >>> 0, Math.imul(by, two) >>> 0]
  }
}

const aPairLater = ([one, two]: Sums): Sums => [(one + two) >>> 0, (one + 2 * two) >>> 0]
const keyOf = ([one, two]: Sums): string => `${one} ${two}`
