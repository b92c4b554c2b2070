import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Gives every run a temporary folder of its own and takes it away at the end, whatever the tests left in it. */
export default function ownTemporaryFolder(): () => void {
  // Short, because the path of a local socket has to fit 108 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'mg-'))
  // A PostgreSQL started by root runs as somebody else and has to get through to its own folder.
  chmodSync(folder, 0o711)
  process.env.TMPDIR = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
