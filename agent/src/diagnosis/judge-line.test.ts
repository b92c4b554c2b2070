import { withCrc } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { heardOf } from './frame-facts.js'
import { framesOf } from './frames.js'
import { judgeLine, type LineObservation, type UnitObservation } from './judge-line.js'

const SETTINGS = { baud: 9600, format: '8N1' } as const
const unit = (more: Partial<UnitObservation> = {}): UnitObservation => ({
  name: 'press-1',
  settings: SETTINGS,
  asked: 12,
  good: 12,
  refused: 0,
  silent: 0,
  broken: 0,
  shortAsked: 6,
  shortBroken: 0,
  late: 0,
  echoes: 0,
  strays: 0,
  heard: 12,
  crowded: 0,
  shaped: 1,
  foreign: 0,
  foreigners: [],
  turnaroundMs: 20,
  timeoutMs: 500,
  ...more,
})
const causes = (more: Partial<LineObservation>): string[] =>
  judgeLine({ settings: SETTINGS, isSocket: false, unaskedBytes: 0, unaskedFrames: 0, units: [unit()], ...more }).map(
    ({ cause }) => cause,
  )

describe('judging a line by what was heard', () => {
  it('calls what works healthy', () => {
    expect(causes({})).toEqual(['healthy'])
  })

  it('names another master by whole frames nobody asked for', () => {
    expect(causes({ unaskedBytes: 40, unaskedFrames: 3 })).toEqual(['other_master'])
  })

  it('names noise by bytes nobody asked for', () => {
    expect(causes({ unaskedBytes: 40 })).toEqual(['noise'])
  })

  it('does not call a unit silent when the whole line is', () => {
    const mute = { good: 0, silent: 12, heard: 0 }
    expect(causes({ units: [unit(mute), unit({ ...mute, name: 'press-2' })] })).toEqual(['nothing_heard'])
  })
})

describe('a line behind a serial server', () => {
  const judged = (more: Partial<LineObservation>) =>
    judgeLine({ settings: SETTINGS, isSocket: true, unaskedBytes: 0, unaskedFrames: 0, units: [], ...more })[0]

  it('is not said to have been tried at other speeds, when nothing is heard', () => {
    const finding = judged({ units: [unit({ good: 0, silent: 12, heard: 0 })] })
    expect(finding).toMatchObject({
      cause: 'nothing_heard',
      what: { en: expect.stringContaining('no other could be') },
    })
    expect(finding?.what.en).not.toContain('usual setting')
  })

  it('has no adapter to plug in', () => {
    expect(judged({ down: 'refused' })?.remedy.en).toContain('serial server')
    expect(judged({ down: 'refused' })?.remedy.en).not.toContain('adapter')
  })
})

describe('frames of a tape', () => {
  const request = withCrc(Uint8Array.of(5, 3, 0, 0, 0, 2))
  const answer = withCrc(Uint8Array.of(5, 3, 4, 0, 1, 0, 2))

  it('joins chunks, tells echo from answer, and keeps stray bytes apart', () => {
    const frames = framesOf([
      { atMs: 0, direction: 'out', bytes: request },
      { atMs: 9, direction: 'in', bytes: Uint8Array.of(...request, 0, ...answer.slice(0, 3)) },
      { atMs: 15, direction: 'in', bytes: Uint8Array.of(...answer.slice(3), 0xff) },
    ])
    expect(frames.map(({ kind, unit }) => [kind, unit])).toEqual([
      ['request', 'modbus:5'],
      ['echo', 'modbus:5'],
      ['stray', undefined],
      ['answer', 'modbus:5'],
      ['stray', undefined],
    ])
  })

  it("does not count a gateway's word of a silent unit as an answer of that unit", () => {
    const bytes = (code: number) => withCrc(Uint8Array.of(5, 0x83, code))
    const frames = framesOf([
      { atMs: 0, direction: 'out', bytes: request },
      { atMs: 9, direction: 'in', bytes: bytes(0x0b) },
      { atMs: 20, direction: 'out', bytes: request },
      { atMs: 29, direction: 'in', bytes: bytes(2) },
    ])
    expect(heardOf(frames, 'modbus:5')).toBe(1)
  })

  it('understands a request of somebody else', () => {
    const [frame] = framesOf([{ atMs: 0, direction: 'in', bytes: request }])
    expect(frame?.text.en).toBe('ask 5, function 3, 2 from 0x0000')
  })
})
