/**
 * The metrics of one service's traffic, in a registry of their own: whoever asks for one service of hundreds is answered
 * without a look at the others. Every series of a revision carries `service`, `revision` (the slot) and `release_id` (R31),
 * and those of configured slots exist from the start with 0: absent means "no data", never "no errors".
 */
import { Counter, Histogram, Registry } from 'prom-client';
import { inSeconds } from '../../domain/latency-bounds.js';
import { codeClassOf, cutBy } from './classify.js';
import type { LoggedRequest } from './log-line.js';
import type { ReleaseKey } from './releases.js';

const ROLES = ['stable', 'candidate'] as const;
/** Those that exist from the start; the rarer ones are born with their first request. */
const CODES = ['2xx', '3xx', '4xx', '5xx'] as const;
const ALL_CODES = [...CODES, '1xx', 'none'] as const;
const CUTTERS = ['server', 'operator'] as const;
const OF_REVISION = ['service', 'revision', 'release_id'] as const;
const OF_REQUEST = [...OF_REVISION, 'role', 'code'] as const;

export class TrafficMetrics {
  readonly registry = new Registry();
  readonly #requests: Counter;
  readonly #pinned: Counter;
  readonly #relpin: Counter;
  readonly #cut: Counter;
  readonly #latency: Histogram;
  readonly #unrouted: Counter;
  readonly #candidateDown: Counter;
  readonly #returns: Counter;
  readonly #violations: Counter;
  /** The route that decided on the request routed last. */
  #newest = { at: 0, generation: '' };

  constructor(boundsMs: readonly number[]) {
    const registers = [this.registry];
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
      buckets: inSeconds(boundsMs),
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
    this.#returns = counter(
      'sluice_sticky_returns_total',
      'Requests of users whom the candidate had answered before in its ramp, by the revision that answered now.',
      OF_REVISION,
    );
    this.#violations = counter(
      'sluice_sticky_violations_total',
      'Those of them that stable answered because the user was told apart as somebody else.',
      OF_REVISION,
    );
  }

  declare(service: string): void {
    for (const worker of ['current', 'draining']) this.#candidateDown.inc({ service, worker }, 0);
    for (const code of CODES) this.#unrouted.inc({ service, code }, 0);
  }

  unrouted({ service, status }: LoggedRequest): void {
    this.#unrouted.inc({ service, code: codeClassOf(status) });
  }

  /** By the router or by a cookie, not by the weights. */
  steered(request: LoggedRequest, how: 'pinned' | 'relpin'): void {
    (how === 'pinned' ? this.#pinned : this.#relpin).inc(ofRequest(request));
  }

  /** `waitedMs`: undefined where nothing tells. */
  user(request: LoggedRequest, waitedMs: number | undefined, worker: 'current' | 'draining'): void {
    const { service, role = '', why, stick } = request;
    const labels = ofRevision(request);
    this.#requests.inc(ofRequest(request));
    const by = cutBy(request);
    if (by !== undefined) this.#cut.inc({ ...labels, role, by });
    if (waitedMs !== undefined) this.#latency.observe(labels, waitedMs / 1_000);
    if (this.#isOfTheNewestRoute(request)) {
      if (stick !== undefined) this.#returns.inc(labels);
      if (stick === 'broken') this.#violations.inc(labels);
    }
    if (why === 'candidate-down') this.#candidateDown.inc({ service, worker });
  }

  /** A line is written when its answer ends: whom an earlier route sent away must not count against the one that mended it. */
  #isOfTheNewestRoute({ at, generation }: LoggedRequest): boolean {
    if (at >= this.#newest.at) this.#newest = { at, generation };
    return generation === this.#newest.generation;
  }

  born({ service, slot, release }: ReleaseKey): void {
    const labels = { service, revision: slot, release_id: release };
    for (const role of ROLES) {
      for (const counter of [this.#requests, this.#pinned, this.#relpin])
        for (const code of CODES) counter.inc({ ...labels, role, code }, 0);
      for (const by of CUTTERS) this.#cut.inc({ ...labels, role, by }, 0);
    }
    for (const counter of [this.#returns, this.#violations]) counter.inc(labels, 0);
    this.#latency.zero(labels);
  }

  gone({ service, slot, release }: ReleaseKey): void {
    const labels = { service, revision: slot, release_id: release };
    for (const role of ROLES) {
      for (const counter of [this.#requests, this.#pinned, this.#relpin])
        for (const code of ALL_CODES) counter.remove({ ...labels, role, code });
      for (const by of CUTTERS) this.#cut.remove({ ...labels, role, by });
    }
    for (const counter of [this.#returns, this.#violations]) counter.remove(labels);
    this.#latency.remove(labels);
  }
}

const ofRevision = ({ service, slot = '', release }: LoggedRequest) => ({ service, revision: slot, release_id: release });

const ofRequest = (request: LoggedRequest) => ({
  ...ofRevision(request),
  role: request.role ?? '',
  code: codeClassOf(request.status),
});
