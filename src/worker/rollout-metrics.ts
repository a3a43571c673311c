import { Counter, Histogram, type Registry } from 'prom-client';
import type { ActivityMetrics, Subject } from '../activities/dependencies.js';

/** Every series bears whose it is (R31). */
const LABELS = ['service', 'environment', 'release_id', 'revision'] as const;
/** Release ids never end; the series of the oldest rollouts are dropped, or a worker would grow for ever. */
const SUBJECTS = 200;

type Labels = Record<string, string>;

/** What the activities count, as Prometheus metrics. */
export function rolloutMetrics(registry: Registry, mostSubjects = SUBJECTS): ActivityMetrics {
  const registers = [registry];
  const ticks = new Counter({
    name: 'sluice_ticks_judged_total',
    help: 'Ticks of supervision that were judged, by their verdict.',
    labelNames: [...LABELS, 'verdict'],
    registers,
  });
  const gates = new Counter({
    name: 'sluice_gate_verdicts_total',
    help: 'Verdicts by gate; one a tick.',
    labelNames: [...LABELS, 'gate', 'verdict'],
    registers,
  });
  const writes = new Histogram({
    name: 'sluice_route_write_seconds',
    help: 'Time that the router took to answer a write, by what it said.',
    labelNames: [...LABELS, 'write', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const revocations = new Counter({
    name: 'sluice_revocations_total',
    help: 'Ramps revoked, by why.',
    labelNames: [...LABELS, 'why'],
    registers,
  });
  const renewals = new Counter({
    name: 'sluice_lease_renewals_total',
    help: 'Renewals of leases, by what the router said.',
    labelNames: [...LABELS, 'outcome'],
    registers,
  });
  const bounded = new Bounded(mostSubjects);
  return {
    tickJudged: (subject, verdict) => {
      bounded.use(ticks, subject, { verdict }, (labels) => {
        ticks.inc(labels);
      });
    },
    gateJudged: (subject, gate, verdict) => {
      bounded.use(gates, subject, { gate, verdict }, (labels) => {
        gates.inc(labels);
      });
    },
    routeWritten: (subject, write, outcome, seconds) => {
      bounded.use(writes, subject, { write, outcome }, (labels) => {
        writes.observe(labels, seconds);
      });
    },
    revoked: (subject, why) => {
      bounded.use(revocations, subject, { why }, (labels) => {
        revocations.inc(labels);
      });
    },
    leaseRenewed: (subject, outcome) => {
      bounded.use(renewals, subject, { outcome }, (labels) => {
        renewals.inc(labels);
      });
    },
  };
}

type Metric = Counter | Histogram;

/** Remembers which series a subject has, the newest subject last. */
class Bounded {
  readonly #series = new Map<string, Map<string, { readonly metric: Metric; readonly labels: Labels }>>();

  constructor(readonly most: number) {}

  use(metric: Metric, subject: Subject, more: Labels, count: (labels: Labels) => void): void {
    const { target, candidate } = subject;
    const own = {
      service: target.service,
      environment: target.environment,
      release_id: candidate.release,
      revision: candidate.id,
    };
    const labels = { ...own, ...more };
    const key = JSON.stringify(own);
    const series = this.#series.get(key) ?? new Map<string, { readonly metric: Metric; readonly labels: Labels }>();
    series.set(`${metric instanceof Counter ? 'c' : 'h'} ${JSON.stringify(Object.entries(labels))}`, { metric, labels });
    this.#series.delete(key);
    this.#series.set(key, series);
    this.#dropOldest();
    count(labels);
  }

  #dropOldest(): void {
    for (const [key, series] of this.#series) {
      if (this.#series.size <= this.most) return;
      for (const { metric, labels } of series.values()) metric.remove(labels);
      this.#series.delete(key);
    }
  }
}
