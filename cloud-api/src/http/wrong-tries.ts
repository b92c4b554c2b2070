import { type EpochMs, epochMs } from '@metergate/protocol'

export interface TryLimit {
  /** Wrong tries an address may make within the window. */
  readonly tries: number
  readonly windowMs: number
  /** Addresses remembered at a time; the one longest unheard of is forgotten first. */
  readonly addresses: number
}

const DEFAULT: TryLimit = { tries: 20, windowMs: 600_000, addresses: 10_000 }

/**
 * Counts wrong tries per address. A code of 130 bits cannot be guessed; what is limited is the work that guessing costs.
 * Right tries are neither counted nor kept waiting (enrol-route.ts): a whole district may enrol from one address.
 */
export class WrongTries {
  private readonly seen = new Map<string, { readonly since: EpochMs; readonly count: number }>()

  constructor(private readonly limit: TryLimit = DEFAULT) {}

  /** Seconds until the address may try again, or undefined when it may now. */
  waitS(address: string, now: EpochMs): number | undefined {
    const entry = this.seen.get(address)
    if (!entry || entry.count < this.limit.tries) return undefined
    const leftMs = entry.since + this.limit.windowMs - now
    return leftMs > 0 && leftMs <= this.limit.windowMs ? Math.ceil(leftMs / 1000) : undefined
  }

  note(address: string, now: EpochMs): void {
    const entry = this.seen.get(address)
    const isOver = !entry || now - entry.since >= this.limit.windowMs || now < entry.since
    this.seen.delete(address)
    this.seen.set(address, isOver ? { since: epochMs(now), count: 1 } : { since: entry.since, count: entry.count + 1 })
    const [oldest] = this.seen.keys()
    if (this.seen.size > this.limit.addresses && oldest !== undefined) this.seen.delete(oldest)
  }
}
