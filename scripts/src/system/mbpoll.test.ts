import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type MeterReadout, meterReadoutSchema } from '@metergate/agent'
import { formatAmount, type ModbusProfile } from '@metergate/protocol'
import { loadBuiltinProfiles } from '@metergate/protocol/profiles'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Program, run } from './program.js'

const hasMbpoll = spawnSync('mbpoll', ['-V']).error === undefined
const MOST_FLOATS = 40

const folder = mkdtempSync(join(tmpdir(), 'metergate-mbpoll-'))
const device = join(folder, 'line-1')
const config = join(folder, 'metergate.yaml')

const CONFIG = `lines:
  - { id: line-1, port: ${device}, baud: 9600, format: 8N1 }
meters:
  - { id: main, line: line-1, profile: eastron-sdm630, unit: 1 }
`

function sdm630(): ModbusProfile {
  const profile = loadBuiltinProfiles().find(({ id }) => id === 'eastron-sdm630')
  if (profile?.protocol !== 'modbus') throw new Error('no profile eastron-sdm630')
  return profile
}

/** The meter's parameters in runs without a hole, as its manual lists them: start address and number of floats. */
function runs({ items }: ModbusProfile): { readonly start: number; readonly floats: number }[] {
  const found: { start: number; floats: number }[] = []
  for (const address of [...new Set(items.map((item) => item.address))].sort((a, b) => a - b)) {
    const last = found.at(-1)
    if (last && address === last.start + 2 * last.floats && last.floats < MOST_FLOATS) last.floats += 1
    else found.push({ start: address, floats: 1 })
  }
  return found
}

/** Reads the meter with Debian's mbpoll: input registers, 32-bit floats, high word first, addresses from 0. */
function mbpoll(start: number, floats: number): Map<number, string> {
  const settings = ['-m', 'rtu', '-b', '9600', '-d', '8', '-s', '1', '-P', 'none', '-a', '1']
  const what = ['-t', '3:float', '-B', '-0', '-r', String(start), '-c', String(floats), '-1', '-o', '2']
  const { stdout, stderr } = spawnSync('mbpoll', [...settings, ...what, device], { encoding: 'utf8' })
  const values = new Map(
    [...stdout.matchAll(/^\[(\d+)\]:\s+(\S+)\s*$/gm)].map(([, address, value]) => [Number(address), value ?? '']),
  )
  if (values.size !== floats) throw new Error(`mbpoll ${start}+${floats}: ${stdout}${stderr}`)
  return values
}

/**
 * The register content as mbpoll prints it: a float of 32 bits with six significant digits (C's %g). C rounds a half to
 * the even digit, `toPrecision` away from zero: 70013.25 is 70013.2 there and 70013.3 here.
 */
function asPrinted(raw: string): number {
  const value = new DataView(Uint8Array.from(Buffer.from(raw, 'hex')).buffer).getFloat32(0)
  const halfAboveEven = /^(-?\d\.\d{4}[02468])50*(e.+)$/.exec(value.toExponential(100))
  return Number(halfAboveEven ? `${halfAboveEven[1]}${halfAboveEven[2]}` : value.toPrecision(6))
}

it.each([
  ['4788bea0', 70013.2],
  ['4788bee0', 70013.8],
  ['c788bea0', -70013.2],
  ['3dcccccd', 0.1],
  ['00000000', 0],
])('a float of %s is printed as C prints it: %d', (raw, printed) => {
  expect(asPrinted(raw)).toBe(printed)
})

describe.skipIf(!hasMbpoll)(
  `mbpoll and metergate on one simulated SDM630${hasMbpoll ? '' : ' (skipped: mbpoll is not installed; apt install mbpoll)'}`,
  { timeout: 40_000 },
  () => {
    let line: Program
    const theirs = new Map<number, string>()
    let ours: MeterReadout

    beforeAll(async () => {
      writeFileSync(config, CONFIG)
      line = new Program('simulator', [
        'line',
        '--hold',
        '--json',
        '--exit-with-input',
        '--seed',
        '7',
        '--link',
        device,
      ])
      await line.says('"ready"')
      // One master at a time: first theirs, then ours.
      for (const { start, floats } of runs(sdm630()))
        for (const [address, value] of mbpoll(start, floats)) theirs.set(address, value)
      const read = await run('metergate', ['read', 'main', '--json'], { METERGATE_CONFIG: config, LANG: 'en_US.UTF-8' })
      if (read.code !== 0) throw new Error(read.err)
      ours = meterReadoutSchema.parse(JSON.parse(read.out))
    }, 40_000)

    afterAll(async () => {
      await line?.end()
      rmSync(folder, { recursive: true, force: true })
    })

    it('prints the same value for every quantity, to the digit printed', () => {
      const { items } = sdm630()
      expect(ours.values).toHaveLength(items.length)
      for (const { quantity, address } of items) {
        const own = ours.values.find((value) => value.quantity === quantity)
        const text = theirs.get(address)
        if (!own?.value || own.raw === undefined || text === undefined)
          throw new Error(`${quantity}: ours ${JSON.stringify(own)}, mbpoll's ${text}`)
        expect(own.where, quantity).toBe(`4:${address}`)
        expect(asPrinted(own.raw), quantity).toBe(Number(text))
        // mbpoll has six digits, we have the meter's resolution: equal to the coarser of the two.
        const digit = 10 ** Math.max(own.value.exp, Math.floor(Math.log10(Math.abs(Number(text)) || 1)) - 5)
        expect(Math.abs(Number(formatAmount(own.value)) - Number(text)), quantity).toBeLessThanOrEqual(
          0.5 * digit * (1 + 1e-9),
        )
      }
      const shown = [...theirs.values()].filter((text) => Number(text) !== 0)
      expect(shown.length, 'a meter under load shows more than zeros').toBeGreaterThan(20)
    })

    it('shows the same in the table of read --raw', async () => {
      const table = await run('metergate', ['read', 'main', '--raw', '--lang', 'en'], { METERGATE_CONFIG: config })
      expect(table.code, table.err).toBe(0)
      for (const { quantity, value, raw, where } of ours.values) {
        const row = table.out.split('\n').find((text) => text.split(/\s+/).includes(where ?? '-'))
        expect(
          row?.split(/\s{2,}|│/).map((cell) => cell.trim()),
          quantity,
        ).toEqual(expect.arrayContaining([value ? formatAmount(value) : '-', raw]))
      }
    })
  },
)
