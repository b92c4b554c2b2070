import { describe, expect, it } from 'vitest'
import { Lessons } from './lessons.js'
import type { PlannedModbusRead, PlannedRead } from './planned-read.js'

const block = (di: string): PlannedRead => ({
  protocol: 'dlt645',
  di,
  edition: '2007',
  items: [
    {
      item: { quantity: 'voltage_l1_n', di, bytes: 2, signed: false, offset: 0, scale: '0.1', ratio: 'none' },
      offset: 0,
    },
  ],
})

describe('lessons', () => {
  it('are put to the test in time, however often others are learnt meanwhile', () => {
    const lessons = new Lessons()
    for (let minute = 0; minute < 10; minute++) {
      expect(lessons.refresh(minute * 60_000)).toBe(false)
      lessons.refused(block(`020${minute}ff00`), 'timeout', minute * 60_000)
    }
    expect(lessons.refresh(600_000)).toBe(true)
  })

  it('are put to the test although a look and a poll at the same time have both learnt them', () => {
    const volts = { type: 'u16', scale: '0.1', ratio: 'none', alone: false } as const
    const merged: PlannedModbusRead = {
      ...{ protocol: 'modbus', function: 3, address: 0, count: 4 },
      items: [
        { item: { ...volts, quantity: 'voltage_l1_n', address: 0 }, offset: 0 },
        { item: { ...volts, quantity: 'voltage_l2_n', address: 3 }, offset: 6 },
      ],
    }
    const lessons = new Lessons()
    for (let i = 0; i < 2; i++) lessons.refused(merged, 'exception', 0)
    lessons.refresh(600_000)
    expect(lessons.learnt.barriers).toEqual([])
    expect(lessons.isOnTrial(merged)).toBe(true)
  })
})
