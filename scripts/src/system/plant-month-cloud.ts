import { CloudHttp, type CloudRequest, parseCloudUrl } from '@metergate/agent'
import type { Cloud } from '@metergate/cloud-api'
import { fail, invariant, ok } from '@metergate/protocol'
import type { VirtualClock } from '@metergate/simulator'
import { NO_NETWORK } from './plant-month-truth.js'

/** The agent's way to the cloud, ended in the cloud's own routes; without a network for one day. */
export class RouteHttp extends CloudHttp {
  constructor(
    private readonly cloud: Cloud,
    private readonly at: VirtualClock,
    private readonly onOffline: () => void,
  ) {
    super(loopback(), at)
  }

  override async post({ path, headers, body }: CloudRequest): ReturnType<CloudHttp['post']> {
    const now = this.at.trueWall()
    if (now >= NO_NETWORK.from && now < NO_NETWORK.to) {
      this.onOffline()
      return fail({ kind: 'unreachable', why: 'ENETUNREACH' })
    }
    const answer = await this.cloud.app.inject({
      method: 'POST',
      url: path,
      headers: { ...headers },
      payload: Buffer.from(body),
    })
    return ok({
      status: answer.statusCode,
      header: (name) => headerText(answer.headers[name]),
      body: answer.rawPayload,
      roundTripMs: 20,
      bytesSent: body.length,
    })
  }
}

const headerText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

function loopback() {
  const url = parseCloudUrl('http://127.0.0.1:1')
  invariant(url.ok, 'a loopback address is a cloud address')
  return url.value
}
