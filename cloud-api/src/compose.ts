import { fileURLToPath } from 'node:url'
import { type Clock, epochMs, hours, invariant, type Random } from '@metergate/protocol'
import type { Config } from './config/config.js'
import { makeDataFolder, requirePage, storeFile } from './config/data-folder.js'
import { readTlsFiles } from './config/tls-files.js'
import { UsageError } from './config/usage-error.js'
import { hashInvitationCode, hashReaderToken, makeInvitationCode, makeReaderToken } from './fleet/secret.js'
import { Admission } from './http/admission.js'
import { type App, DEFAULT_LIMITS, type Limits } from './http/app.js'
import { Doorway } from './http/doorway.js'
import { Metrics } from './http/metrics.js'
import { StorePatience } from './http/patience.js'
import { ReturnTimes } from './http/return-times.js'
import { PublicKeys } from './ingest/public-keys.js'
import { createServer } from './server.js'
import { openPostgresSeriesStore } from './store/postgres-series-store.js'
import type { SeriesStore } from './store/series-store.js'
import { openSqliteSeriesStore } from './store/sqlite-series-store.js'
import { systemClock } from './system/clock.js'
import { createLogger, type Logger } from './system/logger.js'
import { systemRandom } from './system/random.js'
import { VERSION } from './version.js'

const INVITATION_MS = 24 * 3_600_000
const DASHBOARD = fileURLToPath(new URL('../dashboard/dist', import.meta.url))

export type StoreConfig = Pick<Config, 'dataDir' | 'databaseUrl'>

/** PostgreSQL by its URL, else one SQLite file in the data folder. */
export function openStore({ dataDir, databaseUrl }: StoreConfig, doorway?: Doorway): Promise<SeriesStore> {
  return databaseUrl ? openPostgresSeriesStore(databaseUrl) : openSqliteSeriesStore(storeFile(dataDir), doorway?.clear)
}

export interface CloudOptions {
  readonly dataDir: string
  readonly databaseUrl?: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** 0 or absent: any free port. */
  readonly port?: number
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Folder of the built page; absent: the one beside this package, when it was built. */
  readonly dashboard?: string
  /** Addresses of proxies in front that say from where a request came; absent: none. */
  readonly trustProxy?: string
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  readonly limits?: Partial<Limits>
  /** Adds the process' own figures to /metrics. */
  readonly processMetrics?: boolean
}

/** A running server. */
export interface Cloud {
  /** `http://127.0.0.1:8080` */
  readonly url: string
  readonly store: SeriesStore
  readonly app: App
  /** A one-time enrolment code, good for 24 hours. It is shown once; only its hash is kept. */
  inviteGateway(name: string): Promise<string>
  /** A reader token. It is shown once; only its hash is kept. */
  createReaderToken(name: string): Promise<string>
  /** Answers what is under way, takes no more, closes the store. */
  close(): Promise<void>
}

/** Connections the system may hold until we look: the usual 511 is less than a fleet, and the rest would wait seconds. */
const BACKLOG = 4096
const UPKEEP_EVERY = hours(6)

/** Opens the store and serves. */
export async function createCloud(options: CloudOptions): Promise<Cloud> {
  const { clock = systemClock, random = systemRandom, logger = createLogger('silent') } = options
  const doorway = new Doorway()
  const store = await openStore({ dataDir: options.dataDir, databaseUrl: options.databaseUrl }, doorway)
  await store.upkeep(clock.wall())
  const metrics = new Metrics()
  if (options.processMetrics) metrics.collectProcess()
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const patience = new StorePatience(clock, store)
  const places = { receiving: new Admission(limits.receiving), working: new Admission(limits.working) }
  const returnTimes = new ReturnTimes(clock, random)
  const keys = new PublicKeys()
  const served = { store, patience, doorway, keys, places, returnTimes, limits, metrics, version: VERSION }
  const { tls, trustProxy, dashboard = DASHBOARD } = options
  const app = await createServer({ ...served, clock, random }, { logger, tls, dashboard, trustProxy })
  try {
    await app.listen({ host: options.host ?? '127.0.0.1', port: options.port ?? 0, backlog: BACKLOG })
  } catch (error) {
    await store.close()
    throw listenError(error, options)
  }
  return {
    url: urlOf(app, options),
    store,
    app,
    inviteGateway: (name) => inviteGateway(store, name, clock, random),
    createReaderToken: (name) => createReaderToken(store, name, clock, random),
    async close() {
      await app.close()
      await store.close()
    },
  }
}

function listenError(error: unknown, { host = '127.0.0.1', port }: CloudOptions): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'EADDRINUSE':
      return new UsageError(`Port ${port} on ${host} is in use; stop what listens there or choose another with --port.`)
    case 'EACCES':
      return new UsageError(`Port ${port} on ${host} is not open to this user; choose one above 1023 with --port.`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new UsageError(`--host "${host}" is no address of this machine; give one it has, or 0.0.0.0 for all.`)
    default:
      return error
  }
}

function urlOf(app: App, { host = '127.0.0.1', tls }: CloudOptions): string {
  const address = app.addresses()[0]
  invariant(address && typeof address !== 'string', 'a listening server has a port')
  const name = host.includes(':') ? `[${host}]` : host
  return `${tls ? 'https' : 'http'}://${name}:${address.port}`
}

/** Files a new invitation; the code in clear leaves only here. */
export async function inviteGateway(
  store: SeriesStore,
  name: string,
  clock: Clock = systemClock,
  random: Random = systemRandom,
): Promise<string> {
  const code = makeInvitationCode(random)
  const createdAt = clock.wall()
  const expiresAt = epochMs(createdAt + INVITATION_MS)
  await store.registry.invite({ codeHash: hashInvitationCode(code), name, createdAt, expiresAt })
  return code
}

/** Files a new reader token; the token in clear leaves only here. */
export async function createReaderToken(
  store: SeriesStore,
  name: string,
  clock: Clock = systemClock,
  random: Random = systemRandom,
): Promise<string> {
  const token = makeReaderToken(random)
  await store.registry.addToken(hashReaderToken(token), name, clock.wall())
  return token
}

/** Looks after the store a few times a day until `signal` aborts; what fails is tried again the next time. */
export async function keepUp(store: SeriesStore, clock: Clock, logger: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(UPKEEP_EVERY, signal).catch(() => undefined)
    if (signal.aborted) return
    await store
      .upkeep(clock.wall())
      .catch((error: unknown) => logger.error({ err: error }, 'upkeep of the store failed'))
  }
}

/** The server of the command line, from its checked configuration. */
export async function serveConfig(config: Config): Promise<Cloud> {
  const { dataDir, databaseUrl, host, port, dashboard, trustProxy } = config
  const tls = readTlsFiles(config)
  if (dashboard !== undefined) requirePage(dashboard)
  if (!databaseUrl) makeDataFolder(dataDir)
  const logger = createLogger(config.logLevel)
  const cloud = await createCloud({
    dataDir,
    host,
    port,
    logger,
    processMetrics: true,
    ...(databaseUrl ? { databaseUrl } : {}),
    ...(tls ? { tls } : {}),
    ...(dashboard ? { dashboard } : {}),
    ...(trustProxy === undefined ? {} : { trustProxy }),
  })
  const stop = new AbortController()
  const upkeep = keepUp(cloud.store, systemClock, logger, stop.signal)
  return {
    ...cloud,
    async close() {
      stop.abort()
      await upkeep
      await cloud.close()
    },
  }
}
