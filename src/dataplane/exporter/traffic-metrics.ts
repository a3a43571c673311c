/**
 * The metrics of the traffic. Every series of a revision carries `service`, `revision` (the slot) and `release_id` (R31), and
 * those of configured slots exist from the start with 0: absent means "no data", never "no errors".
 */
import { Counter, Histogram, type Registry } from 'prom-client';
import { inSeconds } from './bounds.js';
import { codeClassOf, cutBy, latencyOf, trafficOf } from './classify.js';
import type { LoggedRequest } from './log-line.js';
import { Releases, type ReleaseKey, type ReleaseLimits } from './releases.js';
import { Workers } from './workers.js';

export interface TrafficOptions {
  readonly boundsMs: readonly number[];
  /** Media types whose latency is the time to the first byte (A23). */
  readonly streamed: readonly string[];
  readonly limits: ReleaseLimits;
  readonly monotonicMs: () => number;
}

const ROLES = ['stable', 'candidate'] as const;
/** Those that exist from the start; the rarer ones are born with their first request. */
const CODES = ['2xx', '3xx', '4xx', '5xx'] as const;
const ALL_CODES = [...CODES, '1xx', 'none'] as const;
const CUTTERS = ['server', 'operator'] as const;
const OF_REVISION = ['service', 'revision', 'release_id'] as const;
const OF_REQUEST = [...OF_REVISION, 'role', 'code'] as const;

export class TrafficMetrics {
  readonly #requests: Counter;
  readonly #pinned: Counter;
  readonly #relpin: Counter;
  readonly #cut: Counter;
  readonly #latency: Histogram;
  readonly #unrouted: Counter;
  readonly #candidateDown: Counter;
  readonly #releases: Releases;
  readonly #workers = new Workers();

  constructor(
    registry: Registry,
    private readonly options: TrafficOptions,
  ) {
    const registers = [registry];
    const counter = (name: string, help: string, labelNames: readonly string[]): Counter =>
      new Counter({ name, help, labelNames: [...labelNames], registers });
    this.#requests = counter('sluice_requests_total', 'Requests of users, by class of the status code.', OF_REQUEST);
    this.#pinned = counter(
      'sluice_pinned_requests_total',
      'Requests pinned to a revision (probes, warm-up); in no other series.',
      OF_REQUEST,
    );
    this.#relpin = counter(
      'sluice_relpin_requests_total',
      'Streams that came back to their revision by cookie; in no other series.',
      OF_REQUEST,
    );
    this.#cut = counter('sluice_streams_cut_total', 'Answers to users that broke off after a 2xx, by who cut them.', [
      ...OF_REVISION,
      'role',
      'by',
    ]);
    this.#latency = new Histogram({
      name: 'sluice_latency_seconds',
      help: 'What users waited: to the first byte for streamed answers, for others to the last.',
      labelNames: [...OF_REVISION],
      buckets: inSeconds(options.boundsMs),
      registers,
    });
    this.#unrouted = counter('sluice_unrouted_requests_total', 'Requests that the router answered before it chose a slot.', [
      'service',
      'code',
    ]);
    this.#candidateDown = counter(
      'sluice_candidate_down_total',
      'Requests drawn for a candidate without live servers, which stable got.',
      ['service', 'worker'],
    );
    this.#releases = new Releases(
      options.limits,
      (key) => {
        this.#born(key);
      },
      (key) => {
        this.#gone(key);
      },
    );
  }

  declare(service: string, slots: readonly string[]): void {
    for (const slot of slots) this.#releases.declare(service, slot);
    for (const worker of ['current', 'draining']) this.#candidateDown.inc({ service, worker }, 0);
    for (const code of CODES) this.#unrouted.inc({ service, code }, 0);
  }

  /** False when a cap on names forbids to count it. */
  record(request: LoggedRequest): boolean {
    const { service, slot = '', role = '', release, why } = request;
    const now = this.options.monotonicMs();
    const worker = this.#workers.note(request.pid, now);
    const code = codeClassOf(request.status);
    const traffic = trafficOf(request);
    if (traffic === 'unrouted') {
      if (!this.#releases.admits(service)) return false;
      this.#unrouted.inc({ service, code });
      return true;
    }
    if (!this.#releases.note({ service, slot, release }, now)) return false;
    const labels = { service, revision: slot, release_id: release };
    if (traffic !== 'user') {
      (traffic === 'pinned' ? this.#pinned : this.#relpin).inc({ ...labels, role, code });
      return true;
    }
    this.#requests.inc({ ...labels, role, code });
    const by = cutBy(request);
    if (by !== undefined) this.#cut.inc({ ...labels, role, by });
    const waitedMs = latencyOf(request, this.options.streamed);
    if (waitedMs !== undefined) this.#latency.observe(labels, waitedMs / 1_000);
    if (why === 'candidate-down') this.#candidateDown.inc({ service, worker });
    return true;
  }

  sweep(): void {
    this.#releases.sweep(this.options.monotonicMs());
  }

  #born({ service, slot, release }: ReleaseKey): void {
    const labels = { service, revision: slot, release_id: release };
    for (const role of ROLES) {
      for (const counter of [this.#requests, this.#pinned, this.#relpin])
        for (const code of CODES) counter.inc({ ...labels, role, code }, 0);
      for (const by of CUTTERS) this.#cut.inc({ ...labels, role, by }, 0);
    }
    this.#latency.zero(labels);
  }

  #gone({ service, slot, release }: ReleaseKey): void {
    const labels = { service, revision: slot, release_id: release };
    for (const role of ROLES) {
      for (const counter of [this.#requests, this.#pinned, this.#relpin])
        for (const code of ALL_CODES) counter.remove({ ...labels, role, code });
      for (const by of CUTTERS) this.#cut.remove({ ...labels, role, by });
    }
    this.#latency.remove(labels);
  }
}
