/** Chance as a port: the system's on a real box, seeded in the simulation. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** `count` random bytes. */
  bytes(count: number): Uint8Array
}

/** A whole number in [0, limit). */
export function randomInt(random: Random, limit: number): number {
  return Math.floor(random.next() * limit)
}
