import { ControlClient, type GatewaySnapshot, SystemClock } from '@metergate/agent'
import { toNumber } from '@metergate/protocol'

const TEXTS = {
  en: {
    page: 'page',
    cloud: 'cloud',
    backlog: 'waiting',
    readings: 'readings',
    faults: 'faults',
    power: 'main',
    up: 'up',
    down: 'NOT reached',
    pieces: 'pairs counted',
  },
  zh: {
    page: '页面',
    cloud: '云端',
    backlog: '待传',
    readings: '读数',
    faults: '故障',
    power: '总功率',
    up: '正常',
    down: '连不上',
    pieces: '计数',
  },
} as const

/** Asks the agent how it is, through the same socket as `metergate status`; undefined while it does not answer. */
export async function snapshotOf(socket: string): Promise<GatewaySnapshot | undefined> {
  const answer = await new ControlClient(socket, new SystemClock()).ask('status', {})
  return answer.ok ? answer.value : undefined
}

/** One line about the running plant. */
export function liveLine(snapshot: GatewaySnapshot, language: 'zh' | 'en'): string {
  const say = TEXTS[language]
  const last = (meter: string, quantity: string): string => {
    const value = snapshot.meters.find(({ id }) => id === meter)?.last.find((one) => one.quantity === quantity)?.value
    return value ? toNumber(value).toLocaleString('en-US', { maximumFractionDigits: 1 }) : '–'
  }
  const faults = snapshot.buses.reduce((sum, bus) => sum + bus.faults, 0)
  return [
    `${say.power} ${last('main', 'power_active_total')} W`,
    `${last('main', 'energy_active_import_total')} kWh`,
    `${say.pieces} ${last('counter', 'pulse_count_1')}`,
    `${say.readings} ${snapshot.readings.good}`,
    `${say.faults} ${faults + snapshot.readings.failed}`,
    `${say.backlog} ${snapshot.backlog.records}`,
    `${say.cloud} ${snapshot.link.state === 'up' ? say.up : say.down}`,
  ].join('  ')
}
