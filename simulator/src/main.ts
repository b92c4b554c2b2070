import { UsageError } from './cli/options.js'
import { buildProgram } from './cli/program.js'

buildProgram()
  .parseAsync()
  .catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error)
    process.stderr.write(
      `metergate-sim: ${error instanceof UsageError || !(error instanceof Error) ? message : (error.stack ?? message)}\n`,
    )
    process.exitCode = error instanceof UsageError ? 2 : 1
  })
