import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { amount, epochMs, toNumber } from '@metergate/protocol'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CloudHarness } from './testing/cloud-harness.js'
import type { GatewayDouble } from './testing/gateway-double.js'
import { PlantWeek } from './testing/plant-week.js'
import { production, T0 } from './testing/records.js'

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium'
const DASHBOARD = fileURLToPath(new URL('../dashboard/dist', import.meta.url))
const HOUR = 3_600_000
const DAY = 24 * HOUR
/** 16:20 in the plant, on a Monday; its midnight; and a week before. */
const NOW = T0 + 20 * 60_000
const MIDNIGHT = Date.parse('2026-11-23T00:00:00+08:00')
const DECLARED = 100
const WEEK_AGO = MIDNIGHT - 7 * DAY

const missing = [
  ...(existsSync(BROWSER) ? [] : [`no browser at ${BROWSER} (name one in CHROMIUM)`]),
  ...(existsSync(join(DASHBOARD, 'index.html')) ? [] : ['the page is not built (npm run build)']),
]

describe.skipIf(missing.length > 0)(`the page in a real browser${missing.map((why) => ` — skipped: ${why}`)}`, () => {
  const everyMs = 15 * 60_000
  const to = Math.floor(NOW / everyMs) * everyMs
  const silence = { meter: 'compressor', from: MIDNIGHT + 2 * HOUR, to: MIDNIGHT + 5 * HOUR } as const
  const week = new PlantWeek({ from: WEEK_AGO, to, everyMs, silence })
  let harness: CloudHarness
  let browser: Browser

  const deliver = async (gateway: GatewayDouble, records: ReturnType<PlantWeek['ledger']>): Promise<void> => {
    for (let i = 0; i < records.length; i += 500) {
      const answer = await harness.inject(gateway.post(gateway.seal(records.slice(i, i + 500))))
      expect([answer.statusCode, answer.json().rejected]).toEqual([200, []])
    }
  }
  const plant = async (stream: string, change = {}): Promise<GatewayDouble> => {
    const gateway = await harness.gateway(stream)
    const beat = week.heartbeat(NOW - 2000, change)
    expect((await harness.inject(gateway.beat(beat))).statusCode).toBe(200)
    return gateway
  }

  beforeAll(async () => {
    harness = await CloudHarness.start({ dashboard: DASHBOARD })
    harness.clock.now = epochMs(NOW)
    const gateway = await plant('a'.repeat(32))
    // Declared by hand for an hour of the night: it has no matched energy, and is output all the same.
    await deliver(gateway, [...week.ledger(), production(MIDNIGHT + 2 * HOUR, DECLARED)])
    await deliver(gateway.withStream('e'.repeat(32)), week.readings())
    const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run']
    const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync']
    browser = await chromium.launch({ executablePath: BROWSER, headless: true, args: [...args, ...quiet] })
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await harness?.stop()
  })

  /** Opens the page and collects whatever the browser complains of. */
  const open = async (path: string, size = { width: 1280, height: 1500 }): Promise<{ page: Page; said: string[] }> => {
    const page = await browser.newPage({ viewport: size })
    const said: string[] = []
    page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`))
    page.on('pageerror', (error) => said.push(error.message))
    await page.goto(`${harness.cloud.url}/${path}`)
    return { page, said }
  }
  const textOf = async (page: Page, selector: string) => (await page.locator(selector).textContent())?.trim()
  const figure = (page: Page, name: string) => textOf(page, `[data-figure="${name}"] .figure`)
  const opened = (language: string): string => `?lang=${language}#token=${harness.token}`

  const today = toNumber(week.energy('main', MIDNIGHT, to))
  const pairs = week.output(MIDNIGHT, to)
  const presses = toNumber(week.energy('press-1', MIDNIGHT, to)) + toNumber(week.energy('press-2', MIDNIGHT, to))

  it.each([
    ['zh', '今日用电', '双', '双', '在线', '每小时用电'],
    ['en', 'Energy today', 'pairs', 'pair', 'online', 'Energy by hour'],
  ])(
    'shows today’s energy, output and unit energy in %s, without a complaint',
    async (language, title, units, unit, ...more) => {
      const { page, said } = await open(opened(language))
      await page.locator('[data-figure="unit-energy"] .note span').waitFor()
      expect(await textOf(page, '[data-figure="energy"] h2')).toBe(title)
      expect(await figure(page, 'energy')).toBe(`${today.toFixed(1)}kWh`)
      expect(await figure(page, 'output')).toBe(`${(pairs + DECLARED).toLocaleString('en-GB')}${units}`)
      expect(await figure(page, 'unit-energy')).toBe(`${(presses / pairs).toFixed(3)}kWh/${unit}`)
      // Whose energy is divided: not the main meter's, whose energy stands in the card beside.
      expect(await textOf(page, '[data-figure="unit-energy"]')).toContain(
        `${presses.toFixed(1)} kWh ÷ ${pairs.toLocaleString('en-GB')}`,
      )
      expect(await textOf(page, '[data-figure="unit-energy"]')).toContain('一号发泡机 + 二号发泡机')
      const text = await textOf(page, 'body')
      for (const words of more) expect(text).toContain(words)
      await page.locator('canvas').nth(2).waitFor()
      expect(said).toEqual([])
      await page.close()
    },
  )

  it('compares each meter with the main one, and lets one be chosen', async () => {
    const { page, said } = await open(opened('en'))
    const press = page.locator('tbody tr', { hasText: '一号发泡机' })
    await press.locator('.bar').waitFor()
    const share = toNumber(week.energy('press-1', MIDNIGHT, to)) / today
    expect((await press.locator('td.share').textContent())?.trim()).toBe(`${(share * 100).toFixed(0)} %`)
    // Of three hours of the compressor's day nothing is known, so what is known of it is no share of the whole day.
    const row = page.locator('tbody tr', { hasText: '空压机' })
    expect((await row.locator('td.share').textContent())?.trim()).toBe('–')
    const known =
      toNumber(week.energy('compressor', MIDNIGHT, to)) - toNumber(week.energy('compressor', silence.from, silence.to))
    expect((await row.locator('td.number').nth(1).textContent())?.trim()).toBe(`${known.toFixed(2)} kWh 81 % known`)
    expect((await press.locator('td.number').nth(1).textContent())?.trim()).not.toContain('known')
    await row.click()
    await page.getByRole('heading', { name: 'Power · 空压机' }).waitFor()
    await expect.poll(() => greyIn(page, 2)).toBeGreaterThan(1000)
    expect(said).toEqual([])
    await page.close()
  })

  it('sets the main meter against those below it in matched hours, and gives energy per kilogram', async () => {
    const { page, said } = await open(opened('en'))
    const group = page.locator('[data-figure="groups"] tbody tr')
    await group.waitFor()
    // 16 full hours; in three of them the compressor was silent.
    const matched = Array.from({ length: 16 }, (_, hour) => MIDNIGHT + hour * HOUR).filter(
      (start) => start < silence.from || start >= silence.to,
    )
    const hoursOf = (meter: 'main' | 'press-1' | 'press-2' | 'compressor'): number =>
      matched.reduce((sum, start) => sum + toNumber(week.energy(meter, start, start + HOUR)), 0)
    const subs = hoursOf('press-1') + hoursOf('press-2') + hoursOf('compressor')
    const text = (await group.textContent())?.replace(/\s+/g, ' ')
    expect(text).toContain(`${hoursOf('main').toFixed(1)} kWh`)
    expect(text).toContain(`${subs.toFixed(1)} kWh`)
    expect(text).toContain(`${(((hoursOf('main') - subs) / hoursOf('main')) * 100).toFixed(1)} %`)
    expect(text).toContain('13 of 16')
    const product = page.locator('[data-figure="products"] tbody tr')
    expect(await product.textContent()).toContain((presses / pairs / 0.25).toFixed(3))
    expect(said).toEqual([])
    await page.close()
  })

  it('runs no script but its own, and the test hears of one that tries', async () => {
    const { page, said } = await open(opened('zh'))
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { text: 'window.ran = 1' }))`,
    )
    expect(await page.evaluate('window.ran')).toBeUndefined()
    expect(said.join()).toContain('Content Security Policy')
    await page.close()
  })

  it('fits a phone without scrolling sideways', async () => {
    const { page } = await open(opened('zh'), { width: 390, height: 844 })
    await page.locator('canvas').nth(2).waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    await page.close()
  })

  it('asks again when the token is refused', async () => {
    const { page } = await open('?lang=zh#token=mgr_nobodyknowsthis')
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').textContent()).toContain('口令无效')
    await page.locator('#token').fill(harness.token)
    await page.getByRole('button', { name: '进入' }).click()
    await page.locator('[data-figure="energy"]').waitFor()
    await page.close()
  })

  it('says what is not configured, silent or offline, in words', async () => {
    harness.clock.now = epochMs(NOW)
    const bare = await plant('f'.repeat(32), { products: [], meters: silentMeters(week.heartbeat(NOW)) })
    const { page, said } = await open(opened('zh'))
    await page.locator('header select').selectOption(bare.id)
    await page.getByText('一号发泡机 无应答').waitFor()
    expect(await textOf(page, '[data-figure="unit-energy"] .note')).toBe('未配置产品')
    harness.clock.now = epochMs(NOW + HOUR)
    await page.reload()
    await page.locator('header select').selectOption(bare.id)
    await page.getByText('离线').waitFor()
    expect(said).toEqual([])
    await page.close()
  })

  it('shades nothing before the first reading: nobody measured, so nothing is missing', async () => {
    harness.clock.now = epochMs(NOW)
    const young = new PlantWeek({ from: to - 5 * HOUR, to, everyMs })
    const gateway = await plant('c'.repeat(32))
    await deliver(gateway, young.ledger())
    await deliver(gateway.withStream('9'.repeat(32)), young.readings())
    const { page, said } = await open(opened('zh'))
    await page.locator('header select').selectOption(gateway.id)
    await page.locator('canvas').nth(2).waitFor()
    expect([await greyIn(page, 0), await greyIn(page, 2)]).toEqual([0, 0])
    // The readings of this plant are too far apart for the steps of a day's curve, not for those of a week's.
    await page.getByRole('button', { name: '7 天' }).click()
    await expect.poll(() => greyIn(page, 1)).toBe(0)
    expect(await greyIn(page, 2)).toBe(0)
    expect(said).toEqual([])
    await page.close()
  })

  it('names the meter and compares with none where nobody said which is the whole plant’s', async () => {
    const meters = week.heartbeat(NOW).meters.filter(({ id }) => id !== 'main')
    // The letters of "main" within another name say nothing.
    const named = meters.map((meter) => (meter.id === 'compressor' ? { ...meter, label: 'domain 空压机' } : meter))
    const bare = await plant('d'.repeat(32), { meters: named })
    const { page, said } = await open(opened('zh'))
    await page.locator('header select').selectOption(bare.id)
    await page.locator('[data-figure="energy"] .warn').waitFor()
    expect(await textOf(page, '[data-figure="energy"] .warn')).toBe('一号发泡机（未指定总表）')
    expect(await page.locator('th', { hasText: '占总表' }).count()).toBe(0)
    expect(said).toEqual([])
    await page.close()
  })

  it('says of energy how much of the time it is of, and gives no share of what is known in part', async () => {
    harness.clock.now = epochMs(NOW)
    const gateway = await plant('b'.repeat(32))
    const silence = { meter: 'main', from: MIDNIGHT - 12 * HOUR, to: MIDNIGHT + 4 * HOUR } as const
    await deliver(gateway, new PlantWeek({ from: MIDNIGHT - 2 * DAY, to, everyMs, silence }).ledger())
    const { page, said } = await open(opened('zh'))
    await page.locator('header select').selectOption(gateway.id)
    await page.locator('[data-figure="known"]').waitFor()
    // 12 of the 16 hours that are over.
    expect(await textOf(page, '[data-figure="known"]')).toBe('已知 75% 的时段，其余缺数')
    expect(await textOf(page, '[data-figure="energy"]')).toMatch(/昨日全天 [\d.]+ kWh（已知 50%）/)
    expect(await page.locator('td.share .bar').count()).toBe(0)
    expect(said).toEqual([])
    await page.close()
  })

  it('shows no ratio that the box refused, and makes none of rows that the box would refuse', async () => {
    harness.clock.now = epochMs(NOW)
    const [saturday, from, until] = [MIDNIGHT - 2 * DAY, MIDNIGHT + 2 * HOUR, MIDNIGHT + 5 * HOUR]
    const refused = { value: null, no_value: 'insufficient_data' as const }
    const tiny = { energy: amount(600, -3), output: amount(100_000, 0), matched: 42 }
    const day = await plant('6'.repeat(32))
    const hours = await plant('7'.repeat(32))
    const ledger = week.ledger()
    await deliver(
      day,
      ledger.map((row) =>
        row.kind === 'unit_energy' && row.period === 'day' && row.start === saturday
          ? { ...row, ...tiny, ...refused }
          : row,
      ),
    )
    // Three of today's sixteen hours: more than the tenth that a ratio can do without.
    const none = { energy: null, output: null, matched: 0 }
    await deliver(
      hours,
      ledger.map((row) =>
        row.kind === 'unit_energy' && row.period === 'hour' && row.start >= from && row.start < until
          ? { ...row, ...none, ...refused }
          : row,
      ),
    )
    const { page, said } = await open(opened('zh'))
    const note = () => page.locator('[data-figure="unit-energy"] .note').first().textContent()
    await page.locator('header select').selectOption(day.id)
    const before = [7, 6, 5, 4, 3].map((ago) => [MIDNIGHT - ago * DAY, MIDNIGHT - (ago - 1) * DAY] as const)
    const sum = (of: (from: number, to: number) => number) => before.reduce((all, [from, to]) => all + of(from, to), 0)
    const pressesOf = (from: number, to: number) =>
      toNumber(week.energy('press-1', from, to)) + toNumber(week.energy('press-2', from, to))
    const earlier = sum(pressesOf) / sum((from, to) => week.output(from, to))
    const change = Math.abs((presses / pairs / earlier - 1) * 100).toFixed(1)
    await expect.poll(() => note()).toContain(`${change} %`)
    await page.locator('header select').selectOption(hours.id)
    await expect.poll(() => note()).toBe('数据不足')
    expect(await figure(page, 'unit-energy')).toBe('–kWh/双')
    const product = await page.locator('[data-figure="products"] tbody tr').textContent()
    expect(product).toContain('仅含 81% 的时段')
    expect(product).toContain('– 数据不足')
    expect(said).toEqual([])
    await page.close()
  })
})

/** How many pixels of a chart have the grey of a gap. */
const greyIn = async (page: Page, chart: number): Promise<number> =>
  Number(
    await page.evaluate(`{
      const canvas = document.querySelectorAll('canvas')[${chart}]
      const copy = document.createElement('canvas')
      Object.assign(copy, { width: canvas.width, height: canvas.height })
      const brush = copy.getContext('2d', { willReadFrequently: true })
      brush.drawImage(canvas, 0, 0)
      const pixels = brush.getImageData(0, 0, canvas.width, canvas.height).data
      let grey = 0
      for (let i = 0; i < pixels.length; i += 4)
        if (pixels[i] === 0xec && pixels[i + 1] === 0xef && pixels[i + 2] === 0xf3) grey += 1
      grey
    }`),
  )

const silentMeters = ({ meters }: ReturnType<PlantWeek['heartbeat']>) =>
  meters.map((meter) => (meter.id === 'press-1' ? { ...meter, state: 'silent', last: [] } : meter))
