import { epochMs, gatewayIdSchema } from '@metergate/protocol'
import { expect, it } from 'vitest'
import { heartbeat, T0 } from '../testing/records.js'
import { stateOf } from './gateway-view.js'

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
