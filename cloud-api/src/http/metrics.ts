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
  readonly records = new Counter({
    name: 'metergate_records_total',
    help: 'Records committed',
    registers: [this.registry],
  })
  readonly rejected = new Counter({
    name: 'metergate_rejected_records_total',
    help: 'Records kept but not understood',
    registers: [this.registry],
  })
  readonly bytes = new Counter({
    name: 'metergate_batch_bytes_total',
    help: 'Compressed bytes of committed batches',
    registers: [this.registry],
  })
  readonly heartbeats = new Counter({
    name: 'metergate_heartbeats_total',
    help: 'Heartbeats filed',
    registers: [this.registry],
  })
  readonly turnedAway = new Counter({
    name: 'metergate_turned_away_total',
    help: 'Requests refused with 503 because the server was full',
    registers: [this.registry],
  })
  readonly connections = new Gauge({
    name: 'metergate_connections',
    help: 'Connections open now, idle ones included',
    registers: [this.registry],
  })
  readonly cutOff = new Counter({
    name: 'metergate_connections_cut_off_total',
    help: 'Connections cut off because there were too many: nobody on them could be told when to come again',
    registers: [this.registry],
  })
  readonly working = new Gauge({
    name: 'metergate_batches_working',
    help: 'Batches being worked on now',
    registers: [this.registry],
  })
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
}
