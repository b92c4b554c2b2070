import type {
  EnergyAnswer,
  EnergyStep,
  HeartbeatRequest,
  MeterSummary,
  ProductConfig,
  ProductionRow,
  SeriesAnswer,
} from '@metergate/protocol/http'
import { computed, ref } from 'vue'
import {
  CloudSilent,
  getEnergy,
  getGateway,
  getMeters,
  getPower,
  getProduction,
  getUnitEnergy,
  TokenRefused,
} from './api'
import type { DayFigure } from './days-chart'
import {
  type EnergyFigure,
  energyOf,
  isCounter,
  lastNumber,
  mainMeter,
  type UnitEnergyFigure,
  unitEnergyOf,
} from './figures'
import { type GroupToday, groupToday } from './groups'
import { outputOf } from './output'
import { warningsOf } from './warnings'
import { lastDays, startOfDay } from './zone'

const HOUR_MS = 3_600_000
/** Counts of two days are long to fetch, and a product's interval is a minute at the shortest. */
const PRODUCTION_EVERY_MS = 60_000
const DAYS = 8
const MONTH_MS = 31 * 24 * HOUR_MS
const RANGES = {
  day: { lengthMs: 24 * HOUR_MS, bucketMs: HOUR_MS / 12 },
  week: { lengthMs: 168 * HOUR_MS, bucketMs: HOUR_MS / 2 },
} as const

export interface Today {
  /** Of the meter shown large. */
  readonly energy: EnergyFigure | undefined
  readonly yesterday: EnergyFigure | undefined
  /** The product whose unit energy is shown large: the one chosen, at first the first configured. */
  readonly product: ProductConfig | undefined
  readonly unit: UnitEnergyFigure | undefined
  /** All good output, with energy known or not. */
  readonly output: number | undefined
  /** All of them. */
  readonly products: readonly ProductToday[]
}

export interface ProductToday {
  readonly product: ProductConfig
  readonly unit: UnitEnergyFigure | undefined
  /** All good output, with energy known or not. */
  readonly output: number | undefined
}

interface Day {
  readonly start: number
  readonly end: number
}

/** All one plant's page shows, and how it is fetched. */
export function usePlant(gateway: () => string) {
  const zone = ref('Asia/Shanghai')
  const meters = ref<MeterSummary[]>([])
  const heartbeat = ref<HeartbeatRequest | null>(null)
  /** The cloud's time, so that a wrong clock here dates nothing wrong. */
  const now = ref(Date.now())
  const loaded = ref(false)
  const failed = ref(false)
  const meter = ref('')
  const chosenProduct = ref('')
  const power = ref<SeriesAnswer>()
  const hours = ref<EnergyStep[]>([])
  const days = ref<DayFigure[]>([])
  /** Where the chosen meter's figures begin, as far as a month back. */
  const since = ref<number>()
  const today = ref<Today>()
  const hoursToday = ref(new Map<string, readonly EnergyStep[]>())
  const groups = ref<GroupToday[]>([])

  const main = computed(() => mainMeter(meters.value, heartbeat.value ?? {}))
  const energyMeters = computed(() => meters.value.filter((entry) => !isCounter(entry)))
  /** Where nobody said which meter is the whole plant's, it is the one chosen, and named. */
  const large = computed(
    () => main.value ?? energyMeters.value.find((entry) => entry.meter === meter.value) ?? energyMeters.value[0],
  )
  const powerNow = computed(() => {
    const value = large.value?.last.find(({ quantity }) => quantity === 'power_active_total')
    const watts = large.value && lastNumber(large.value, 'power_active_total')
    return value && watts !== undefined ? { kw: watts / 1000, ageMs: now.value - value.at } : undefined
  })
  /** Unit energy of the earlier days shown: their energy by their output, never a mean of ratios. */
  const weekBefore = computed(() => {
    const earlier = days.value
      .slice(0, -1)
      .flatMap((day) => (day.unitEnergy?.value === undefined ? [] : [day.unitEnergy]))
    const output = earlier.reduce((sum, day) => sum + day.output, 0)
    return output > 0 ? earlier.reduce((sum, day) => sum + day.energy, 0) / output : undefined
  })

  async function refreshMeters(): Promise<void> {
    const [state, answer] = await Promise.all([getGateway(gateway()), getMeters(gateway())])
    meters.value = answer.meters
    heartbeat.value = state.heartbeat
    now.value = answer.server_time
    zone.value = state.heartbeat?.plant?.timezone ?? zone.value
    if (!meter.value) meter.value = large.value?.meter ?? ''
  }

  let production: { readonly from: number; readonly at: number; readonly rows: readonly ProductionRow[] } | undefined
  /** Counts and entries that may belong to the day. */
  async function productionOf({ start, end }: Day, now: number): Promise<readonly ProductionRow[]> {
    const from = start - (end - start)
    if (production?.from === from && now - production.at < PRODUCTION_EVERY_MS) return production.rows
    const { production: rows } = await getProduction(gateway(), from, end)
    production = { from, at: now, rows }
    return rows
  }

  /** Of each product the closed hours of today, and the intervals since the last of them. */
  async function productsToday(midnight: number, now: number): Promise<ProductToday[]> {
    const configured = heartbeat.value?.products ?? []
    if (configured.length === 0) return []
    const closed = (await getUnitEnergy(gateway(), 'hour', midnight, now)).unit_energy
    const ends = configured.map(({ id }) => closed.filter((row) => row.product === id).at(-1)?.end)
    const since = ends.map((end) => end ?? Math.max(midnight, now - 2 * HOUR_MS))
    const open = (await getUnitEnergy(gateway(), 'interval', Math.min(...since), now)).unit_energy
    const day = { start: midnight, end: startOfDay(zone.value, midnight + 36 * HOUR_MS) }
    const made = await productionOf(day, now)
    return configured.map((product, index) => {
      const later = open.filter((row) => row.start >= (since[index] ?? now))
      const unit = unitEnergyOf(product.id, [...closed, ...later])
      return { product, unit, output: outputOf(product.id, day, made) }
    })
  }

  async function refreshDays(now: number): Promise<void> {
    const starts = lastDays(zone.value, now, DAYS)
    const from = starts[0] ?? now
    const midnight = startOfDay(zone.value, now)
    const energy = async (from: number, step: 'hour' | 'day'): Promise<readonly EnergyStep[]> =>
      large.value ? (await getEnergy(gateway(), large.value.meter, from, now, step, zone.value)).steps : []
    const [byDay, steps, ofToday, products] = await Promise.all([
      getUnitEnergy(gateway(), 'day', from, now),
      energy(from, 'day'),
      // By hours, since the energy of the running hour would stand for that of an earlier one that is missing.
      energy(midnight, 'hour'),
      productsToday(midnight, now),
    ])
    const shown = products.find(({ product }) => product.id === chosenProduct.value) ?? products[0]
    const { product, unit, output } = shown ?? {}
    const ofDay = (start: number): EnergyFigure | undefined =>
      energyOf(start === midnight ? ofToday : steps.filter((step) => step.start === start), now)
    days.value = starts.map((start) => ({
      start,
      energy: ofDay(start),
      unitEnergy:
        start === midnight
          ? unit
          : product &&
            unitEnergyOf(
              product.id,
              byDay.unit_energy.filter((row) => row.start === start),
            ),
    }))
    const yesterday = ofDay(starts.at(-2) ?? from)
    today.value = { energy: ofDay(midnight), yesterday, product, unit, output, products }
  }

  async function refreshShares(now: number): Promise<void> {
    const midnight = startOfDay(zone.value, now)
    const lines = await Promise.all(
      energyMeters.value.map(
        async (entry) =>
          [entry.meter, (await getEnergy(gateway(), entry.meter, midnight, now, 'hour', zone.value)).steps] as const,
      ),
    )
    const stepsOf = new Map<string, readonly EnergyStep[]>(lines)
    hoursToday.value = stepsOf
    groups.value = (heartbeat.value?.groups ?? []).map((group) => groupToday(group, stepsOf, now))
  }

  let begun: { readonly meter: string; readonly at: number } | undefined
  /** The end of the first hour with energy; how long before the last month it lies is not looked for. */
  async function findBegin(id: string, now: number): Promise<number | undefined> {
    if (begun?.meter === id) return begun.at
    const first = ({ steps }: EnergyAnswer): EnergyStep | undefined => steps.find((step) => step.energy !== null)
    const day = first(await getEnergy(gateway(), id, now - MONTH_MS, now, 'day', zone.value))
    if (!day) return undefined
    const hour = first(await getEnergy(gateway(), id, day.start, day.end, 'hour', zone.value))
    begun = { meter: id, at: hour?.end ?? day.start }
    return begun.at
  }

  async function refreshCharts(range: 'day' | 'week', now: number): Promise<void> {
    if (!meter.value) return
    const { lengthMs, bucketMs } = RANGES[range]
    // Buckets begin at round instants, so that labels do.
    const to = Math.ceil(now / bucketMs) * bucketMs
    const [curve, steps, begin] = await Promise.all([
      getPower(gateway(), meter.value, to - lengthMs, to, lengthMs / bucketMs),
      getEnergy(gateway(), meter.value, now - lengthMs, now, 'hour', zone.value),
      findBegin(meter.value, now),
    ])
    since.value = begin
    power.value = curve
    hours.value = steps.steps
  }

  async function refresh(range: 'day' | 'week'): Promise<void> {
    try {
      await refreshMeters()
      await Promise.all([refreshDays(now.value), refreshShares(now.value), refreshCharts(range, now.value)])
      loaded.value = true
      failed.value = false
    } catch (error) {
      // For a refused token the frame of the page asks for another; what is shown stays.
      if (!(error instanceof CloudSilent || error instanceof TokenRefused)) throw error
      failed.value = error instanceof CloudSilent
    }
  }

  const labelOf = (id: string): string => meters.value.find((entry) => entry.meter === id)?.label ?? id

  return {
    zone,
    now,
    loaded,
    failed,
    meters,
    energyMeters,
    meter,
    chosenProduct,
    power,
    hours,
    days,
    since,
    today,
    hoursToday,
    groups,
    weekBefore,
    powerNow,
    labelOf,
    mainId: computed(() => main.value?.meter ?? ''),
    largeLabel: computed(() => large.value?.label ?? ''),
    warnings: computed(() => (heartbeat.value ? warningsOf(heartbeat.value) : [])),
    refresh,
  }
}
