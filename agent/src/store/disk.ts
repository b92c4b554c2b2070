import { statfsSync } from 'node:fs'

/** How much room a folder's file system has, as a port, so that a full disk can be rehearsed. */
export interface Disk {
  /** Bytes an ordinary user may still write; undefined when the file system will not say. */
  freeBytes(folder: string): number | undefined
}

export class SystemDisk implements Disk {
  freeBytes(folder: string): number | undefined {
    try {
      const { bavail, bsize } = statfsSync(folder)
      return bavail * bsize
    } catch {
      return undefined
    }
  }
}
