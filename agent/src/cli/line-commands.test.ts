import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fail, withCrc } from '@metergate/protocol'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import type { LineTools } from '../bus/line-tools.js'
import type { RegisterBus } from '../bus/register-bus.js'
import { Tally } from '../bus/tally.js'
import { lineDownWhy } from '../i18n/line-down-texts.js'
import { type Script, ScriptedLine } from '../testing/scripted-line.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { CliContext, CommandEnd } from './context.js'
import { doctorCommand } from './doctor.js'
import type { CliDeps } from './ports.js'
import { scanCommand } from './scan.js'

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

const never = (): never => {
  throw new Error('not in this test')
}

const counters = new Tally().counters
/** A Modbus TCP gateway with unit 7 behind it, which refuses everything; nothing else travels through it. */
const gatewayWithUnit7 = (): RegisterBus => ({
  read: async (request) =>
    request.protocol === 'dlt645'
      ? fail({ kind: 'line_down', why: 'does not travel over Modbus TCP' })
      : request.unit === 7
        ? fail({ kind: 'exception', code: 2 })
        : fail({ kind: 'timeout', waitedMs: 500 }),
  health: () => ({ open: true, line: counters, units: new Map() }),
  close: async () => undefined,
})

/** Runs `scan` or `doctor` against a line whose far end is a function. */
async function run(
  args: readonly string[],
  script: Script,
  folder = mkdtempSync(join(tmpdir(), 'mg-line-')),
  absent?: string,
): Promise<Ran> {
  const clock = new VirtualClock()
  const texts = { out: '', err: '' }
  const sink = (name: 'out' | 'err') => ({
    write: (text: string): void => {
      texts[name] += text
    },
    isTerminal: false,
  })
  const io = {
    out: sink('out'),
    err: sink('err'),
    env: {},
    ask: undefined,
    signal: new AbortController().signal,
  }
  const tools: LineTools = {
    clock,
    listPorts: async () => ['/dev/ttyUSB0'],
    line: () => {
      const line = new ScriptedLine(clock, script)
      line.absent = absent
      return line
    },
    modbusTcp: gatewayWithUnit7,
  }
  const deps: CliDeps = { clock, version: '0.0.0', lines: tools, run: never, local: never, enrol: never }
  const cli = new CliContext(io, deps, 'en', join(folder, 'metergate.yaml'))
  const program = new Command().addCommand(scanCommand(cli)).addCommand(doctorCommand(cli)).exitOverride()
  const done = program.parseAsync([...args], { from: 'user' }).then(
    () => 0,
    (error: unknown) => {
      if (error instanceof CommandEnd) return error.code
      throw error
    },
  )
  return { code: await clock.runUntil(done), ...texts }
}

const silence: Script = () => []
/** Unit 7 knows no register at all, at 9600 8N1. */
const refusing: Script = (request, { settings }) =>
  settings.baud === 9600 && settings.format === '8N1' && request[0] === 7 && request.length === 8
    ? [{ afterMs: 20, bytes: withCrc(Uint8Array.of(7, (request[1] ?? 0) | 0x80, 2)) }]
    : []

const CONFIG = `lines:
  - id: line-1
    port: /dev/ttyUSB0
meters:
  - { id: press-1, line: line-1, profile: eastron-sdm630, unit: 7 }
`

describe('metergate scan', () => {
  it('says what it is going to do, how far it is in plain lines, and fails when nobody answers', async () => {
    const { code, out, err } = await run(['scan', '--quick', '--units', '1-5'], silence)
    expect(code).toBe(1)
    expect(err).toMatch(/^scanning \/dev\/ttyUSB0: \d+ questions, about \d+ s/)
    expect(err).toMatch(/^10% {2}/m)
    expect(err).not.toContain('\r')
    expect(err).toContain('no meter found')
    expect(out).toContain('0 meters found')
  })

  it('finds a unit that refuses everything, without giving it a name', async () => {
    const { code, out } = await run(['scan', '--quick', '--units', '7', '--protocol', 'modbus', '--json'], refusing)
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      found: [{ at: { protocol: 'modbus', unit: 7 }, identification: { verdict: 'unknown' } }],
    })
  })

  it('goes on through a Modbus TCP gateway, where DL/T 645 does not travel', async () => {
    const port = ['--port', 'modbus_tcp 192.168.1.20']
    const { code, out, err } = await run(['scan', ...port, '--units', '1-9'], silence)
    expect(code).toBe(0)
    expect(out).toContain('1 meter found')
    expect(out).not.toContain('baud')
    expect(err).not.toContain('DL/T 645')
    const none = await run(['scan', ...port, '--protocol', 'dlt645'], silence)
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining('write rtu_over_tcp for a serial server') })
  })

  it('does not send somebody to the supply of a meter that was heard', async () => {
    const noisy: Script = (request) => (request[0] === 7 ? [{ afterMs: 20, bytes: Uint8Array.of(1, 2, 3, 4, 5) }] : [])
    const { code, err } = await run(['scan', '--baud', '9600', '--format', '8N1', '--units', '7'], noisy)
    expect(code).toBe(1)
    expect(err.match(/two meters on one address/g)).toHaveLength(1)
    expect(err).toContain('something answers, but no meter could be told from it')
    expect(err).not.toContain('Check their supply')
  })

  it('writes the entries to a new file and never over an old one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-line-'))
    const file = join(folder, 'found.yaml')
    const args = ['scan', '--quick', '--units', '7', '--protocol', 'modbus', '--write', file]
    expect((await run(args, refusing)).code).toBe(0)
    expect(readFileSync(file, 'utf8')).toContain('# - id: meter-1')
    expect((await run(args, refusing)).code).toBe(2)
  })

  it('says before it scans that a folder to write to is not there', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'mg-line-')), 'missing', 'found.yaml')
    const { code, out, err } = await run(['scan', '--quick', '--units', '7', '--write', file], refusing)
    expect(code).toBe(2)
    expect(err).toContain('make it, or give another name')
    expect(out).toBe('')
  })

  it.each([
    ['--units', '0-5'],
    ['--units', '5-1'],
    ['--baud', 'fast'],
    ['--baud', '9601'],
    ['--format', '7E1'],
    ['--protocol', 'dlms'],
    ['--port', 'nowhere'],
  ])('refuses %s %s with an example', async (option, value) => {
    const { code, err } = await run(['scan', option, value], silence)
    expect(code).toBe(2)
    expect(err).toContain(value)
  })
})

describe('a port that cannot be opened', () => {
  const BUSY = lineDownWhy('busy', { port: '/dev/ttyUSB0' })
  const boxOf = () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-line-'))
    writeFileSync(join(folder, 'metergate.yaml'), CONFIG)
    return folder
  }

  it('is all that a scan has to say: of meters it knows nothing', async () => {
    const { code, err } = await run(['scan', '--quick'], silence, boxOf(), BUSY)
    expect(code).toBe(1)
    expect(err).toContain('\n/dev/ttyUSB0 is used by another program; stop it')
    expect(err).not.toContain('no meter found')
  })

  it('is held by the gateway when that runs, say scan and doctor', async () => {
    const folder = boxOf()
    const socket = join(folder, 'data', 'control.sock')
    mkdirSync(join(folder, 'data'))
    const server = createServer((peer) => peer.end()).listen(socket)
    await once(server, 'listening')
    try {
      for (const args of [
        ['scan', '--quick'],
        ['doctor', 'line'],
      ]) {
        const { code, out, err } = await run(args, silence, folder, BUSY)
        expect(code).toBe(1)
        expect(out + err).toContain('/dev/ttyUSB0 is used by `metergate run`; stop that first')
        expect(out + err).not.toContain('another program')
      }
    } finally {
      server.close()
    }
  })

  it('is no port when it is a folder or a file', async () => {
    const { code, err } = await run(['scan', '--port', tmpdir()], silence)
    expect(code).toBe(2)
    expect(err).toContain(`${tmpdir()} is no serial port`)
  })
})

describe('metergate doctor line', () => {
  it('tries its record before minutes of examination', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-line-'))
    writeFileSync(join(folder, 'metergate.yaml'), CONFIG)
    const { code, out, err } = await run(['doctor', 'line', '--record', join(folder, 'no', 'x.json')], silence, folder)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('cannot write')
  })

  it('names the cause, says what to do and fails', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-line-'))
    writeFileSync(join(folder, 'metergate.yaml'), CONFIG)
    const { code, out } = await run(['doctor', 'line', '--raw'], refusing, folder)
    expect(code).toBe(1)
    expect(out).toContain('✗ press-1 answers, but refuses every register asked for')
    expect(out).toContain('what to do:')
    expect(out).toMatch(/→ 07 04 .*ask 7, function 4/)
    expect(out).toMatch(/← 07 84 02 .*7 refuses function 4, exception 2/)
  })

  it('keeps a record for a ticket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-line-'))
    writeFileSync(join(folder, 'metergate.yaml'), CONFIG)
    const file = join(folder, 'ticket.json')
    await run(['doctor', 'line', 'line-1', '--record', file], silence, folder)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      format: 'metergate-doctor/1',
      findings: [{ cause: 'nothing_heard' }],
    })
  })

  it('names the lines there are', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mg-line-'))
    writeFileSync(join(folder, 'metergate.yaml'), CONFIG)
    const { err } = await run(['doctor', 'line', 'line-9'], silence, folder)
    expect(err).toContain('there is no line "line-9": known are line-1')
  })
})
