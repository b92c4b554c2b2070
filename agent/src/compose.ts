import { statfsSync } from 'node:fs'
import { type Clock, ok, type Random, type Result } from '@metergate/protocol'
import { assembleGateway } from './assemble.js'
import { systemLineTools } from './bus/line-tools.js'
import { createBus } from './bus/open-bus.js'
import type { CliDeps } from './cli/ports.js'
import type { LoadedConfig } from './config/load.js'
import type { GatewayConfig } from './config/schema.js'
import { ControlServer } from './control/server.js'
import { controlSocketPath } from './control/socket-path.js'
import { enrolGateway } from './enrolment.js'
import type { ProcessFacts } from './flow/gateway-snapshot.js'
import { lineBudgets } from './flow/line-budget.js'
import { storeCalls, storeFaultInWords } from './flow/store-calls.js'
import { cloudOf, type Identity, keyFile, readIdentity } from './identity.js'
import { localGateway } from './local-gateway.js'
import { ClockTrust } from './reading/clock-trust.js'
import { FRUGAL_COMPRESSION } from './store/compression.js'
import { SystemDisk } from './store/disk.js'
import type { OpenFault } from './store/open-database.js'
import type { Sealer } from './store/record-store.js'
import { SqliteRecordStore } from './store/sqlite-record-store.js'
import { CloudHttp } from './sync/cloud-http.js'
import { HttpUplink } from './sync/http-uplink.js'
import { DiskKeyFile } from './sync/key-file.js'
import { loadOrCreateKey } from './sync/signature.js'
import { type Logger, SystemClock, SystemRandom, systemClockEvidence } from './system/index.js'
import { SOFTWARE, VERSION } from './version.js'

/** The agent on the real box: the only place that knows every adapter. */
export function compose(): CliDeps {
  const clock = new SystemClock()
  const random = new SystemRandom()
  return {
    clock,
    version: VERSION,
    lines: systemLineTools(clock),
    run: (loaded, { logger, signal }) => runGateway(loaded, { clock, random, logger, signal }),
    local: (loaded) => {
      const trust = new ClockTrust(clock)
      return localGateway(loaded, {
        clock,
        random,
        trust,
        openStore: () => openStore(loaded, { clock, random, trust, gateway: undefined }),
        makeBus: (line, units) => createBus(line, clock, units),
      })
    },
    enrol: (request) => enrolGateway(request, clock, random),
    budget: lineBudgets,
  }
}

interface RunParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** `metergate run`. 0 after a clean stop, 1 when it could not start; what was wrong is in the log. */
async function runGateway(written: LoadedConfig, { clock, random, logger, signal }: RunParts): Promise<number> {
  const identity = readIdentity(written.config.store.folder)
  if (!identity.ok) return refuse(logger, identity.fault.why)
  const loaded = withCloud(written, identity.value)
  const { config } = loaded
  const trust = new ClockTrust(clock)
  const opened = openStore(loaded, { clock, random, trust, gateway: identity.value?.gateway })
  if (!opened.ok) return refuse(logger, storeFaultInWords(opened.fault, config.store.folder))
  const uplink = uplinkOf(config, identity.value, clock, random)
  if (!uplink.ok) {
    await opened.value.close()
    return refuse(logger, uplink.fault.why)
  }
  if (config.sync.cloud && !identity.value)
    logger.warn('not enrolled: readings are kept here until `metergate enrol CODE` and a restart of metergate run')
  const gateway = assembleGateway(loaded, {
    clock,
    random,
    logger,
    trust,
    store: opened.value,
    makeBus: (line, units) => createBus(line, clock, units),
    clockEvidence: systemClockEvidence(clock),
    process: processFacts(config.store.folder),
    uplink: uplink.value,
  })
  const handlers = { ...gateway.handlers(), ...storeCalls(config.store.folder, clock) }
  const control = new ControlServer(controlSocketPath(config.store.folder), handlers, (error) =>
    logger.error('a local request failed', { error: error instanceof Error ? error.message : String(error) }),
  )
  try {
    await control.start(signal)
  } catch (error) {
    await opened.value.close()
    return refuse(logger, error instanceof Error ? error.message : String(error))
  }
  try {
    await gateway.start(signal)
  } finally {
    await control.stop()
  }
  return 0
}

/** The configuration with the cloud that is in force: enrolled with `--cloud`, the file need not name it again. */
function withCloud(loaded: LoadedConfig, identity: Identity | undefined): LoadedConfig {
  const { config } = loaded
  return { ...loaded, config: { ...config, sync: { ...config.sync, cloud: cloudOf(config.sync.cloud, identity) } } }
}

interface StoreParts {
  readonly clock: Clock
  readonly random: Random
  readonly trust: ClockTrust
  readonly gateway: Sealer['gateway'] | undefined
}

function openStore(
  loaded: LoadedConfig,
  { clock, random, trust, gateway }: StoreParts,
): Result<SqliteRecordStore, OpenFault> {
  const { store: settings } = loaded.config
  const sealer: Sealer | undefined = gateway && { gateway, software: SOFTWARE, config: loaded.version }
  const store = new SqliteRecordStore({
    folder: settings.folder,
    clock,
    random,
    disk: new SystemDisk(),
    sealer: () => sealer,
    stamp: () => trust.stamp(),
    settings: {
      commitEveryMs: settings.commit_window,
      capBytes: settings.cap,
      ballastBytes: settings.ballast,
      compression: FRUGAL_COMPRESSION,
    },
  })
  const started = store.start()
  return started.ok ? ok(store) : started
}

type UplinkChoice = Result<
  { readonly uplink: HttpUplink; readonly gateway: string } | undefined,
  { readonly why: string }
>

/** The signed way to the cloud; none without a cloud in the configuration or before enrolment. */
function uplinkOf(
  config: GatewayConfig,
  identity: { readonly gateway: Sealer['gateway'] } | undefined,
  clock: Clock,
  random: Random,
): UplinkChoice {
  if (!config.sync.cloud || !identity) return ok(undefined)
  const key = loadOrCreateKey(new DiskKeyFile(keyFile(config.store.folder)), random)
  if (!key.ok) return key
  const http = new CloudHttp(config.sync.cloud, clock)
  return ok({
    uplink: new HttpUplink(http, { gateway: identity.gateway, key: key.value, clock }),
    gateway: identity.gateway,
  })
}

function processFacts(folder: string): ProcessFacts {
  return {
    pid: process.pid,
    nodeVersion: process.version,
    memoryBytes: () => process.memoryUsage().rss,
    disk: () => {
      const { bsize, bavail, blocks } = statfsSync(folder)
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
    },
  }
}

function refuse(logger: Logger, why: string): number {
  logger.error('metergate cannot start', { why })
  return 1
}
