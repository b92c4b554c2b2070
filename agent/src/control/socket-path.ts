import { join } from 'node:path'

/** Where the daemon of a data folder listens. */
export const controlSocketPath = (folder: string): string => join(folder, 'control.sock')
