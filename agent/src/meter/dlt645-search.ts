import { type Clock, durationMs } from '@metergate/protocol'
import { unitKey } from '../bus/question.js'
import { presenceOf, type ScanBus } from './presence.js'
import { DLT645_WAIT_MS } from './scan-plan.js'

export type SearchEvent =
  | { readonly kind: 'meter'; readonly address: string; readonly turnaroundMs: number }
  | { readonly kind: 'several' }
  /** So many more questions than planned. */
  | { readonly kind: 'steps'; readonly more: number }
  | { readonly kind: 'tried'; readonly address: string }
  | { readonly kind: 'garbled'; readonly received: string }
  | { readonly kind: 'trouble'; readonly trouble: 'line_down' | 'babble'; readonly why: string }

const DIGITS = 12

/**
 * Finds every DL/T 645-2007 meter on the line by asking for its address (C = 13H). A lone meter answers the wildcard. Several
 * answer it at once, which shows as a broken answer or as a second one behind the first: then the low byte of the address is gone through
 * (the rest AAH), and where two still collide the next one, and so on.
 */
export async function* findDlt645Meters(bus: ScanBus, clock: Clock, signal?: AbortSignal): AsyncGenerator<SearchEvent> {
  const seen = new Set<string>()
  yield* search('', new Asker(bus, clock, signal), seen)
}

async function* search(suffix: string, asker: Asker, seen: Set<string>): AsyncGenerator<SearchEvent> {
  const pattern = suffix.padStart(DIGITS, 'a')
  const heard = await asker.ask(pattern)
  if (suffix !== '') yield { kind: 'tried', address: pattern }
  if (heard.kind === 'nobody') return
  if (heard.kind === 'trouble') return yield heard
  if (heard.kind === 'one' && !seen.has(heard.address)) {
    seen.add(heard.address)
    yield { kind: 'meter', address: heard.address, turnaroundMs: heard.turnaroundMs }
  }
  if (heard.kind === 'one' && !heard.isCrowded) return
  if (suffix.length >= DIGITS)
    return yield { kind: 'garbled', received: heard.kind === 'garbled' ? heard.received : '' }
  if (suffix === '') yield { kind: 'several' }
  yield { kind: 'steps', more: 100 }
  const before = seen.size
  for (let byte = 0; byte < 100; byte++) yield* search(String(byte).padStart(2, '0') + suffix, asker, seen)
  // Nobody could be told apart: no crowd of meters, but noise or two meters with one address.
  if (seen.size === before && heard.kind === 'garbled') yield { kind: 'garbled', received: heard.received }
}

type Heard =
  | { readonly kind: 'one'; readonly address: string; readonly turnaroundMs: number; readonly isCrowded: boolean }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'garbled'; readonly received: string }
  | { readonly kind: 'trouble'; readonly trouble: 'line_down' | 'babble'; readonly why: string }

/** An answer that tells an address. Fewer bytes are a floating pair's, or a piece of the adapter's echo. */
const ANSWER_BYTES = 18

class Asker {
  constructor(
    private readonly bus: ScanBus,
    private readonly clock: Clock,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async ask(address: string): Promise<Heard> {
    this.bus.setUnit(unitKey({ protocol: 'dlt645', address }), { turnaround: { typical: 100, max: DLT645_WAIT_MS } })
    const first = await this.#once(address)
    if (first.kind !== 'one' && first.kind !== 'garbled') return first
    const before = this.#strays()
    // Whoever answers later than the first is heard as bytes nobody asked for.
    await this.clock.sleep(durationMs(DLT645_WAIT_MS), this.signal)
    const second = await this.#once(address)
    if (first.kind === 'garbled') return second
    const isCrowded =
      this.#strays() - before >= ANSWER_BYTES || (second.kind === 'one' && second.address !== first.address)
    return { ...first, isCrowded }
  }

  async #once(address: string): Promise<Heard> {
    const read = { protocol: 'dlt645', address, di: '00000000', ask: 'address' } as const
    const answer = await this.bus.read(read, this.signal)
    if (!answer.ok) {
      const presence = presenceOf(answer)
      return presence.kind === 'there' ? { kind: 'nobody' } : presence
    }
    const { data, turnaroundMs } = answer.value
    const digits = Buffer.from(data).reverse().toString('hex')
    return data.length === DIGITS / 2
      ? { kind: 'one', address: digits, turnaroundMs, isCrowded: false }
      : { kind: 'garbled', received: digits }
  }

  #strays(): number {
    return this.bus.health().line.stray_bytes
  }
}
