import { describe, it } from 'vitest'
import { shortForm } from './testing/short-form.js'

describe('a link that loses answers or hangs', { timeout: 240_000 }, () => {
  it('brings everything across once, and a gateway that believes what it sent is found out', (test) =>
    shortForm(test, 'lost-answers', 'sick-peers', 'link-control'))

  it('brings a backlog across where it is narrow and breaks off', (test) => shortForm(test, 'bad-link', 'three-weeks'))
})
