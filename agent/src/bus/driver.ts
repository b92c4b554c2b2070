import { readSync, writeSync } from 'node:fs'
import type { SerialPort } from 'serialport'

/** A serial device the library has opened. */
export type OpenPort = Awaited<ReturnType<typeof SerialPort.binding.open>>
/** One with a file descriptor of its own: Linux and macOS. */
type DescriptorPort = Extract<OpenPort, { readonly poller: unknown }>

const LONGEST_READ = 512

/**
 * Bytes to and from an open port. Where the port is a file descriptor it is read and written directly, as it never blocks: the
 * library's own calls make two trips through the thread pool for each chunk, and go round for ever on a port that hung up.
 */
export class Driver {
  readonly #port: OpenPort
  readonly #buffer = Buffer.alloc(LONGEST_READ)

  constructor(port: OpenPort) {
    this.#port = port
  }

  /** Waits for bytes and takes them. Rejects when the port is closed or gone. */
  async read(): Promise<Uint8Array> {
    const port = this.#port
    if (!isDescriptor(port)) {
      const { bytesRead } = await port.read(this.#buffer, 0, this.#buffer.length)
      return Uint8Array.from(this.#buffer.subarray(0, bytesRead))
    }
    for (;;) {
      await readable(port)
      const bytes = this.#take(port)
      if (bytes) return bytes
    }
  }

  /** What lies in the driver now; undefined when nothing does, or when it cannot be told without waiting. */
  readNow(): Uint8Array | undefined {
    const port = this.#port
    return isDescriptor(port) ? this.#take(port) : undefined
  }

  /** Resolves when the driver has all of `bytes`. */
  async write(bytes: Uint8Array): Promise<void> {
    const port = this.#port
    const left = isDescriptor(port) ? bytes.subarray(writeNow(port, bytes)) : bytes
    if (left.length > 0) await port.write(Buffer.from(left))
  }

  #take(port: DescriptorPort): Uint8Array | undefined {
    const fd = descriptor(port)
    const count = orWouldBlock(() => readSync(fd, this.#buffer))
    if (count === 0) throw new Error('the device hung up')
    return count === undefined ? undefined : Uint8Array.from(this.#buffer.subarray(0, count))
  }
}

/** Bytes the driver took without waiting. */
function writeNow(port: DescriptorPort, bytes: Uint8Array): number {
  const fd = descriptor(port)
  return orWouldBlock(() => writeSync(fd, bytes)) ?? 0
}

const isDescriptor = (port: OpenPort): port is DescriptorPort => 'poller' in port

function descriptor({ fd }: DescriptorPort): number {
  if (fd === null) throw new Error('the port is closed')
  return fd
}

function readable({ poller }: DescriptorPort): Promise<void> {
  return new Promise((resolve, reject) => {
    poller.once('readable', (error: Error | null) => (error ? reject(error) : resolve()))
  })
}

/** Undefined when the call would have had to wait. */
function orWouldBlock(call: () => number): number | undefined {
  try {
    return call()
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EAGAIN' || error.code === 'EINTR'))
      return undefined
    throw error
  }
}
