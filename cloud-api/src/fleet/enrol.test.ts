import { enrolAnswerSchema, problemSchema } from '@metergate/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CloudHarness } from '../testing/cloud-harness.js'
import { GatewayDouble } from '../testing/gateway-double.js'
import { event, T0 } from '../testing/records.js'
import { hashInvitationCode, makeInvitationCode } from './secret.js'

let harness: CloudHarness
beforeEach(async () => {
  harness = await CloudHarness.start()
})
afterEach(() => harness.stop())

const codeOf = (answer: { json(): unknown }) => problemSchema.parse(answer.json()).code

describe('enrolment', () => {
  it('gives an id, the name of the invitation and the server time; the gateway may send at once', async () => {
    const gateway = new GatewayDouble()
    const answer = await harness.enrol(gateway, await harness.cloud.inviteGateway('东一楼'))
    expect(answer.statusCode).toBe(200)
    const enrolled = enrolAnswerSchema.parse(answer.json())
    expect(enrolled).toMatchObject({ name: '东一楼', server_time: T0 })
    gateway.id = enrolled.gateway_id
    expect((await harness.inject(gateway.post(gateway.seal([event(T0)])))).statusCode).toBe(200)
  })

  it('prefers the name the technician gave', async () => {
    const answer = await harness.enrol(new GatewayDouble(), await harness.cloud.inviteGateway('a'), {
      name: 'press hall',
    })
    expect(answer.json()).toMatchObject({ name: 'press hall' })
  })

  it('repeated by the same box after a lost answer gives the same id; another box is refused', async () => {
    const [box, other] = [new GatewayDouble(), new GatewayDouble()]
    const code = await harness.cloud.inviteGateway('hall')
    const first = await harness.enrol(box, code)
    expect((await harness.enrol(box, code)).json()).toEqual(first.json())
    const second = await harness.enrol(other, code)
    expect([second.statusCode, codeOf(second)]).toEqual([409, 'enrolment_code_used'])
  })

  it('after 24 hours is refused', async () => {
    const code = await harness.cloud.inviteGateway('hall')
    harness.clock.now += 24 * 3_600_000
    const answer = await harness.enrol(new GatewayDouble(), code)
    expect([answer.statusCode, codeOf(answer)]).toEqual([403, 'enrolment_code_expired'])
    expect(problemSchema.parse(answer.json()).detail).toContain('metergate-cloud gateway invite')
  })

  it('with a code nobody gave is refused', async () => {
    const answer = await harness.enrol(new GatewayDouble(), 'AAAAA-BBBBB-CCCCC')
    expect([answer.statusCode, codeOf(answer)]).toEqual([403, 'enrolment_code_unknown'])
  })

  it('is slowed down for an address that guesses, and only for a while', async () => {
    for (let i = 0; i < 20; i++) await harness.enrol(new GatewayDouble(), `AAAAA-BBBBB-${i}`)
    const answer = await harness.enrol(new GatewayDouble(), 'AAAAA-BBBBB-CCCCC')
    expect([answer.statusCode, codeOf(answer)]).toEqual([429, 'too_many_requests'])
    expect(answer.headers['retry-after']).toBe('600')
    harness.clock.now += 600_000
    expect((await harness.enrol(new GatewayDouble(), 'AAAAA-BBBBB-CCCCC')).statusCode).toBe(403)
  })

  it('with a code that was given is never kept waiting for the wrong ones of others at the same address', async () => {
    for (let i = 0; i < 21; i++) await harness.enrol(new GatewayDouble(), `AAAAA-BBBBB-${i}`)
    const [box, code] = [new GatewayDouble(), await harness.cloud.inviteGateway('hall')]
    expect((await harness.enrol(box, code)).statusCode).toBe(200)
    expect((await harness.enrol(box, code)).statusCode).toBe(200)
    expect(codeOf(await harness.enrol(new GatewayDouble(), code))).toBe('enrolment_code_used')
  })

  it.each([
    ['nobody', undefined, [429, 429]],
    ['the proxy', 'loopback', [429, 403]],
    ['a proxy elsewhere', '10.0.0.7', [429, 429]],
  ])('believes %s where a request came from', async (_who, trustProxy, expected) => {
    const behind = await CloudHarness.start(trustProxy === undefined ? {} : { trustProxy })
    const guess = async (from: string) => {
      const payload = { code: 'AAAAA-BBBBB-CCCCC', public_key: new GatewayDouble().publicKey, software: 'test/1' }
      const headers = { 'x-forwarded-for': from }
      return (await behind.inject({ method: 'POST', url: '/v1/enrol', payload, headers })).statusCode
    }
    for (let i = 0; i < 20; i++) await guess('203.0.113.66')
    expect([await guess('203.0.113.66'), await guess('198.51.100.7')]).toEqual(expected)
    await behind.stop()
  })

  it('with a key that is none is refused and leaves the code good', async () => {
    const code = await harness.cloud.inviteGateway('hall')
    const bad = await harness.enrol(new GatewayDouble(), code, { public_key: 'not a key' })
    expect([bad.statusCode, codeOf(bad)]).toEqual([400, 'malformed_request'])
    expect(problemSchema.parse(bad.json()).errors).toMatchObject([{ path: 'body/public_key' }])
    expect((await harness.enrol(new GatewayDouble(), code)).statusCode).toBe(200)
  })
})

describe('an invitation code', () => {
  it('holds 130 bits in symbols nobody confuses', () => {
    const bytes = Uint8Array.from({ length: 26 }, (_, i) => i * 9)
    const code = makeInvitationCode({ next: () => 0, bytes: (count) => bytes.slice(0, count) })
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){5}[0-9A-HJKMNP-TV-Z]$/)
  })

  it('is found however it is typed', () => {
    expect(hashInvitationCode('7kzo1-ab cd')).toBe(hashInvitationCode('7KZ0L-ABCD'))
    expect(hashInvitationCode('7KZ01-ABCE')).not.toBe(hashInvitationCode('7KZ01-ABCD'))
  })
})
