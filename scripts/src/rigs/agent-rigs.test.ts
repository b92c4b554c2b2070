import { describe, it } from 'vitest'
import { shortForm } from './testing/short-form.js'

describe('the gateway as a process', { timeout: 240_000 }, () => {
  it('is the only one on its folder', (test) => shortForm(test, 'two-instances'))
  it('ends when it is told to, with all it has read', (test) => shortForm(test, 'sigterm'))
})

describe('what the gateway knows of the time', { timeout: 240_000 }, () => {
  it('is told as it was known, whatever the wall clock does', (test) => shortForm(test, 'clock-steps', 'boot-in-1970'))
  it('is nothing after boots without a clock, and the order holds', (test) => shortForm(test, 'unsynced-boots'))
})
