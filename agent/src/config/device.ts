import { realpathSync } from 'node:fs'
import { posix } from 'node:path'
import type { LinePort } from './parse.js'

/**
 * One name for one port, however it is written: a device has several paths (by-id beside ttyUSB0), this machine several
 * addresses. Two lines on one port would talk at once.
 */
export function deviceOf(port: LinePort): string {
  if (port.kind === 'serial') return realPath(port.path)
  const host = port.host.toLowerCase().replace(/\.$/, '')
  const isHere = host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
  return `${isHere ? 'localhost' : host}:${port.port}`
}

/** What is not plugged in yet is known by its name only. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return posix.normalize(path)
  }
}
