import { bootId, type Clock, epochMs, monoMs } from '@metergate/protocol'

/** A clock set by hand, wall and monotonic apart, for what looks at the time and never waits. */
export class HandClock implements Clock {
  readonly bootId = bootId('b1')
  constructor(
    public monoNow: number,
    public offset: number,
  ) {}
  wall() {
    return epochMs(Math.floor(this.monoNow + this.offset))
  }
  mono() {
    return monoMs(this.monoNow)
  }
  sleep(): Promise<void> {
    throw new Error('nobody waits here')
  }
}
