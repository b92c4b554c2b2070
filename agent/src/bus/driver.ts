import { readSync, writeSync } from 'node:fs'
import { fail, ok, type Result } from '@metergate/protocol'
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

  /**
   * Calls back once, with bytes that came, with nothing when it was woken for nothing, or with the error of a port that is closed or
   * gone. A call-back, as this happens several times for every answer.
   */
  next(heard: (bytes: Result<Uint8Array | undefined, Error>) => void): void {
    const port = this.#port
    if (isDescriptor(port)) {
      port.poller.once('readable', (error: Error | null) => {
        heard(error ? fail(error) : caught(() => this.#take(port)))
      })
      return
    }
    port.read(this.#buffer, 0, this.#buffer.length).then(
      ({ bytesRead }) => heard(ok(Uint8Array.from(this.#buffer.subarray(0, bytesRead)))),
      (reason: unknown) => heard(fail(asError(reason))),
    )
  }

  /** What lies in the driver now; undefined when nothing does, or when it cannot be told without waiting. */
  readNow(): Result<Uint8Array | undefined, Error> {
    const port = this.#port
    return isDescriptor(port) ? caught(() => this.#take(port)) : ok(undefined)
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
    return count === undefined ? undefined : new Uint8Array(this.#buffer.subarray(0, count))
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

function caught<T>(call: () => T): Result<T, Error> {
  try {
    return ok(call())
  } catch (error) {
    return fail(asError(error))
  }
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))

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
