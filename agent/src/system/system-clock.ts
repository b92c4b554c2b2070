import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { hrtime } from 'node:process'
import {
  type BootId,
  bootId,
  type Clock,
  type DurationMs,
  type EpochMs,
  epochMs,
  type MonoMs,
  monoMs,
} from '@metergate/protocol'

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id'
/** Node waits at most this long in one go (2^31-1 ms); longer sleeps are cut up. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/**
 * A line counts its silences in tenths of a millisecond. Waits as short as these are kept exactly: Node's timers know whole
 * milliseconds only, and are up to one late.
 */
const FINE_BELOW_MS = 10
/** The end of a short wait, for which the thread sleeps: no CPU time, and no turn of the event loop to wait for. */
const ASLEEP_MS = 1.5
const NOBODY_WAKES = new Int32Array(new SharedArrayBuffer(4))

/** From the start of the monotonic clock to that of `performance`, which counts the same time and costs no big integers. */
const ORIGIN_MS = Number(hrtime.bigint()) / 1e6 - performance.now()

/** The box's own time. Monotonic time counts from the machine's boot and is shared by all processes of that boot. */
export class SystemClock implements Clock {
  readonly bootId: BootId

  /** `boot` only for tests or where the kernel names no boot. */
  constructor(boot: BootId = readBootId()) {
    this.bootId = boot
  }

  wall(): EpochMs {
    return epochMs(Date.now())
  }

  mono(): MonoMs {
    return monoMs(ORIGIN_MS + performance.now())
  }

  async sleep(duration: DurationMs, signal?: AbortSignal): Promise<void> {
    if (duration > 0 && duration < FINE_BELOW_MS) return waitExactly(duration, signal)
    let left = Math.max(0, duration)
    do {
      const step = Math.min(left, LONGEST_WAIT_MS)
      await wait(step, signal)
      left -= step
    } while (left > 0)
  }
}

/** Without a listener for the signal, which would cost more than the wait: it is looked at afterwards. */
async function waitExactly(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  const due = performance.now() + ms
  const whole = Math.floor(ms - ASLEEP_MS)
  // Others have their turn in any case, however short the wait.
  await new Promise<void>((resolve) => (whole >= 1 ? setTimeout(resolve, whole) : setImmediate(resolve)))
  const left = due - performance.now()
  if (left > 0) Atomics.wait(NOBODY_WAKES, 0, 0, left)
  signal?.throwIfAborted()
}

/** Not timers/promises: what that makes of an abort costs more than the wait, and the bus breaks off a wait for every answer. */
function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/**
 * The kernel's name for this boot. Where there is none (a container without /proc, another system), the boot is named
 * after the instant it must have happened, rounded so that a small clock correction does not rename it.
 */
export function readBootId(read: () => string = () => readFileSync(BOOT_ID_FILE, 'utf8')): BootId {
  try {
    return bootId(read().trim())
  } catch {
    const bootedMs = Date.now() - Number(hrtime.bigint() / 1_000_000n)
    return bootId(`boot-${Math.round(bootedMs / 60_000)}`)
  }
}
