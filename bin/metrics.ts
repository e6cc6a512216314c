/** The metrics of OPERATIONS.md on prom-client, behind the engine's metrics hook. No id is ever a label. */

import type { MetricsHook } from 'gavel/streams';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

import { VERSION } from './version.ts';

const PREFIX = 'gavel_';

/** Seconds; from a tenth of a millisecond to ten seconds. */
const DURATIONS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Definition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
}

/** Without prefix. */
const DEFINITIONS: Readonly<Record<string, Definition>> = {
  instance_state: { kind: 'gauge', help: '1 for the state that the instance is in.', labels: ['state'] },
  tasks_assigned: { kind: 'gauge', help: 'Tasks of the instance.', labels: ['role'] },
  records_processed_total: { kind: 'counter', help: 'Records that processors have handled.', labels: ['subtopology'] },
  records_produced_total: { kind: 'counter', help: 'Records written to output topics.' },
  records_dropped_total: { kind: 'counter', help: 'Records that were skipped.', labels: ['reason'] },
  records_ignored_total: {
    kind: 'counter',
    help: 'Records of the deciding log that had no effect.',
    labels: ['record'],
  },
  records_dlq_total: { kind: 'counter', help: 'Records sent to dead letters.' },
  record_e2e_latency_seconds: {
    kind: 'histogram',
    help: 'From the time of the newest record of an epoch to its commit.',
    labels: ['subtopology'],
  },
  consumer_lag_records: { kind: 'gauge', help: 'Records not yet committed.', labels: ['topic', 'partition'] },
  commit_duration_seconds: { kind: 'histogram', help: 'From the cut of an epoch to its end.' },
  commits_total: { kind: 'counter', help: 'Commits by outcome.', labels: ['outcome'] },
  producer_reinit_total: { kind: 'counter', help: 'Producers begun anew.' },
  restarts_total: { kind: 'counter', help: 'Work begun anew from the offsets of the group.', labels: ['reason'] },
  rebalances_total: { kind: 'counter', help: 'Rebalances of the group.' },
  restore_records_total: { kind: 'counter', help: 'Records read from changelogs.' },
  bids_total: { kind: 'counter', help: 'Verdicts by outcome and reason.', labels: ['outcome', 'reason'] },
  auctions_open: { kind: 'gauge', help: 'Auctions that take bids.' },
  auctions_closed_total: { kind: 'counter', help: 'Closings by status.', labels: ['status'] },
  auction_close_delay_seconds: { kind: 'histogram', help: 'From the end of an auction to its closing.' },
  fraud_flags_total: { kind: 'counter', help: 'Flags by the signal that weighed most.', labels: ['signal'] },
  event_loop_lag_seconds: { kind: 'gauge', help: 'How late timers come, 99th percentile since the last look.' },
  http_request_duration_seconds: {
    kind: 'histogram',
    help: 'Answers of the metrics and health server.',
    labels: ['route', 'status'],
  },
  build_info: { kind: 'gauge', help: '1, with the version as a label.', labels: ['version'] },
};

/** The hook for the engine, and the text for Prometheus. */
export class Metrics implements MetricsHook {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, { kind, labels = [] }] of Object.entries(DEFINITIONS)) {
      if (kind === 'counter') this.#counter(name, labels);
      else if (kind === 'gauge') this.#gauge(name, labels);
      else this.#histogram(name, labels);
    }
    this.gauge('build_info', 1, { version: VERSION });
  }

  count(name: string, labels: Readonly<Record<string, string>>, by: number): void {
    this.#counter(name, Object.keys(labels)).inc(labels, by);
  }

  observe(name: string, value: number, labels: Readonly<Record<string, string>>): void {
    this.#histogram(name, Object.keys(labels)).observe(labels, value);
  }

  gauge(name: string, value: number, labels: Readonly<Record<string, string>>): void {
    this.#gauge(name, Object.keys(labels)).set(labels, value);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  // A name that is not in the table comes from a processor of someone's own: it is made as it is first used.

  #counter(name: string, labels: readonly string[]): Counter {
    return made(this.#counters, name, () => new Counter(this.#configuration(name, labels)));
  }

  #gauge(name: string, labels: readonly string[]): Gauge {
    return made(this.#gauges, name, () => new Gauge(this.#configuration(name, labels)));
  }

  #histogram(name: string, labels: readonly string[]): Histogram {
    return made(
      this.#histograms,
      name,
      () => new Histogram({ ...this.#configuration(name, labels), buckets: DURATIONS }),
    );
  }

  #configuration(name: string, labels: readonly string[]) {
    const help = DEFINITIONS[name]?.help ?? 'Counted by a processor.';
    return { name: `${PREFIX}${name}`, help, labelNames: [...labels], registers: [this.#registry] };
  }
}

function made<M>(known: Map<string, M>, name: string, make: () => M): M {
  let metric = known.get(name);
  if (metric === undefined) known.set(name, (metric = make()));
  return metric;
}
