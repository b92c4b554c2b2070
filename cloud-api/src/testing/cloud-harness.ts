import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootId, type Clock, type DurationMs, enrolAnswerSchema, epochMs, monoMs } from '@metergate/protocol'
import { type Cloud, type CloudOptions, createCloud } from '../compose.js'
import { GatewayDouble } from './gateway-double.js'
import { T0 } from './records.js'

/** A clock a test sets by hand. */
export class ManualClock implements Clock {
  readonly bootId = bootId('test')
  now = T0
  wall = () => epochMs(this.now)
  mono = () => monoMs(this.now - T0)
  /** Nothing passes by itself: whoever sleeps wakes up when it is called off. */
  sleep(_duration: DurationMs, signal?: AbortSignal): Promise<void> {
    return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
  }
}

/** A whole server on a real SQLite file in a folder of its own. */
export class CloudHarness {
  private constructor(
    readonly cloud: Cloud,
    readonly clock: ManualClock,
    readonly token: string,
    private readonly folder: string,
  ) {}

  static async start(options: Partial<CloudOptions> = {}): Promise<CloudHarness> {
    const folder = mkdtempSync(join(tmpdir(), 'metergate-cloud-'))
    const clock = new ManualClock()
    const cloud = await createCloud({ dataDir: folder, clock, ...options })
    return new CloudHarness(cloud, clock, await cloud.createReaderToken('test'), folder)
  }

  get inject() {
    return this.cloud.app.inject.bind(this.cloud.app)
  }

  enrol(gateway: GatewayDouble, code: string, more: Record<string, unknown> = {}) {
    const payload = { code, public_key: gateway.publicKey, software: 'test/1', ...more }
    return this.cloud.app.inject({ method: 'POST', url: '/v1/enrol', payload })
  }

  /** An enrolled gateway. */
  async gateway(stream?: string): Promise<GatewayDouble> {
    const gateway = new GatewayDouble(stream)
    const answer = await this.enrol(gateway, await this.cloud.inviteGateway('东一楼'))
    gateway.id = enrolAnswerSchema.parse(answer.json()).gateway_id
    return gateway
  }

  /** GET with the reader token. */
  read(url: string) {
    return this.cloud.app.inject({ method: 'GET', url, headers: { authorization: `Bearer ${this.token}` } })
  }

  async stop(): Promise<void> {
    await this.cloud.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
