import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What Prometheus may know: counts and times, no gateway, meter or value. */
export class Metrics {
  private readonly registry = new Registry()
  readonly batches = new Counter({
    name: 'metergate_batches_total',
    help: 'Batches received, by what became of them',
    labelNames: ['outcome'],
    registers: [this.registry],
  })
  readonly records = this.counter('metergate_records_total', 'Records committed')
  readonly rejected = this.counter('metergate_rejected_records_total', 'Records kept but not understood')
  readonly bytes = this.counter('metergate_batch_bytes_total', 'Compressed bytes of committed batches')
  readonly heartbeats = this.counter('metergate_heartbeats_total', 'Heartbeats filed')
  readonly turnedAway = this.counter(
    'metergate_turned_away_total',
    'Requests refused with 503 because the server was full',
  )
  readonly connections = this.gauge('metergate_connections', 'Connections open now, idle ones included')
  readonly cutOff = this.counter(
    'metergate_connections_cut_off_total',
    'Connections cut off because there were too many: nobody on them could be told when to come again',
  )
  readonly working = this.gauge('metergate_batches_working', 'Batches being worked on now')
  readonly commitSeconds = new Histogram({
    name: 'metergate_batch_commit_seconds',
    help: 'From the whole body received to the commit',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [this.registry],
  })

  /** Adds the process' own figures (memory, event loop, file descriptors). */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.registry })
  }

  text(): Promise<string> {
    return this.registry.metrics()
  }

  get contentType(): string {
    return this.registry.contentType
  }

  private counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.registry] })
  }

  private gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.registry] })
  }
}
