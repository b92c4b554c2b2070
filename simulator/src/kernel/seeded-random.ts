import type { Random } from '@metergate/protocol'

/** A 32-bit mixing step (the finaliser of MurmurHash3): every input bit changes about half of the output bits. */
export function mix32(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Hash of a few numbers and words to 32 bits: the same parts always give the same number. */
export function hash32(...parts: readonly (number | string)[]): number {
  let h = 0x9e3779b9
  for (const part of parts) {
    if (typeof part === 'string')
      for (let i = 0; i < part.length; i += 1) h = mix32(h ^ part.charCodeAt(i)) + 0x6d2b79f5
    else h = mix32(mix32(h ^ (part | 0)) ^ Math.floor(part / 0x100000000)) + 0x6d2b79f5
  }
  return mix32(h)
}

/** The protocol's {@link Random}, seeded: sfc32 (Chris Doty-Humphrey), small, fast, good enough for worlds. */
export class SeededRandom implements Random {
  readonly #seed: number
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number | string) {
    this.#seed = hash32(seed)
    this.#a = mix32(this.#seed ^ 0x243f6a88)
    this.#b = mix32(this.#seed ^ 0x85a308d3)
    this.#c = mix32(this.#seed ^ 0x13198a2e)
    for (let i = 0; i < 12; i += 1) this.uint32()
  }

  /** A whole number in [0, 2^32). */
  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    this.#c |= 0
    return sum >>> 0
  }

  next(): number {
    return this.uint32() / 0x100000000
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.uint32() >>> 24)
  }

  /** True with the given probability; draws nothing for 0, so that an unused fault leaves the sequence alone. */
  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability
  }

  /** An independent sequence named by `label`; using one never shifts another. */
  fork(label: string): SeededRandom {
    return new SeededRandom(hash32(this.#seed, label))
  }
}
