import { epochMs, gatewayIdSchema } from '@metergate/protocol'
import { Command, Option } from 'commander'
import { type Config, readConfig } from '../config/config.js'
import { requireStore } from '../config/data-folder.js'
import { systemReason, UsageError } from '../config/usage-error.js'
import type { SeriesStore } from '../store/series-store.js'

/** What the commands need from the composition. */
export interface CloudCommands {
  readonly version: string
  openStore(config: Pick<Config, 'dataDir' | 'databaseUrl'>): Promise<SeriesStore>
  /** Serves until told to stop. */
  serve(config: Config): Promise<void>
  inviteGateway(store: SeriesStore, name: string): Promise<string>
  createReaderToken(store: SeriesStore, name: string): Promise<string>
  now(): number
  print(line: string): void
  /** To the person, beside the output. */
  note(line: string): void
}

const AS_JSON = 'as JSON, for programs'

const setting = (flags: string, about: string, variable: string): Option =>
  new Option(flags, about).env(`METERGATE_CLOUD_${variable}`)

const storeOptions = (): Option[] => [
  setting('--data-dir <path>', 'folder of the SQLite file (default: ./metergate-cloud-data)', 'DATA_DIR'),
  new Option('--database-url <url>', 'PostgreSQL instead of SQLite').env('DATABASE_URL'),
]

const serveOptions = (): Option[] => [
  setting('--host <address>', 'address to bind (default: 127.0.0.1)', 'HOST'),
  setting('--port <number>', 'port (default: 8080)', 'PORT'),
  setting('--tls-cert <file>', 'certificate chain, PEM', 'TLS_CERT'),
  setting('--tls-key <file>', 'private key, PEM', 'TLS_KEY'),
  setting('--behind-proxy', 'a reverse proxy in front of this server speaks TLS', 'BEHIND_PROXY'),
  setting(
    '--trust-proxy <places>',
    'addresses of proxies whose X-Forwarded-For is believed, e.g. 10.0.0.7,10.1.0.0/16 or loopback (default: none)',
    'TRUST_PROXY',
  ),
  setting('--dashboard <path>', 'folder of the built page', 'DASHBOARD'),
  setting('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent (default: info)', 'LOG_LEVEL'),
]

/** The commands of `metergate-cloud`. */
export function buildProgram(cloud: CloudCommands): Command {
  const program = new Command('metergate-cloud')
    .description('The metergate cloud: takes in what gateways send and shows it')
    .version(cloud.version)
    .exitOverride()
    .showHelpAfterError('(add --help to see what it takes)')
  const serve = program.command('serve').description('serve gateways and readers')
  for (const option of [...storeOptions(), ...serveOptions()]) serve.addOption(option)
  serve.action((options: Record<string, unknown>) => cloud.serve(checked(options)))

  const gateway = program.command('gateway').description('who may send')
  const withStore = (command: Command): Command =>
    storeOptions().reduce((all, option) => all.addOption(option), command)
  withStore(gateway.command('invite'))
    .description('make a one-time enrolment code, good for 24 hours')
    .requiredOption('--name <name>', 'what the plant or box is called')
    .option('--json', AS_JSON)
    .action((options: Named) => inStore(cloud, options, (store) => invite(cloud, store, options)))
  withStore(gateway.command('list'))
    .description('list the gateways')
    .option('--json', AS_JSON)
    .action((options: { json?: boolean }) => inStore(cloud, options, (store) => list(cloud, store, options)))
  withStore(gateway.command('revoke'))
    .description('take a gateway its right to send; what it sent stays')
    .argument('<gateway>', 'its id, gw-…')
    .action((id: string, options: Record<string, unknown>) =>
      inStore(cloud, options, (store) => revoke(cloud, store, id)),
    )

  const token = program.command('token').description('who may read')
  withStore(token.command('create'))
    .description('make a reader token')
    .requiredOption('--name <name>', 'who will use it')
    .option('--json', AS_JSON)
    .action((options: Named) => inStore(cloud, options, (store) => createToken(cloud, store, options)))
  return program
}

function checked(options: { readonly [key: string]: unknown }): Config {
  const config = readConfig(options)
  if (!config.ok) throw new UsageError(config.fault)
  return config.value
}

async function inStore(
  cloud: CloudCommands,
  options: { readonly [key: string]: unknown },
  work: (store: SeriesStore) => Promise<void>,
): Promise<void> {
  const config = checked(options)
  if (config.databaseUrl === undefined) requireStore(config.dataDir)
  const store = await cloud.openStore(config).catch((error: unknown) => {
    const place = config.databaseUrl === undefined ? `--data-dir "${config.dataDir}"` : 'the database of --database-url'
    throw new UsageError(`The store in ${place} can't be opened: ${systemReason(error)}`, { cause: error })
  })
  try {
    await work(store)
  } finally {
    await store.close()
  }
}

type Named = { readonly name: string; readonly json?: boolean }

function checkName({ name }: Named): void {
  if (name.trim() !== '' && name.length <= 80) return
  throw new UsageError(`--name is ${JSON.stringify(name)}: it must have 1 to 80 characters.`)
}

async function invite(cloud: CloudCommands, store: SeriesStore, named: Named): Promise<void> {
  checkName(named)
  const code = await cloud.inviteGateway(store, named.name)
  cloud.print(named.json ? JSON.stringify({ name: named.name, code }) : code)
}

async function createToken(cloud: CloudCommands, store: SeriesStore, named: Named): Promise<void> {
  checkName(named)
  const token = await cloud.createReaderToken(store, named.name)
  cloud.print(named.json ? JSON.stringify({ name: named.name, token }) : token)
}

async function list(cloud: CloudCommands, store: SeriesStore, { json }: { readonly json?: boolean }): Promise<void> {
  const gateways = await store.registry.gateways()
  if (json) {
    const rows = gateways.map(({ id, name, enrolledAt, revokedAt }) => ({
      id,
      name,
      enrolled_at: enrolledAt,
      revoked_at: revokedAt ?? null,
    }))
    cloud.print(JSON.stringify(rows))
    return
  }
  if (gateways.length === 0)
    cloud.note('No gateway has enrolled yet; see: metergate-cloud gateway invite --name <name>')
  for (const { id, name, enrolledAt, revokedAt } of gateways) {
    const revoked = revokedAt === undefined ? '' : `\trevoked ${new Date(revokedAt).toISOString()}`
    cloud.print(`${id}\t${name}\tenrolled ${new Date(enrolledAt).toISOString()}${revoked}`)
  }
}

async function revoke(cloud: CloudCommands, store: SeriesStore, text: string): Promise<void> {
  const id = gatewayIdSchema.safeParse(text)
  const found = id.success && (await store.registry.revoke(id.data, epochMs(cloud.now())))
  if (!found) throw new UsageError(`No gateway "${text}"; see: metergate-cloud gateway list`)
  cloud.print(`${text} may no longer send. What it sent stays.`)
}
