import { SUB_METERS } from './plant-month-truth.js'

/** The gateway's configuration for the month, as a technician would write it. `everyMinutes`: between two polls of a meter. */
export function monthConfig(folder: string, everyMinutes: number): string {
  const poll = `poll: { power: ${everyMinutes}m, energy: ${everyMinutes}m, rare: 24h }`
  const subs = SUB_METERS.map(
    (id, index) =>
      `  - { id: ${id}, line: line-1, profile: ${id === 'press-1' ? 'hiking-dds238-2' : 'acrel-dtsd1352'}, unit: ${index + 2}, max_power_kw: 80, ${poll} }`,
  )
  return `plant:
  name: 瑞安鞋厂 month
  timezone: Asia/Shanghai
  interval: 15m
  shifts:
    - { id: A, from: "00:00", to: "08:00" }
    - { id: B, from: "08:00", to: "16:00" }
    - { id: C, from: "16:00", to: "00:00" }

lines:
  - { id: line-1, port: /dev/ttyUSB0, baud: 9600 }

meters:
  - { id: main, line: line-1, profile: acrel-dtsd1352, unit: 1, ct: "300/5", max_power_kw: 400, ${poll} }
${subs.join('\n')}
  - { id: counter, line: line-1, profile: advantech-adam-4150, unit: 9, ${poll} }

products:
  - id: slipper
    label: EVA 拖鞋
    unit: pair
    counter: { meter: counter, quantity: pulse_count_1 }
    weight_kg: 0.32
    energy: [press-1, press-2, press-3, press-4]
  - id: boot
    label: 雨靴
    unit: pair
    weight_kg: 0.95
    energy: [press-5, press-6]
    baseline: { from: "2026-02-01", to: "2026-02-13" }

groups:
  - { id: plant, label: 全厂, kind: main_and_sub, main: main, meters: [${SUB_METERS.join(', ')}] }
  - { id: presses, label: 注塑车间, kind: sum, meters: [${SUB_METERS.filter((id) => id !== 'compressor').join(', ')}] }

tariff:
  schedule: zhejiang-industry-tou
  prices: { sharp: 1.2, peak: 1.0, flat: 0.65, valley: 0.3, deep_valley: 0.15 }
  basic: { by: demand, price: 40 }
  funds_per_kwh: 0.03
  power_factor: 0.9

energy:
  contract_kw: 315
  rest_days: { public_holidays: true, dates: ["2026-02-14"] }

store:
  folder: ${folder}

sync:
  cloud: http://127.0.0.1:1
  every: 15m
  heartbeat: 15m
`
}
