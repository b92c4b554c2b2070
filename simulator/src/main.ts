import { UsageError } from './cli/options.js'
import { buildProgram } from './cli/program.js'
import { PlantError } from './line/build-line.js'

buildProgram()
  .parseAsync()
  .catch((error: unknown) => {
    const isTheirs = error instanceof UsageError || error instanceof PlantError
    const message = error instanceof Error ? error.message : String(error)
    const words = isTheirs || !(error instanceof Error) ? message : (error.stack ?? message)
    process.stderr.write(`metergate-sim: ${words}\n`)
    process.exitCode = isTheirs ? 2 : 1
  })
