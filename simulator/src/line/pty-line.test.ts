import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { LineProcess, type LineProcessOptions } from '../cli/line-process.js'
import { hasGoodCrc, withCrc } from '../meter/crc16.js'
import { demoPlant } from '../plant/demo-plant.js'

const hasMbpoll = spawnSync('mbpoll', ['-V']).error === undefined
const hasStty = process.platform === 'linux'
const running: LineProcess[] = []
const folder = mkdtempSync(join(tmpdir(), 'metergate-line-'))

afterEach(() => {
  for (const line of running.splice(0)) line.stop()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function newLine(options: Partial<LineProcessOptions> = {}, events: object[] = []): LineProcess {
  const line = new LineProcess(
    {
      spec: demoPlant(1),
      hold: true,
      strictGaps: false,
      delivery: { chunkMs: 4, tail: 'prompt' },
      probeSpeed: true,
      logAnswers: false,
      ...options,
    },
    (event) => events.push(event),
  )
  running.push(line)
  return line
}

interface Run {
  readonly output: string
  readonly code: number | null
}

/** Runs a program while this process goes on simulating. */
function run(program: string, args: readonly string[], input?: Uint8Array): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString('latin1')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString('latin1')
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ output, code }))
    child.stdin.end(input)
  })
}

/**
 * Sends bytes to a device at a speed with coreutils alone and collects `bytes` of the answer; fewer when they have not
 * come within `seconds`, which is generous where an answer is expected: a busy machine is not a fault.
 */
async function rawExchange(
  path: string,
  baud: number,
  request: Uint8Array,
  { bytes, seconds = 15 }: { readonly bytes: number; readonly seconds?: number },
): Promise<Buffer> {
  const escaped = Array.from(request, (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
  // Through a pipe: to a terminal printf writes line by line, and a pause after a byte 10 would cut the frame in two.
  const script = `stty -F "$1" ${baud} raw -echo; exec 3<>"$1"; printf '${escaped}' | cat >&3; timeout ${seconds} head -c ${bytes} <&3; true`
  const { output } = await run('bash', ['-c', script, 'exchange', path])
  return Buffer.from(output, 'latin1')
}

const READ = withCrc(Uint8Array.of(1, 4, 0, 0, 0, 10))

describe.skipIf(!hasStty)('a line behind a real pty', () => {
  it.skipIf(!hasMbpoll)('lets mbpoll, which is not ours, read the truth of a held SDM630', async () => {
    const line = newLine()
    const { path } = await line.start()
    const [truth] = line.truth('main')
    const args = ['-m', 'rtu', '-a', '1', '-b', '9600', '-P', 'none', '-t', '3:float', '-B', '-0', '-1', '-o', '2']
    const { output, code } = await run('mbpoll', [...args, '-r', '0', '-c', '6', path])
    expect(code, output).toBe(0)
    const values = new Map(
      [...output.matchAll(/^\[(\d+)\]:\s+(\S+)/gm)].map(([, address, value]) => [Number(address), Number(value)]),
    )
    const places = [
      ['voltage_l1_n', 0],
      ['voltage_l2_n', 2],
      ['voltage_l3_n', 4],
      ['current_l1', 6],
    ] as const
    for (const [quantity, address] of places) {
      const shown = truth?.registers[quantity] ?? ''
      const digits = shown.split('.')[1]?.length ?? 0
      expect(values.get(address)?.toFixed(digits), `${quantity}\n${output}`).toBe(shown)
    }
  })

  it('answers at its own speed, hears noise at another', async () => {
    const { path } = await newLine().start()
    const right = await rawExchange(path, 9600, READ, { bytes: 25 })
    expect(hasGoodCrc(right)).toBe(true)
    expect(right.length).toBe(25)
    expect((await rawExchange(path, 4800, READ, { bytes: 25, seconds: 0.5 })).length).toBe(0)
  })

  it('passes every byte unchanged, also those a terminal would act on', async () => {
    const line = newLine()
    const { path } = await line.start()
    const heard = await rawExchange(path, 9600, withCrc(Uint8Array.of(10, 3, 0, 0, 0, 14)), { bytes: 33 })
    expect(heard.length).toBe(33)
    expect(hasGoodCrc(heard)).toBe(true)
  })

  it('comes back after an unplug behind the same link', async () => {
    const link = join(folder, 'line0')
    const events: object[] = []
    const line = newLine({ link }, events)
    await line.start()
    line.handle({ cmd: 'unplug' })
    expect(existsSync(link)).toBe(false)
    line.handle({ cmd: 'replug' })
    expect(events.at(-1)).toMatchObject({ event: 'replugged' })
    expect(hasGoodCrc(await rawExchange(link, 9600, READ, { bytes: 25 }))).toBe(true)
  })
})

describe.skipIf(!hasStty)('the same meters over TCP', () => {
  const exchange = (port: number, request: Uint8Array, bytes: number): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(request))
      let heard = Buffer.alloc(0)
      socket.on('data', (chunk: Buffer) => {
        heard = Buffer.concat([heard, chunk])
        if (heard.length >= bytes) {
          socket.destroy()
          resolve(heard)
        }
      })
      socket.on('error', reject)
    })

  it('give one truth by Modbus TCP and by RTU over TCP', async () => {
    const { tcp, rtu_tcp: rtuTcp } = await newLine({ tcp: 0, rtuTcp: 0 }).start()
    const byTcp = await exchange(tcp ?? 0, Uint8Array.of(0xab, 0xcd, 0, 0, 0, 6, 1, 4, 0, 0, 0, 10), 29)
    const began = process.hrtime.bigint()
    const byRtu = await exchange(rtuTcp ?? 0, READ, 25)
    // 33 characters at 9600 baud and a turnaround of 15 ms: it may take longer on a busy machine, never less.
    expect(Number(process.hrtime.bigint() - began) / 1e6).toBeGreaterThan(49)
    expect(byTcp.subarray(0, 6).toString('hex')).toBe('abcd00000017')
    expect(hasGoodCrc(byRtu)).toBe(true)
    expect(byTcp.subarray(7).toString('hex')).toBe(byRtu.subarray(1, -2).toString('hex'))
  })

  it('have the faults over TCP that need no wire', async () => {
    const faults = [{ unit: '1', set: { exception: 1, exception_code: 4 } }]
    const { tcp } = await newLine({ tcp: 0, faults }).start()
    const answer = await exchange(tcp ?? 0, Uint8Array.of(0, 1, 0, 0, 0, 6, 1, 4, 0, 0, 0, 10), 9)
    expect(answer.toString('hex')).toBe('000100000003' + '018404')
  })

  it('name a unit that is not there', async () => {
    const { tcp } = await newLine({ tcp: 0 }).start()
    const answer = await exchange(tcp ?? 0, Uint8Array.of(0, 1, 0, 0, 0, 6, 99, 3, 0, 0, 0, 1), 9)
    expect(answer.toString('hex')).toBe('000100000003' + '63830b')
  })
})
