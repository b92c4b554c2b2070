import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { RigsFirst } from './vitest.sequencer.js'

// Packages are resolved to their sources, so a test never runs against a stale build.
const conditions = ['metergate-source']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['{protocol,agent,cloud-api,simulator,scripts}/src/**/*.test.ts'],
    globalSetup: ['./vitest.global.ts'],
    setupFiles: ['./vitest.setup.ts'],
    pool: 'forks',
    // Many files wait for real programs; vitest would leave one core idle by default.
    maxWorkers: availableParallelism(),
    sequence: { sequencer: RigsFirst },
    testTimeout: 30_000,
    reporters: ['default', ['json', { outputFile: '.vitest/results.json' }]],
  },
})
