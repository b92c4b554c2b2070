import { epochMs, gatewayIdSchema } from '@metergate/protocol'
import { describe, expect, it } from 'vitest'
import { heartbeat, T0 } from '../testing/records.js'
import { fleetOf, stateOf } from './gateway-view.js'

const entry = {
  id: gatewayIdSchema.parse('gw-0123456789'),
  name: 'Plant',
  publicKey: '',
  software: 'metergate/0',
  enrolledAt: epochMs(T0),
  revokedAt: undefined,
}

it.each([
  ['says nothing of its period', undefined, 2, 'online'],
  ['says nothing of its period', undefined, 4, 'late'],
  ['says nothing of its period', undefined, 16, 'offline'],
  ['reports each second', 1_000, 2, 'online'],
  ['reports each hour', 3_600_000, 170, 'online'],
  ['reports each hour', 3_600_000, 190, 'late'],
  ['reports each hour', 3_600_000, 370, 'offline'],
])('a gateway that %s (%s ms) and was heard of %s minutes ago is %s', (_, period, minutes, state) => {
  const body = { ...heartbeat(T0), ...(period === undefined ? {} : { heartbeat_ms: period }) }
  expect(stateOf(entry, { at: epochMs(T0), body }, epochMs(T0 + minutes * 60_000))).toBe(state)
})

const states = (...list: ('online' | 'late' | 'offline' | 'never' | 'revoked')[]) => list.map((state) => ({ state }))

describe('the share of the fleet that is online (rule of case C10)', () => {
  it('is online by enrolled; late, silent and never heard of count as enrolled, revoked does not', () => {
    expect(fleetOf(states('online', 'online', 'late', 'offline', 'never', 'never', 'revoked'))).toEqual({
      enrolled: 6,
      online: 2,
      online_share: 0.333333,
    })
  })

  it('is unknown, not zero, while there is nobody', () => {
    expect(fleetOf([])).toEqual({ enrolled: 0, online: 0, online_share: null })
    expect(fleetOf(states('revoked'))).toMatchObject({ online_share: null })
    expect(fleetOf(states('never'))).toMatchObject({ online_share: 0 })
  })
})
