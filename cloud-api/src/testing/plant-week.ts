import {
  type Amount,
  amount,
  epochMs,
  type HeartbeatRequest,
  heartbeatRequestSchema,
  type IntervalRecord,
  type ProductionRecord,
  type ReadingRecord,
  type StreamRecord,
  type UnitEnergyRecord,
} from '@metergate/protocol'
import { heartbeat, interval, production, reading, unitEnergy } from './records.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const SHANGHAI_OFFSET = 8 * HOUR
const PRODUCT = {
  id: 'eva-slipper',
  label: 'EVA 拖鞋',
  unit: 'pair',
  meters: ['press-1', 'press-2'],
  weight_kg: amount(25, -2),
}
const HALL = {
  id: 'hall',
  label: '全厂',
  kind: 'main_and_sub',
  main: 'main',
  meters: ['press-1', 'press-2', 'compressor'],
}
const LABELS = { main: '总表', 'press-1': '一号发泡机', 'press-2': '二号发泡机', compressor: '空压机' } as const

type MeterName = keyof typeof LABELS
const METERS: readonly MeterName[] = ['main', 'press-1', 'press-2', 'compressor']

/** What one meter took and what the line made in one interval: watt-hours and pairs, whole. */
interface Spent {
  readonly wh: Readonly<Record<MeterName, number>>
  readonly pairs: number
}

export interface WeekOptions {
  /** Where the week begins and ends: multiples of `everyMs`. */
  readonly from: number
  readonly to: number
  /** Length of an interval; readings are twice as dense. Divides an hour. */
  readonly everyMs: number
  /** A meter that says nothing for a while. */
  readonly silence?: { readonly meter: MeterName; readonly from: number; readonly to: number }
}

/**
 * A shoe plant as its gateway would report it: two foaming presses on shifts, a compressor, a main meter. What it took is
 * a plain function of time, so that a test can work the page's figures out by another way than the page.
 */
export class PlantWeek {
  constructor(private readonly options: WeekOptions) {}

  /** Registers and power, oldest first. */
  readings(): ReadingRecord[] {
    const { from, to, everyMs } = this.options
    const registers = new Map<MeterName, number>()
    const records: ReadingRecord[] = []
    for (let at = from; at < to; at += everyMs) {
      for (const meter of METERS) {
        const wh = this.spent(at).wh[meter]
        const register = registers.get(meter) ?? 1_000_000
        const power = Math.round((wh * 10 * HOUR) / everyMs)
        for (const part of [0, 1]) {
          const instant = at + (part * everyMs) / 2 + 1000
          if (this.isSilent(meter, instant)) continue
          const wobble = 1 + ((instant / 1000) % 7) / 100 - 0.03
          records.push(
            reading(instant, Math.round(power * wobble), Math.floor((register + (wh * part) / 2) / 10), meter),
          )
        }
        registers.set(meter, register + wh)
      }
    }
    return records
  }

  /** Intervals, counted pairs, and unit energy by interval, closed hour and closed day. */
  ledger(): StreamRecord[] {
    const { from, to, everyMs } = this.options
    const records: StreamRecord[] = []
    for (let at = from; at < to; at += everyMs) {
      records.push(...METERS.map((meter) => this.interval(meter, at)), this.unitEnergy('interval', at, at + everyMs))
      if (this.spent(at).pairs > 0) records.push(this.counted(at))
      const end = at + everyMs
      if (end % HOUR === 0 && end - HOUR >= from) records.push(this.unitEnergy('hour', end - HOUR, end))
      if ((end + SHANGHAI_OFFSET) % DAY === 0 && end - DAY >= from) {
        records.push(this.unitEnergy('day', end - DAY, end))
      }
    }
    return records
  }

  /** How the box is at `at`. */
  heartbeat(at: number, change: Partial<HeartbeatRequest> = {}): HeartbeatRequest {
    const last = this.spent(Math.floor(at / this.options.everyMs) * this.options.everyMs - this.options.everyMs)
    const meters = METERS.map((id, i) => ({
      id,
      label: LABELS[id],
      profile: 'eastron-sdm630-v2',
      unit: String(i + 1),
      state: this.isSilent(id, at) ? ('silent' as const) : ('ok' as const),
      last: [
        {
          quantity: 'power_active_total',
          at: at - 5000,
          value: amount(Math.round((last.wh[id] * HOUR) / this.options.everyMs), 0),
        },
      ],
    }))
    const plant = { name: '瑞安示范鞋厂', timezone: 'Asia/Shanghai' }
    const told = { plant, meters, products: [PRODUCT], groups: [HALL], billing_meter: 'main' }
    return heartbeatRequestSchema.parse({ ...heartbeat(at), ...told, ...change })
  }

  /** Kilowatt-hours of a meter between two instants of the grid. */
  energy(meter: MeterName, from: number, to: number): Amount {
    return amount(
      this.grid(from, to).reduce((sum, at) => sum + this.spent(at).wh[meter], 0),
      -3,
    )
  }

  /** Pairs made between two instants of the grid. */
  output(from: number, to: number): number {
    return this.grid(from, to).reduce((sum, at) => sum + this.spent(at).pairs, 0)
  }

  private grid(from: number, to: number): number[] {
    const { everyMs } = this.options
    return Array.from({ length: Math.max(0, (to - from) / everyMs) }, (_, i) => from + i * everyMs)
  }

  private isSilent(meter: MeterName, at: number): boolean {
    const { silence } = this.options
    return silence !== undefined && silence.meter === meter && at >= silence.from && at < silence.to
  }

  private spent(at: number): Spent {
    const { everyMs } = this.options
    const local = at + SHANGHAI_OFFSET
    const hour = (local % DAY) / HOUR
    const day = Math.floor(local / DAY)
    // 1970-01-01 was a Thursday; on Sundays the plant rests.
    const isSunday = (day + 4) % 7 === 0
    const works = !isSunday && ((hour >= 7.5 && hour < 12) || (hour >= 13 && hour < 21))
    const swing = 1 + 0.08 * Math.sin(at / (17 * MINUTE)) + 0.02 * (day % 5)
    const watts = works ? 46_000 * swing : 900
    const share = everyMs / HOUR
    const press1 = Math.round(watts * 0.54 * share)
    const press2 = Math.round(watts * 0.46 * share)
    const compressor = Math.round((works ? 11_000 + 3000 * Math.sin(at / (9 * MINUTE)) : 250) * share)
    const rest = Math.round((works ? 6_500 : 1_800) * share)
    return {
      wh: { main: press1 + press2 + compressor + rest, 'press-1': press1, 'press-2': press2, compressor },
      pairs: works ? Math.round(430 * share * (1 + 0.015 * (day % 4))) : 0,
    }
  }

  private counted(at: number): ProductionRecord {
    const { everyMs } = this.options
    const record = production(at, this.spent(at).pairs)
    return { ...record, entry: `counter:press-1:${at}`, source: 'counter', end: epochMs(at + everyMs) }
  }

  private interval(meter: MeterName, at: number): IntervalRecord {
    const { everyMs } = this.options
    const record = interval(at, 0, 0, 0, meter)
    const isMissing = this.isSilent(meter, at)
    return {
      ...record,
      end: epochMs(at + everyMs),
      coverage: isMissing ? 0 : 1000,
      deltas: record.deltas.map((delta) => ({
        ...delta,
        from: null,
        to: null,
        delta: isMissing ? null : amount(this.spent(at).wh[meter], -3),
        flag: isMissing ? ('missing' as const) : ('measured' as const),
      })),
    }
  }

  private unitEnergy(period: UnitEnergyRecord['period'], from: number, to: number): UnitEnergyRecord {
    const wh = this.energy('press-1', from, to).n + this.energy('press-2', from, to).n
    const pairs = this.output(from, to)
    const { value: _none, ...record } = unitEnergy(from, 0)
    return {
      ...record,
      product: unitEnergy(from, 0).product,
      period,
      end: epochMs(to),
      energy: amount(wh, -3),
      output: amount(pairs, 0),
      value: pairs > 0 ? amount(Math.round((wh * 1000) / pairs), -6) : null,
      ...(pairs > 0 ? {} : { no_value: 'no_production' as const }),
    }
  }
}
