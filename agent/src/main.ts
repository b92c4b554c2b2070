import './system/frugal-heap.js'
import { processIo, runCli } from './cli/index.js'
import { compose } from './compose.js'

process.exitCode = await runCli(process.argv.slice(2), processIo(), compose())
