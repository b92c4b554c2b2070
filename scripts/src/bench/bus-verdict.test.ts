import { describe, expect, it } from 'vitest'
import { verdict } from './bus-verdict.js'

const good = { meters: 8, dead: 0, ratio: 1.02, ratioAllLive: 1.02, failed: 0, cpuSecondsPer1000: 0.8 }

describe('the verdict on a line', () => {
  it('passes what reaches its targets and names each that is missed', () => {
    expect(verdict(good)).not.toContain('MISSED')
    expect(verdict({ ...good, ratio: 1.031 })).toContain('cycle 1.031 <= 1.03 MISSED')
    expect(verdict({ ...good, failed: 1 })).toContain('1 unanswered MISSED')
    expect(verdict({ ...good, cpuSecondsPer1000: 1.01 })).toContain('CPU 1.01 <= 1 MISSED')
  })

  it('holds dead units against the cadence without them: 98 % with 1 of 8, 97 % with 3 of 32', () => {
    expect(verdict({ ...good, dead: 1, ratio: 1.02 / 0.981 })).toContain('>= 98.0 % pass')
    expect(verdict({ ...good, dead: 1, ratio: 1.02 / 0.979 })).toContain('>= 98.0 % MISSED')
    expect(verdict({ ...good, meters: 32, dead: 3, ratio: 1.02 / 0.975 })).toContain('>= 97.0 % pass')
    expect(verdict({ ...good, meters: 32, dead: 3, ratio: 1.02 / 0.969 })).toContain('>= 97.0 % MISSED')
  })
})
