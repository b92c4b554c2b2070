import { once } from 'node:events'
import { CommanderError } from 'commander'
import { buildProgram } from './cli/program.js'
import { createReaderToken, inviteGateway, openStore, serveConfig } from './compose.js'
import type { Config } from './config/config.js'
import { UsageError } from './config/usage-error.js'
import { systemClock } from './system/clock.js'
import { VERSION } from './version.js'

const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** Serves until SIGTERM or SIGINT, then answers what is under way and stops with code 0. */
async function serve(config: Config): Promise<void> {
  const cloud = await serveConfig(config)
  print(`metergate-cloud listens on ${cloud.url} (${cloud.store.kind})`)
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  await cloud.close()
}

const program = buildProgram({
  version: VERSION,
  openStore,
  serve,
  inviteGateway: (store, name) => inviteGateway(store, name),
  createReaderToken: (store, name) => createReaderToken(store, name),
  now: () => systemClock.wall(),
  print,
  note: (line) => process.stderr.write(`${line}\n`),
})

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof Error)) throw error
  // Commander has said what was wrong; help and the version end here too, with 0.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = error instanceof UsageError ? 2 : 1
  }
}
