import type { GatewayCode } from '../bus/bus-fault.js'
import { type Localized, same } from './localized.js'

/**
 * Why a line is down, or a unit behind a gateway silent. The reason travels as one English text through faults, counters and the control socket; whoever shows it to a
 * person finds it here again, in his language. `{…}` is what the place puts in.
 */
const TEXTS = {
  absent: {
    en: 'there is no {port}; is the RS485 adapter plugged in? `ls -l /dev/serial/by-id` shows those that are',
    zh: '没有 {port}；RS485 转换器插好了吗？`ls -l /dev/serial/by-id` 可列出已插的',
  },
  gone: {
    en: '{port} went away ({message}); is the adapter plugged in?',
    zh: '{port} 断开了（{message}）；转换器还插着吗？',
  },
  forbidden: {
    en: 'no permission for {port}; add the user to the group of the port (dialout)',
    zh: '没有权限打开 {port}；请把用户加入该端口的用户组（dialout）',
  },
  busy: {
    en: '{port} is used by another program; stop it, a line has one master',
    zh: '{port} 被别的程序占用；请停止它，一条总线只能有一个主站',
  },
  noPort: {
    en: '{port} is no serial port; `ls -l /dev/serial/by-id` shows those of RS485 adapters',
    zh: '{port} 不是串口；`ls -l /dev/serial/by-id` 可列出 RS485 转换器的串口',
  },
  notOpen: { en: '{port} is not open', zh: '{port} 没有打开' },
  brokeOff: { en: '{host} broke the connection', zh: '{host} 中断了连接' },
  hungUp: {
    en: '{host} closed the connection; most serial servers serve one client at a time',
    zh: '{host} 关闭了连接；多数串口服务器一次只服务一个客户端',
  },
  notConnected: { en: 'not connected to {host}', zh: '没有连上 {host}' },
  unanswered: {
    en: '{host} does not answer within {seconds} s; check address, cable and that the device is on',
    zh: '{host} 在 {seconds} 秒内没有应答；请检查地址、网线以及设备是否通电',
  },
  refused: {
    en: '{host} refuses the connection; is this the port of the serial server?',
    zh: '{host} 拒绝连接；这是串口服务器的端口吗？',
  },
  unknownHost: { en: 'no such host: {host}', zh: '找不到主机：{host}' },
  gatewayNoPath: {
    en: 'the gateway has no way to this unit, exception 0x0A; check the unit id and the serial port set in the gateway',
    zh: '网关没有通往该地址的路径，异常码 0x0A；请检查从站地址和网关中设置的串口',
  },
  gatewayNoAnswer: {
    en: 'the gateway heard nothing from this unit on its serial side, exception 0x0B',
    zh: '网关在串口侧没有收到该表的应答，异常码 0x0B',
  },
} as const satisfies Record<string, Localized>

type Slots<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Slots<Rest> : never

/** The reason as it travels: in English. */
export function lineDownWhy<K extends keyof typeof TEXTS>(
  reason: K,
  facts: Readonly<Record<Slots<(typeof TEXTS)[K]['en']>, string>>,
): string {
  return filled(TEXTS[reason].en, facts)
}

/** Why a unit behind a gateway is silent, in the gateway's own words. */
export const gatewayWhy = (code: GatewayCode): string =>
  lineDownWhy(code === 0x0a ? 'gatewayNoPath' : 'gatewayNoAnswer', {})

/** A reason as {@link lineDownWhy} made it, in every language, its port before it or not; any other text as it is. */
export function lineDownTexts(why: string): Localized {
  for (const { pattern, zh } of PATTERNS) {
    const facts = pattern.exec(why)?.groups
    if (facts) return { en: why, zh: `${facts.before ? `${facts.before}：` : ''}${filled(zh, facts)}` }
  }
  return same(why)
}

const OWN_DAEMON: Localized = {
  en: '{port} is used by `metergate run`; stop that first, a line has one master',
  zh: '{port} 正被 `metergate run` 占用；请先停止它，一条总线只能有一个主站',
}

/** The same text, where it says that another program has the port and that program is known to be our own. */
export function usedByDaemon(text: Localized): Localized {
  const tail = (template: string): string => template.replace('{port}', '')
  const put = (language: 'en' | 'zh'): string =>
    text[language].replace(tail(TEXTS.busy[language]), tail(OWN_DAEMON[language]))
  return { en: put('en'), zh: put('zh') }
}

const PATTERNS = Object.values(TEXTS).map(({ en, zh }) => ({ pattern: patternOf(en), zh }))

function patternOf(template: string): RegExp {
  const plain = template.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&')
  return new RegExp(`^(?:(?<before>\\S+(?: \\S+)?): )?${plain.replaceAll(/\{(\w+)\}/g, '(?<$1>.+)')}$`)
}

const filled = (template: string, facts: Readonly<Record<string, string | undefined>>): string =>
  template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => facts[name] ?? whole)
