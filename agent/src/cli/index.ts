export * from './ports.js'
export { processIo } from './process-io.js'
export { runCli } from './program.js'
