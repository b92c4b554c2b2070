import { durationMs } from '@metergate/protocol'
import { expect, it } from 'vitest'
import { ScriptedLine } from '../testing/scripted-line.js'
import { VirtualClock } from '../testing/virtual-clock.js'
import { examineLine } from './examine.js'

it('an examination broken off closes the line, while it listens and while it asks', async () => {
  for (const afterMs of [500, 5_000]) {
    const clock = new VirtualClock()
    const line = new ScriptedLine(clock, () => [])
    const stop = new AbortController()
    const settings = { baud: 9600, format: '8N1' } as const
    const subject = {
      name: 'line-1',
      line,
      settings,
      units: [{ name: 'press-1', at: { protocol: 'modbus', unit: 1 } }],
    } as const
    const work = async (): Promise<void> => {
      for await (const _ of examineLine(subject, { clock, profiles: [], signal: stop.signal }));
    }
    const done = work()
    const ended = expect(clock.runUntil(done)).rejects.toThrow('Ctrl-C')
    void clock.sleep(durationMs(afterMs)).then(() => stop.abort(new Error('Ctrl-C')))
    await ended
    expect(line.opened.length).toBeGreaterThan(0)
    expect(await line.write(Uint8Array.of(1))).toMatchObject({ ok: false, fault: { why: 'not open' } })
  }
})
