import { isIP } from 'node:net'
import { fail, ok, type Result } from '@metergate/protocol'
import { z } from 'zod'

const path = z.string().min(1, 'must not be empty')

const portSchema = z
  .union([z.number(), z.string().regex(/^\d+$/).transform(Number)], 'must be a whole number from 0 to 65535')
  .refine((port) => Number.isInteger(port) && port >= 0 && port <= 65_535, 'must be a whole number from 0 to 65535')
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** Where a proxy may be: names Fastify knows for ranges, an address, or a range of addresses. */
const isProxyPlace = (place: string): boolean => {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(place)) return true
  const [address = '', bits, ...rest] = place.split('/')
  const longest = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= longest)
  return longest > 0 && isRange && rest.length === 0
}
/** No number of proxies: whoever reaches the server directly would be believed as well. */
const trustProxySchema = z
  .string()
  .refine(
    (places) => places.split(',').every((place) => isProxyPlace(place.trim())),
    'must be addresses of proxies with commas between, such as 10.0.0.7, 10.0.0.0/8 or loopback',
  )

/** What `serve` needs to know. Every key is a flag and an environment variable METERGATE_CLOUD_<KEY>. */
export const configSchema = z.object({
  dataDir: path.default('./metergate-cloud-data'),
  databaseUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must look like postgres://user@host/database')
    .optional(),
  host: z.string().min(1, 'must not be empty').default('127.0.0.1'),
  port: portSchema.default(8080),
  tlsCert: path.optional(),
  tlsKey: path.optional(),
  behindProxy: z.union([z.boolean(), z.stringbool()], 'must be true or false').default(false),
  trustProxy: trustProxySchema.optional(),
  dashboard: path.optional(),
  logLevel: z.enum(LEVELS, `must be one of ${LEVELS.join(', ')}`).default('info'),
})
export type Config = z.infer<typeof configSchema>

/** Checks flags and environment; every message names the setting, its value and what to do. */
export function readConfig(given: { readonly [key: string]: unknown }): Result<Config, string> {
  const read = configSchema.safeParse(given)
  if (!read.success) return fail(read.error.issues.map((issue) => explain(issue, given)).join('\n'))
  const refused = refuseOpenDoor(read.data)
  return refused === undefined ? ok(read.data) : fail(refused)
}

function explain({ path: [key], message }: z.core.$ZodIssue, given: { readonly [key: string]: unknown }): string {
  const name = String(key)
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return `--${flag} is ${JSON.stringify(given[name])}: it ${message}.`
}

const isLoopback = (host: string): boolean => /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(host)

/** Reader tokens and curves must not cross a network in the clear. */
function refuseOpenDoor({ host, tlsCert, tlsKey, behindProxy }: Config): string | undefined {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    return `--tls-cert and --tls-key belong together; only ${tlsCert ? '--tls-cert' : '--tls-key'} was given.`
  }
  if (isLoopback(host) || tlsCert !== undefined || behindProxy) return undefined
  return (
    `--host is "${host}", which the network can reach, without a certificate. ` +
    'Give --tls-cert and --tls-key, or --behind-proxy when a reverse proxy in front of it speaks TLS.'
  )
}
