#!/usr/bin/env node
// The command as npm links it. It stands in the repository, so that the link can be made before anything is compiled.
import { existsSync } from 'node:fs'

const program = new URL('../dist/main.js', import.meta.url)
if (existsSync(program)) await import(program)
else {
  console.error('metergate-sim is not compiled yet: run "npm run build" in the repository first.')
  process.exitCode = 2
}
