import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rootFolder } from '../root.js'
import { startOf } from './unit-file.js'

describe('the unit file of the box', () => {
  it('is what the memory bench starts the agent by', () => {
    expect(startOf(readFileSync(join(rootFolder(), 'agent/metergate.service'), 'utf8'))).toEqual({
      environment: { MALLOC_ARENA_MAX: '1' },
      nodeOptions: ['--v8-pool-size=1', '--no-opt'],
    })
  })

  it('must start something', () => {
    expect(() => startOf('[Service]\nExecStart=/usr/bin/node --version\n')).toThrow('starts a program')
  })
})
