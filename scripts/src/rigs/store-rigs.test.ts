import { describe, it } from 'vitest'
import { shortForm } from './testing/short-form.js'

describe('what the store has called stored', { timeout: 240_000 }, () => {
  it('survives kill -9, and silent losses are found out', (test) =>
    shortForm(test, 'kill-loop', 'mutations', 'mutations-control'))

  it('survives a power cut, and a store that does not flush is found out', (test) =>
    shortForm(test, 'power-cut', 'power-cut-control', 'flushes', 'flushes-control'))

  it('is stored whole after a failed flush or write', (test) =>
    shortForm(test, 'failing-fsync', 'failing-write', 'failing-write-burst', 'failing-write-too-big', 'file-limit'))

  it('is there after a killed start, with each schema there has been', (test) =>
    shortForm(test, 'migration-killed', 'migration-killed-control'))

  it('outlives a full disk and a read-only one, and goes on by itself', (test) =>
    shortForm(test, 'full-disk', 'read-only'))

  it('is named where it has made way for newer readings', (test) => shortForm(test, 'cap'))

  it('costs the medium no more than it may', (test) => shortForm(test, 'wear'))
})
