import { describe, expect, it } from 'vitest'
import { gatewayWhy, lineDownTexts, lineDownWhy } from './line-down-texts.js'

describe('why a line is down', () => {
  it.each([
    [lineDownWhy('absent', { port: '/dev/ttyUSB0' }), '没有 /dev/ttyUSB0；RS485 转换器插好了吗？'],
    [
      lineDownWhy('gone', { port: '/dev/ttyUSB0', message: 'EIO: i/o error (5), read' }),
      '断开了（EIO: i/o error (5), read）',
    ],
    [lineDownWhy('forbidden', { port: '/dev/ttyS1' }), '没有权限打开 /dev/ttyS1'],
    [lineDownWhy('busy', { port: '/dev/ttyS1' }), '/dev/ttyS1 被别的程序占用'],
    [lineDownWhy('unanswered', { host: '192.168.1.9:502', seconds: '3' }), '192.168.1.9:502 在 3 秒内没有应答'],
    [gatewayWhy(0x0b), '网关在串口侧没有收到该表的应答'],
    [lineDownWhy('hungUp', { host: 'box:4001' }), 'box:4001 关闭了连接'],
    [
      `modbus_tcp nohost.invalid:15503: ${lineDownWhy('unknownHost', { host: 'nohost.invalid' })}`,
      'modbus_tcp nohost.invalid:15503：找不到主机：nohost.invalid',
    ],
  ])('%s is said in Chinese too', (why, chinese) => {
    expect(lineDownTexts(why)).toEqual({ en: why, zh: expect.stringContaining(chinese) })
    expect(lineDownTexts(why).zh).not.toMatch(/[{}]/)
  })

  it('is shown as it is where nobody foresaw it', () => {
    expect(lineDownTexts('/dev/ttyS1: strange')).toEqual({ en: '/dev/ttyS1: strange', zh: '/dev/ttyS1: strange' })
  })
})
