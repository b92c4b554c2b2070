import { expect, it } from 'vitest'
import { plantFrom, UsageError } from './options.js'

it('a speed no line has is refused with those there are', () => {
  expect(() => plantFrom({ plant: 'demo', baud: 9601 })).toThrow(UsageError)
  expect(() => plantFrom({ plant: 'demo', baud: 9601 })).toThrow('--baud is 9601; give one of 300, 600')
  expect(plantFrom({ plant: 'demo', baud: 4800 }).line.baud).toBe(4800)
})
