import { constants, type FileHandle, mkdir, open, rename, statfs, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface DiskSpace {
  readonly freeBytes: number
  readonly totalBytes: number
}

/** Space on the file system that holds `folder`, as an unprivileged user sees it. */
export async function diskSpace(folder: string): Promise<DiskSpace> {
  const { bsize, bavail, blocks } = await statfs(folder)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

/** Makes a folder that only its owner may enter. */
export async function privateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
}

/**
 * Replaces `file` so that after a power cut it holds the old or the new content, never half: written beside it (mode
 * 0600), synced, renamed over it, folder synced. Throws what the file system throws.
 */
export async function writePrivately(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(file), `.${process.pid}.${file.slice(dirname(file).length + 1)}.tmp`)
  try {
    await withFile(await open(temporary, 'w', 0o600), async (handle) => {
      await handle.writeFile(content)
      await handle.sync()
    })
    await rename(temporary, file)
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw error
  }
  await withFile(await open(dirname(file), constants.O_RDONLY), (handle) => handle.sync())
}

async function withFile(handle: FileHandle, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  try {
    await use(handle)
  } finally {
    await handle.close()
  }
}
