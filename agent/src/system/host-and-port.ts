/** An IPv6 address keeps apart from its port by brackets, which are no part of it. */
export const hostAndPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
