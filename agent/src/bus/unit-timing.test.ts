import { expect, it } from 'vitest'
import { UnitTiming } from './unit-timing.js'

it('does not think a unit quicker than its maker says for an answer that came soon after the question was put again', () => {
  const timing = new UnitTiming({ typical: 40, max: 500 })
  timing.answeredLate(15)
  expect(timing.timeoutMs).toBe(500)
  timing.answeredLate(420)
  expect(timing.timeoutMs).toBe(690)
})
