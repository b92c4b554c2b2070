/** A mistake of the person at the keyboard or in the settings: message and exit code 2, no stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What the system says of a file, in words for a person. */
export function systemReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const known = REASONS.get(code)
  return known ?? (error instanceof Error ? error.message : String(error))
}

const REASONS = new Map([
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EROFS', 'the file system is read-only'],
  ['ENOENT', 'no such file or folder, and none can be made there'],
  ['ENOTDIR', 'part of the path is a file, not a folder'],
  ['EEXIST', 'a file of this name is in the way'],
  ['EISDIR', 'it is a folder, not a file'],
  ['ENOSPC', 'the disk is full'],
])
