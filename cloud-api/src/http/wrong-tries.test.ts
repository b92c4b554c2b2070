import { epochMs } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { WrongTries } from './wrong-tries.js'

const at = (second: number) => epochMs(1_795_420_800_000 + second * 1000)
const limited = () => new WrongTries({ tries: 3, windowMs: 60_000, addresses: 2 })

describe('wrong tries', () => {
  it('are let through up to the limit, then wait for the end of the window', () => {
    const tries = limited()
    for (const second of [0, 10, 20]) {
      expect(tries.waitS('a', at(second))).toBeUndefined()
      tries.note('a', at(second))
    }
    expect(tries.waitS('a', at(20))).toBe(40)
    expect(tries.waitS('b', at(20))).toBeUndefined()
    expect(tries.waitS('a', at(60))).toBeUndefined()
    tries.note('a', at(60))
    expect(tries.waitS('a', at(61))).toBeUndefined()
  })

  it('lock nobody out when the server’s clock is set back', () => {
    const tries = limited()
    for (let i = 0; i < 3; i++) tries.note('a', at(3600))
    expect(tries.waitS('a', at(0))).toBeUndefined()
  })

  it('are remembered for so many addresses only', () => {
    const tries = limited()
    for (let i = 0; i < 3; i++) tries.note('a', at(0))
    tries.note('b', at(1))
    tries.note('c', at(2))
    expect(tries.waitS('a', at(3))).toBeUndefined()
  })
})
