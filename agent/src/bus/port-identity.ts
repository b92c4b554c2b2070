import { realpath } from 'node:fs/promises'
import { SerialPort } from 'serialport'

/** What tells one USB adapter from another, whatever name the system gives it today. */
export interface PortIdentity {
  readonly vendorId: string
  readonly productId: string
  readonly serialNumber: string | undefined
}

/** A serial port as the system lists it. */
export interface ListedPort {
  readonly path: string
  readonly vendorId?: string | undefined
  readonly productId?: string | undefined
  readonly serialNumber?: string | undefined
}

/** The serial ports of this box. */
export type ListPorts = () => Promise<readonly ListedPort[]>

/** The adapter behind a path; undefined when it is none of USB (a soldered port, a pty). */
export async function portIdentity(path: string, list: ListPorts): Promise<PortIdentity | undefined> {
  const real = await realpath(path).catch(() => path)
  return identityAt(await list(), real)
}

/**
 * Where that adapter is plugged in now: under its old name, unless another adapter has that by now. Two of them whose hub lost its supply
 * come back in any order, and each would be the other's line.
 */
export async function relocated(path: string, identity: PortIdentity, list: ListPorts): Promise<string> {
  const ports = await list()
  const real = await realpath(path).catch(() => undefined)
  const holder = real === undefined ? undefined : identityAt(ports, real)
  const isOther = holder !== undefined && !isSame(holder, identity)
  if (real !== undefined && !isOther) return path
  return findPort(ports, identity) ?? path
}

const isSame = (a: PortIdentity, b: PortIdentity): boolean =>
  a.vendorId === b.vendorId && a.productId === b.productId && a.serialNumber === b.serialNumber

/**
 * The one port with this identity. Adapters of the cheap kind have no serial number of their own: then vendor and product must be
 * unique on this box, because talking on the wrong line is worse than not talking.
 */
export function findPort(ports: readonly ListedPort[], identity: PortIdentity): string | undefined {
  const same = ports.filter((port) => port.vendorId === identity.vendorId && port.productId === identity.productId)
  const exact = same.filter((port) => port.serialNumber === identity.serialNumber)
  const [only, ...others] = identity.serialNumber === undefined ? same : exact
  return others.length === 0 ? only?.path : undefined
}

function identityAt(ports: readonly ListedPort[], path: string): PortIdentity | undefined {
  const port = ports.find((each) => each.path === path)
  if (port?.vendorId === undefined || port.productId === undefined) return undefined
  return { vendorId: port.vendorId, productId: port.productId, serialNumber: port.serialNumber }
}

export async function listPorts(): Promise<readonly ListedPort[]> {
  return SerialPort.list().catch(() => [])
}
