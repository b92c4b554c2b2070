import {
  type Amount,
  type Clock,
  type MeterId,
  type MeterProfile,
  parseJson,
  type RatioDifference,
  toNumber,
} from '@metergate/protocol'
import type { RegisterBus } from '../bus/register-bus.js'
import { type SetRatios, setRatiosSchema, type UnitAddress } from '../meter/scan-report.js'
import { ratioDiffers, setRatios } from '../meter/set-ratio.js'
import type { RecordStore } from '../store/record-store.js'
import type { Logger } from '../system/logger.js'
import type { Journal } from './journal.js'

const DAY_MS = 86_400_000

/** A meter whose model keeps its transformers' ratios in registers of its own. */
export interface RatioMeter {
  readonly id: MeterId
  readonly bus: RegisterBus
  readonly at: UnitAddress
  readonly profile: MeterProfile
  /** As configured, where the profile's values leave the ratios out; undefined where the meter's own count. */
  readonly configured: { readonly ct: Amount; readonly pt: Amount } | undefined
}

const RATIOS = ['ct', 'pt'] as const

export interface RatioWatchParts {
  readonly clock: Clock
  readonly store: RecordStore
  readonly journal: Journal
  readonly logger: Logger
  readonly meters: readonly RatioMeter[]
}

/**
 * Looks at the ratios set in the meters themselves: when a meter first answers, when it is back from a silence, for it may be another
 * one, and once a day. Whoever changes one changes every figure from then on, so it is a record; whoever configures another than
 * the meter has is warned of, here and in the cloud.
 */
export class RatioWatch {
  readonly #lookedAt = new Map<MeterId, number>()
  readonly #differences = new Map<MeterId, readonly RatioDifference[]>()

  constructor(private readonly parts: RatioWatchParts) {}

  /** The meter has just answered a poll: looks when it is time to. */
  async answered(id: MeterId, signal: AbortSignal): Promise<void> {
    const meter = this.parts.meters.find((each) => each.id === id)
    const now = this.parts.clock.mono()
    if (!meter || now - (this.#lookedAt.get(id) ?? Number.NEGATIVE_INFINITY) < DAY_MS) return
    this.#lookedAt.set(id, now)
    const found = await setRatios(meter.bus, meter, signal).catch((error: unknown): SetRatios => {
      // A stop in the middle of a request breaks it off.
      if (signal.aborted) return {}
      throw error
    })
    // What did not answer is no finding; it is asked again tomorrow.
    if (signal.aborted || (found.ct === undefined && found.pt === undefined)) return
    this.#noteChange(meter, found)
    this.#noteDifferences(meter, found)
  }

  /** Whoever answers next may be another meter. */
  silent(id: MeterId): void {
    this.#lookedAt.delete(id)
  }

  of(id: MeterId): readonly RatioDifference[] {
    return this.#differences.get(id) ?? []
  }

  #noteChange({ id }: RatioMeter, found: SetRatios): void {
    const { store, journal, logger } = this.parts
    const key = `ratios ${id}`
    const before = storedRatios(store.getState(key))
    const now = { ...before, ...found }
    if (before?.ct === now.ct && before?.pt === now.pt) return
    store.putState(key, JSON.stringify(now))
    if (!before) return
    const facts = Object.fromEntries(
      RATIOS.filter((which) => before[which] !== now[which]).flatMap((which) => [
        [`${which}_before`, before[which] ?? null],
        [which, now[which] ?? null],
      ]),
    )
    logger.warn('the ratio set in a meter was changed', { meter: id, ...facts })
    void journal.event('meter_ratio_changed', facts, { meter: id, urgent: true })
  }

  #noteDifferences({ id, configured }: RatioMeter, found: SetRatios): void {
    const before = this.of(id)
    const now = RATIOS.flatMap((which): RatioDifference[] => {
      const [ours, meter] = [configured && toNumber(configured[which]), found[which]]
      return ours !== undefined && ratioDiffers(ours, meter) ? [{ which, configured: ours, meter }] : []
    })
    this.#differences.set(id, now)
    for (const difference of now) {
      const { which, configured: ours, meter: inMeter } = difference
      if (before.some((each) => each.which === which && each.meter === inMeter)) continue
      const facts = { which, configured: ours, in_meter: inMeter }
      this.parts.logger.warn('the ratio set in a meter is not the configured one', { meter: id, ...facts })
      void this.parts.journal.event('ratio_differs', facts, { meter: id })
    }
  }
}

function storedRatios(text: string | undefined): SetRatios | undefined {
  return setRatiosSchema.safeParse(parseJson(text ?? '')).data
}
