import { describe, it } from 'vitest'
import { shortForm } from './testing/short-form.js'

/** The real server in a process of its own, which is killed, stopped, and denied its database. */
describe('what the cloud has acknowledged', { timeout: 120_000 }, () => {
  it('is there, once, when fifty said the same and the server was killed', (test) =>
    shortForm(test, 'cloud-same-batch'))
  it('so it is on PostgreSQL', (test) => shortForm(test, 'cloud-same-batch-pg'))
  it('survives a power cut of the server', (test) => shortForm(test, 'cloud-power-cut'))
  it('survives the death of PostgreSQL', (test) => shortForm(test, 'cloud-database-crash'))
})

describe('a database that does not answer', { timeout: 120_000 }, () => {
  it('is told apart within two seconds, and all drains when it is back', (test) =>
    shortForm(test, 'cloud-database-gone'))
})

describe('a full disk of the cloud', { timeout: 120_000 }, () => {
  it('is said, and nothing acknowledged is missing', (test) => shortForm(test, 'cloud-disk-full'))
})

describe('a herd of gateways', { timeout: 120_000 }, () => {
  it('is turned away with a time to come back, loses nothing, and sends the newest first', (test) =>
    shortForm(test, 'herd'))
})
